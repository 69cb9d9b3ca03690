/** Files that come out of a secret, in one directory. */
import type { Bytes } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";
import { type SharedFile, totalSize } from "../../core/share/manifest.ts";
import { numberedName, safeName } from "../../core/share/names.ts";
import { syncDirectory } from "../../platform/durable.ts";

/** How many files of one name there may be in a directory. */
const MAX_SAME = 1_000;
const OTHERS = 0o077;
/** What the system says of a second name where a file can have but one: vfat, exFAT and others. */
const NO_LINKS: readonly unknown[] = ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"];

/**
 * Files, each under a hidden name until all of them are proven authentic and on the disk. The
 * hidden names are those of an earlier run with the same mark, which this one may go on from.
 */
export class FilesOutput {
  readonly #hidden: string[] = [];
  readonly #names: string[] = [];
  #current: Deno.FsFile | undefined;
  #left = 0;

  /** @param mark a part of the hidden names that nobody else can know */
  constructor(
    private readonly directory: string,
    private readonly files: readonly SharedFile[],
    private readonly mark: string,
  ) {}

  /** The names that were given so far. */
  get names(): readonly string[] {
    return this.#names;
  }

  /** @returns `position` if an earlier run's files are there up to it, else 0: then they begin anew */
  async begin(position: number): Promise<number> {
    if (position > 0 && await this.#goOn(position)) return position;
    this.#current?.close();
    this.#current = undefined;
    this.#hidden.length = 0;
    this.#left = 0;
    await this.#advance();
    return 0;
  }

  /** Opens the files of an earlier run, whole ones and the one in which `position` lies. */
  async #goOn(position: number): Promise<boolean> {
    if (position > totalSize(this.files)) return false;
    let left = position;
    for (const { size } of this.files) {
      const path = this.#nextHidden();
      const file = await openOwn(path, Math.min(left, size));
      if (!file) return false;
      this.#hidden.push(path);
      this.#current = file;
      this.#left = size - Math.min(left, size);
      left -= size - this.#left;
      if (this.#left > 0) break;
      await this.#close();
    }
    return true;
  }

  async write(bytes: Bytes): Promise<void> {
    for (let rest = bytes; rest.length > 0;) {
      const part = rest.subarray(0, this.#left);
      if (part.length === 0) throw new CryptoError("malformed");
      await this.#writing(() => writeAll(this.#current!, part));
      rest = rest.subarray(part.length);
      this.#left -= part.length;
      await this.#advance();
    }
  }

  /** Goes on to the next file when one is full, which an empty one is at once. */
  async #advance(): Promise<void> {
    while (this.#left === 0) {
      await this.#close();
      const next = this.files[this.#hidden.length];
      if (!next) return;
      const path = this.#nextHidden();
      const options = { write: true, createNew: true, mode: 0o600 } as const;
      await Deno.remove(path).catch(() => {});
      this.#current = await this.#writing(() => Deno.open(path, options));
      this.#hidden.push(path);
      this.#left = next.size;
    }
  }

  #nextHidden(): string {
    return this.#at(`.crypto.${this.mark}.${this.#hidden.length}`);
  }

  /** Puts on the disk what was written: from there another run may go on. */
  async sync(): Promise<boolean> {
    await this.#writing(async () => await this.#current?.syncData());
    return true;
  }

  async #close(): Promise<void> {
    const file = this.#current;
    this.#current = undefined;
    if (!file) return;
    try {
      await this.#writing(() => file.sync());
    } finally {
      file.close();
    }
  }

  /** Gives all their names, which are on the disk when this settles. */
  async complete(): Promise<void> {
    for (const [i, { name }] of this.files.entries()) {
      this.#names.push(await this.#publish(this.#hidden[i]!, safeName(name)));
    }
    await this.#remove(this.#hidden);
    await this.#writing(async () => await syncDirectory(this.directory));
  }

  /** Gives a file its name, or with a number the next that is free; nothing is replaced. */
  async #publish(hidden: string, name: string): Promise<string> {
    for (let number = 1; number <= MAX_SAME; number++) {
      const free = number === 1 ? name : numberedName(name, number);
      try {
        await giveName(hidden, this.#at(free));
        return free;
      } catch (cause) {
        if (!(cause instanceof Deno.errors.AlreadyExists)) throw this.#failure(cause);
      }
    }
    throw new CryptoError("file_exists", { subject: name });
  }

  suspend(): void {
    this.#current?.close();
    this.#current = undefined;
  }

  async discard(): Promise<void> {
    this.suspend();
    await this.#remove([...this.#hidden, ...this.#names.map((name) => this.#at(name))]);
  }

  async #remove(paths: readonly string[]): Promise<void> {
    for (const path of paths) await Deno.remove(path).catch(() => {});
  }

  #at(name: string): string {
    return `${this.directory}/${name}`;
  }

  async #writing<T>(write: () => Promise<T>): Promise<T> {
    try {
      return await write();
    } catch (cause) {
      throw this.#failure(cause);
    }
  }

  #failure(cause: unknown): CryptoError {
    const hint = "see its permissions and free space, and open the link again: until the claim " +
      "ends it is kept for you";
    return new CryptoError("io", { subject: this.directory, hint, cause });
  }
}

/**
 * Gives a file a name that nothing has.
 * @throws {Deno.errors.AlreadyExists} what something has
 */
async function giveName(hidden: string, path: string): Promise<void> {
  try {
    await Deno.link(hidden, path);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && NO_LINKS.includes(error.code))) throw error;
    // Made first, so that it is this one which the file takes the place of.
    (await Deno.open(path, { write: true, createNew: true, mode: 0o600 })).close();
    await Deno.rename(hidden, path);
  }
}

/**
 * Opens a file at `length`, cutting what is behind; only if it is the one that this user has made:
 * in a directory that others can write to it may have been put in its place.
 */
async function openOwn(path: string, length: number): Promise<Deno.FsFile | undefined> {
  const named = await Deno.lstat(path).catch(() => undefined);
  if (!named?.isFile) return undefined;
  const file = await Deno.open(path, { write: true });
  const { ino, dev, mode, size, nlink } = await file.stat();
  const same = ino === named.ino && dev === named.dev;
  const own = nlink === 1 && ((mode ?? OTHERS) & OTHERS) === 0;
  if (!same || !own || size < length) {
    file.close();
    return undefined;
  }
  await file.truncate(length);
  await file.seek(length, Deno.SeekMode.Start);
  return file;
}

async function writeAll(file: Deno.FsFile, bytes: Bytes): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
}
