/**
 * The file beside a file that is being rewrapped. It is a journal of the bytes that are about to
 * change, or the whole new file on its way to the name. Its name follows from the file's, so that
 * the next run finds what a killed one has left; while it is worked on it is locked.
 */
import { type Bytes, toBase64Url, utf8 } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";
import { parent } from "../../core/layout.ts";

const PREFIX = ".crypto-rewrap.";
/** Characters of the hash in its name: 132 bits. */
const HASH_LENGTH = 22;

/** Whether a name is that of such a file. */
export function isBesideName(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** The path beside a path. It is never too long: it is not made of the name, but of its hash. */
export async function besidePath(path: string): Promise<string> {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(name)));
  return `${parent(path)}/${PREFIX}${toBase64Url(hash).slice(0, HASH_LENGTH)}`;
}

/** Such a file, opened and locked; empty, or what a killed run has left. */
export class Beside implements Disposable {
  #closed = false;

  private constructor(readonly path: string, readonly file: Deno.FsFile) {}

  /** @throws {CryptoError} `already_running`, `unsafe_path`, `io` */
  static async open(path: string): Promise<Beside> {
    for (;;) {
      const file = openNew(path) ?? openOld(path);
      if (!file) continue;
      if (!await file.tryLock(true)) {
        file.close();
        const hint = "another `crypto rewrap` is at work on it: wait for its end";
        throw new CryptoError("already_running", { subject: path, hint });
      }
      // Whoever had the lock before may have removed what this is.
      if (isStillThere(path, file)) return new Beside(path, file);
      file.close();
    }
  }

  /** Writes all of its content, and waits until it and its name are on the disk. */
  async write(bytes: Bytes): Promise<void> {
    await this.file.truncate();
    await this.file.seek(0, Deno.SeekMode.Start);
    await writeFully(this.file, bytes);
    await this.sync();
  }

  async sync(): Promise<void> {
    await this.file.sync();
    await syncNames(this.path);
  }

  /** Gives it the name of the file that it replaces. */
  async take(name: string): Promise<void> {
    await Deno.rename(this.path, name);
    await syncNames(name);
    this.#close();
  }

  async remove(): Promise<void> {
    await Deno.remove(this.path);
    this.#close();
  }

  #close(): void {
    this.file.close();
    this.#closed = true;
  }

  /** Leaves what is in it for the next run. */
  [Symbol.dispose](): void {
    if (!this.#closed) this.#close();
  }
}

/** Writes all of it, in as many calls as that takes. */
export async function writeFully(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await file.write(bytes.subarray(done));
}

async function syncNames(path: string): Promise<void> {
  const directory = await Deno.open(parent(path));
  try {
    await directory.sync();
  } finally {
    directory.close();
  }
}

function openNew(path: string): Deno.FsFile | undefined {
  try {
    return Deno.openSync(path, { read: true, write: true, createNew: true, mode: 0o600 });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return undefined;
    throw error;
  }
}

/** What has the name, if it is a file that a run could have left; undefined if it is gone. */
function openOld(path: string): Deno.FsFile | undefined {
  try {
    const { isFile } = Deno.lstatSync(path);
    if (!isFile) {
      const hint = "it is in the way and no file: move it away";
      throw new CryptoError("unsafe_path", { subject: path, hint });
    }
    return Deno.openSync(path, { read: true, write: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Whether the name still leads to the file that was opened. */
function isStillThere(path: string, file: Deno.FsFile): boolean {
  try {
    const [named, opened] = [Deno.lstatSync(path), file.statSync()];
    return named.isFile && named.ino === opened.ino && named.dev === opened.dev;
  } catch {
    return false;
  }
}
