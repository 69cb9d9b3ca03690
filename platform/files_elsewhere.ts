/**
 * What stands for glibc's files and pipes on macOS and Windows: files are opened, written and synced
 * by the runtime, which takes no permission once they are open, and named by {@link Names}. A file
 * has a name from the start there.
 */
import type { Bytes } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { loadNames } from "./names.ts";

const STDIN = 0;
const STDOUT = 1;
const PAUSE = 5;

/** Open files, by numbers of our own. */
const open = new Map<number, Deno.FsFile>();
let lastNumber = 2;

function ioError(path: string, cause: unknown): CryptoError {
  return new CryptoError("io", { subject: path, hint: hintOf(cause), cause });
}

function hintOf(cause: unknown): string | undefined {
  if (cause instanceof Deno.errors.NotFound) return "there is no such file or directory";
  if (cause instanceof Deno.errors.PermissionDenied) return "you may not write there";
  if (cause instanceof Deno.errors.BrokenPipe) return "the reader has gone away";
  return undefined;
}

/** As `Pipes` says. */
export class OtherPipes {
  /** Others may have made standard input non-blocking, which nothing here can wait for. */
  async waitReadable(_fd: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }

  async writeAll(fd: number, data: Bytes, path: string): Promise<void> {
    const file = fd === STDOUT ? Deno.stdout : open.get(fd)!;
    try {
      for (let done = 0; done < data.length;) done += await file.write(data.subarray(done));
    } catch (cause) {
      throw ioError(path, cause);
    }
  }

  readNow(fd: number, buffer: Bytes, path: string): number {
    const file = fd === STDIN ? Deno.stdin : open.get(fd)!;
    try {
      return file.readSync(buffer) ?? 0;
    } catch (cause) {
      throw new CryptoError("io", { subject: path, cause });
    }
  }

  writeNow(fd: number, data: Bytes, path: string): void {
    const file = fd === STDOUT ? Deno.stdout : open.get(fd)!;
    try {
      for (let done = 0; done < data.length;) done += file.writeSync(data.subarray(done));
    } catch (cause) {
      throw ioError(path, cause);
    }
  }

  /** There is no such thing. */
  enlargePipe(_fd: number, _bytes: number): void {}
}

/** As `Files` says. */
export class OtherFiles {
  readonly #names = loadNames();

  openNameless(_directory: string, _mode: number): number | undefined {
    return undefined;
  }

  openOld(path: string): number {
    try {
      open.set(++lastNumber, Deno.openSync(path));
      return lastNumber;
    } catch (cause) {
      if (!(cause instanceof Deno.errors.PermissionDenied)) throw ioError(path, cause);
      throw new CryptoError("io", { subject: path, hint: "you may not read it", cause });
    }
  }

  openNew(path: string, mode: number, subject: string = path): number {
    try {
      open.set(++lastNumber, Deno.openSync(path, { write: true, createNew: true, mode }));
      return lastNumber;
    } catch (cause) {
      throw ioError(subject, cause);
    }
  }

  linkNameless(_fd: number, path: string): void {
    throw new CryptoError("io", { subject: path });
  }

  publish(from: string, to: string): void {
    this.#names.publish(from, to);
  }

  rename(from: string, to: string): void {
    this.#names.replace(from, to);
  }

  unlink(path: string): void {
    this.#names.remove(path);
  }

  close(fd: number): void {
    open.get(fd)?.close();
    open.delete(fd);
  }

  async sync(fd: number, path: string): Promise<void> {
    try {
      await open.get(fd)!.sync();
    } catch (cause) {
      throw ioError(path, cause);
    }
  }
}
