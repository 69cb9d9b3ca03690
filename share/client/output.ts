/** Where a secret goes: a text to standard output, files into one directory. */
import { type Bytes, randomBytes, toBase64Url, utf8 } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";
import type { Manifest, SharedFile } from "../../core/share/manifest.ts";
import { numberedName, safeName } from "../../core/share/names.ts";
import type { Output } from "./open.ts";

/** How many files of one name there may be in a directory. */
const MAX_SAME = 1_000;

/** Writes a text to standard output, or files into a directory: the manifest says which it is. */
export class DirectoryOutput implements Output {
  #chosen: TextOutput | FilesOutput | undefined;

  /** @param toTerminal whether standard output is one */
  constructor(private readonly directory: string, private readonly toTerminal: boolean) {}

  /** The names that the files were given, in order. */
  get names(): readonly string[] {
    return this.#chosen instanceof FilesOutput ? this.#chosen.names : [];
  }

  async begin(manifest: Manifest): Promise<void> {
    this.#chosen = manifest.kind === "text"
      ? new TextOutput(this.toTerminal)
      : new FilesOutput(this.directory, manifest.files);
    await this.#chosen.begin();
  }

  async write(bytes: Bytes): Promise<void> {
    await this.#chosen?.write(bytes);
  }

  async complete(): Promise<void> {
    await this.#chosen?.complete();
  }

  async discard(): Promise<void> {
    await this.#chosen?.discard();
  }
}

/** A text: byte for byte, but for a terminal without what would drive it. */
class TextOutput {
  readonly #decoder = new TextDecoder();

  constructor(private readonly toTerminal: boolean) {}

  begin(): Promise<void> {
    return Promise.resolve();
  }

  async write(bytes: Bytes): Promise<void> {
    const shown = this.toTerminal ? harmless(this.#decoder.decode(bytes, { stream: true })) : bytes;
    await writeOut(shown);
  }

  async complete(): Promise<void> {
    if (this.toTerminal) await writeOut(harmless(`${this.#decoder.decode()}\n`));
  }

  discard(): Promise<void> {
    return Promise.resolve();
  }
}

/** The text without escapes, overrides of direction and other controls: they are spelled out. */
export function harmless(text: string): Bytes {
  return utf8(text.replace(/[\p{Cc}\p{Cf}]/gu, (character) => {
    const isPlain = character === "\n" || character === "\t";
    return isPlain ? character : `\\u{${character.codePointAt(0)!.toString(16)}}`;
  }));
}

async function writeOut(bytes: Bytes): Promise<void> {
  try {
    for (let done = 0; done < bytes.length;) done += await Deno.stdout.write(bytes.subarray(done));
  } catch (cause) {
    throw new CryptoError("io", { subject: "standard output", cause });
  }
}

/** Files, each under a hidden name until all of them are proven authentic and on the disk. */
class FilesOutput {
  readonly #hidden: string[] = [];
  #current: Deno.FsFile | undefined;
  #left = 0;
  readonly #names: string[] = [];

  constructor(private readonly directory: string, private readonly files: readonly SharedFile[]) {}

  /** The names that were given so far. */
  get names(): readonly string[] {
    return this.#names;
  }

  async begin(): Promise<void> {
    await this.#advance();
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
      const path = this.#at(`.crypto.${toBase64Url(randomBytes(9))}`);
      const options = { write: true, createNew: true, mode: 0o600 } as const;
      this.#current = await this.#writing(() => Deno.open(path, options));
      this.#hidden.push(path);
      this.#left = next.size;
    }
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

  async complete(): Promise<void> {
    for (const [i, { name }] of this.files.entries()) {
      this.#names.push(await this.#publish(this.#hidden[i]!, safeName(name)));
    }
    await this.#remove(this.#hidden);
  }

  /** Gives a file its name, or with a number the next that is free; nothing is replaced. */
  async #publish(hidden: string, name: string): Promise<string> {
    for (let number = 1; number <= MAX_SAME; number++) {
      const free = number === 1 ? name : numberedName(name, number);
      try {
        await Deno.link(hidden, this.#at(free));
        return free;
      } catch (cause) {
        if (!(cause instanceof Deno.errors.AlreadyExists)) throw this.#failure(cause);
      }
    }
    throw new CryptoError("file_exists", { subject: name });
  }

  async discard(): Promise<void> {
    this.#current?.close();
    this.#current = undefined;
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
    return new CryptoError("io", { subject: this.directory, cause });
  }
}

async function writeAll(file: Deno.FsFile, bytes: Bytes): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
}
