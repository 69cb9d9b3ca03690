/**
 * Files that have no name until they are complete, and reading and writing of open ones: of what is
 * ready on this thread, else without blocking it. By glibc, else by what the runtime has. Lengths are
 * checked here, and no raw call leaves this module.
 */
import type { Bytes } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { OtherFiles, OtherPipes } from "./files_elsewhere.ts";
import { cPath, Errno, INT, int, openLibc, POLL, Poll, SystemError, waitFor } from "./libc.ts";

const PIPES = {
  ...POLL,
  fcntl: { parameters: [INT, "i32", "i32"], result: "i32" },
  read: { parameters: [INT, "buffer", "usize"], result: "isize" },
  write: { parameters: [INT, "buffer", "usize"], result: "isize" },
  writeAsync: {
    name: "write",
    parameters: ["i32", "buffer", "usize"],
    result: "isize",
    nonblocking: true,
  },
} as const satisfies Deno.ForeignLibraryInterface;

const FILES = {
  close: { parameters: [INT], result: "i32" },
  fsync: { parameters: ["i32"], result: "i32", nonblocking: true },
  linkat: { parameters: [INT, "buffer", "i32", "buffer", "i32"], result: "i32" },
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  rename: { parameters: ["buffer", "buffer"], result: "i32" },
  unlink: { parameters: ["buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const O_RDONLY = 0;
const O_WRONLY = 1;
const O_CREAT = 0o100;
const O_EXCL = 0o200;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
/** The one number here that differs by processor. */
const O_TMPFILE = Deno.build.arch === "aarch64" ? 0o20040000 : 0o20200000;
const AT_FDCWD = -100;
const AT_SYMLINK_FOLLOW = 0x400;
const F_SETPIPE_SZ = 1031;

const IO_HINTS: ReadonlyMap<number, string> = new Map([
  [Errno.ENOENT, "there is no such file or directory"],
  [Errno.EACCES, "you may not write there"],
  [Errno.ENOTDIR, "a part of the path is not a directory"],
  [Errno.EISDIR, "this is a directory"],
  [Errno.EMFILE, "too many files are open: name fewer, or raise `ulimit -n`"],
  [Errno.ENAMETOOLONG, "the name is too long"],
  [Errno.EFBIG, "the file would become larger than is allowed"],
  [Errno.ENOSPC, "the disk is full: free some space and try again"],
  [Errno.EROFS, "the file system is read-only"],
  [Errno.EPIPE, "the reader has gone away"],
  [Errno.EDQUOT, "the quota is used up: free some space and try again"],
]);

/** What is said of a refusal of the kernel's. */
export function explainIo(path: string, cause: SystemError): CryptoError {
  return new CryptoError("io", { subject: path, hint: IO_HINTS.get(cause.errno), cause });
}

function ioError(call: string, path: string, errno: number): CryptoError {
  return explainIo(path, new SystemError(call, errno));
}

/**
 * Bytes of a standard stream of which reading or writing never waits for anybody: of a file, or none
 * of a device that is no terminal, such as /dev/null. Undefined of all else.
 */
export function sizeIfReady(fd: 0 | 1): number | undefined {
  const stream = fd === 0 ? Deno.stdin : Deno.stdout;
  try {
    const { isFile, isCharDevice, size } = Deno.statSync(`/dev/fd/${fd}`);
    if (isFile) return size;
    return isCharDevice === true && !stream.isTerminal() ? 0 : undefined;
  } catch {
    // On Windows, say, or where not everything may be read, as under `deno run`.
    return undefined;
  }
}

class GlibcPipes {
  readonly #libc = openLibc(PIPES);

  /** Waits until a descriptor can be read (or has ended). */
  async waitReadable(fd: number): Promise<void> {
    await waitFor(this.#libc.symbols, Poll.IN, fd);
  }

  /**
   * Writes all of the bytes, however long that takes, without blocking this thread.
   * @throws {CryptoError} `io`, with a hint for a full disk.
   */
  async writeAll(fd: number, data: Bytes, path: string): Promise<void> {
    for (let done = 0; done < data.length;) {
      const rest = data.subarray(done);
      // `errno` belongs to the thread that made the call, so a failure is repeated on this one.
      const written = Number(await this.#libc.symbols.writeAsync(fd, rest, BigInt(rest.length)));
      const now = written >= 0 ? written : this.#write(fd, rest, path);
      if (now === 0) await waitFor(this.#libc.symbols, Poll.OUT, fd);
      done += now;
    }
  }

  /** Reads from what is ready, on this thread. Gives 0 at the end. @throws {CryptoError} `io` */
  readNow(fd: number, buffer: Bytes, path: string): number {
    for (;;) {
      const { symbols: { read }, errno } = this.#libc;
      const length = Number(read(int(fd), buffer, BigInt(buffer.length)));
      if (length >= 0) return length;
      if (errno() !== Errno.EINTR) throw ioError("read", path, errno());
    }
  }

  /**
   * Writes to what is ready, on this thread: several times faster than elsewhere.
   * @throws {CryptoError} `io`
   */
  writeNow(fd: number, data: Bytes, path: string): void {
    for (let done = 0; done < data.length;) done += this.#write(fd, data.subarray(done), path);
  }

  /** Gives 0 where it can be tried again. */
  #write(fd: number, data: Bytes, path: string): number {
    const written = Number(this.#libc.symbols.write(int(fd), data, BigInt(data.length)));
    if (written >= 0) return written;
    const errno = this.#libc.errno();
    if (errno === Errno.EAGAIN || errno === Errno.EINTR) return 0;
    throw ioError("write", path, errno);
  }

  /** Asks for a larger pipe, which fewer and larger reads and writes pass. Refusal does no harm. */
  enlargePipe(fd: number, bytes: number): void {
    this.#libc.symbols.fcntl(int(fd), F_SETPIPE_SZ, bytes);
  }
}

class GlibcFiles {
  readonly #libc = openLibc(FILES);

  /** An existing file, for reading. @throws {CryptoError} `io` */
  openOld(path: string): number {
    // Nobody waits for what has become a pipe since it was looked at; reading it then fails.
    const fd = this.#libc.symbols.open(cPath(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
    if (fd >= 0) return fd;
    const errno = this.#libc.errno();
    if (errno !== Errno.EACCES) throw ioError("open", path, errno);
    throw new CryptoError("io", { subject: path, hint: "you may not read it" });
  }

  /** A file without a name in a directory, for writing. Undefined where the kernel cannot. */
  openNameless(directory: string, mode: number): number | undefined {
    const fd = this.#libc.symbols.open(cPath(directory), O_WRONLY | O_TMPFILE | O_CLOEXEC, mode);
    return fd < 0 ? undefined : fd;
  }

  /** A new file for writing; fails if the name is taken. `subject` is what an error names. */
  openNew(path: string, mode: number, subject: string = path): number {
    const flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
    const fd = this.#libc.symbols.open(cPath(path), flags, mode);
    return fd < 0 ? this.#ioFail("open", subject) : fd;
  }

  /**
   * Gives a file that {@link openNameless} made its name.
   * @throws {CryptoError} `file_exists` if the name is taken.
   */
  linkNameless(fd: number, path: string): void {
    this.#link(`/proc/self/fd/${fd}`, path);
  }

  /** Gives a file another name. @throws {CryptoError} `file_exists` if that is taken. */
  publish(from: string, to: string): void {
    this.#link(from, to);
    this.unlink(from);
  }

  #link(from: string, to: string): void {
    const [source, target] = [cPath(from), cPath(to)];
    const flags = AT_SYMLINK_FOLLOW;
    if (this.#libc.symbols.linkat(int(AT_FDCWD), source, AT_FDCWD, target, flags) === 0) return;
    if (this.#libc.errno() === Errno.EEXIST) throw new CryptoError("file_exists", { subject: to });
    this.#ioFail("linkat", to);
  }

  /** Renames, replacing what has the new name. */
  rename(from: string, to: string): void {
    if (this.#libc.symbols.rename(cPath(from), cPath(to)) < 0) this.#ioFail("rename", to);
  }

  /** Removes a name, if it is there. */
  unlink(path: string): void {
    this.#libc.symbols.unlink(cPath(path));
  }

  /** Closes a descriptor that nothing else owns. */
  close(fd: number): void {
    this.#libc.symbols.close(int(fd));
  }

  /** Writes a file's data to the disk. */
  async sync(fd: number, path: string): Promise<void> {
    if (await this.#libc.symbols.fsync(fd) < 0) throw new CryptoError("io", { subject: path });
  }

  #ioFail(call: string, path: string): never {
    throw ioError(call, path, this.#libc.errno());
  }
}

const HAS_GLIBC = Deno.build.os === "linux";

/** Descriptors that are open already. */
export type Pipes = Pick<GlibcPipes, keyof GlibcPipes>;
export const Pipes: new () => Pipes = HAS_GLIBC ? GlibcPipes : OtherPipes;

/** Files by name. */
export type Files = Pick<GlibcFiles, keyof GlibcFiles>;
export const Files: new () => Files = HAS_GLIBC ? GlibcFiles : OtherFiles;
