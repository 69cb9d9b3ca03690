/**
 * Regular files by their descriptors, opened without following a link: what was looked at is what
 * is changed, whatever has the name by then. With mode, owner, and times to the nanosecond. Lengths
 * are checked here, and no raw call leaves this module.
 */
import type { Bytes } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { loadExchange } from "./exchange.ts";
import { cPath, Errno, type LoadedLibc, openLibc, SystemError } from "./libc.ts";

const READ = { parameters: ["i32", "buffer", "usize", "i64"], result: "isize" } as const;
const SYMBOLS = {
  close: { parameters: ["i32"], result: "i32" },
  fchmod: { parameters: ["i32", "u32"], result: "i32" },
  fchown: { parameters: ["i32", "u32", "u32"], result: "i32" },
  flock: { parameters: ["i32", "i32"], result: "i32" },
  fsync: { parameters: ["i32"], result: "i32", nonblocking: true },
  ftruncate: { parameters: ["i32", "i64"], result: "i32" },
  futimens: { parameters: ["i32", "buffer"], result: "i32" },
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  pread: READ,
  preadAsync: { ...READ, name: "pread", nonblocking: true },
  pwrite: READ,
  pwriteAsync: { ...READ, name: "pwrite", nonblocking: true },
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

type Libc = LoadedLibc<typeof SYMBOLS>;

const O_RDONLY = 0;
const O_RDWR = 2;
const O_CREAT = 0o100;
const O_EXCL = 0o200;
/** So that opening waits for nobody where the name is a pipe's by now. */
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
/** The one number here that differs by processor. */
const O_NOFOLLOW = Deno.build.arch === "aarch64" ? 0o100000 : 0o400000;
const SAFELY = O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW;
const LOCK_EX_NB = 6;
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
const NO_PATH = new Uint8Array(1);
/** All that stat(2) gives. */
const STATX_BASIC_STATS = 0x7ff;
/** struct statx: its length, and where in it what is (linux/stat.h). */
const STATX_LENGTH = 256;
const [NLINK, UID, GID, MODE, INO, SIZE] = [0x10, 0x14, 0x18, 0x1c, 0x20, 0x28] as const;
const [ATIME, CTIME, MTIME, DEVICE] = [0x40, 0x60, 0x70, 0x88] as const;
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;

/** Seconds since 1970, and nanoseconds. */
export type Time = readonly [seconds: string, nanoseconds: number];

/** Times of a file as they can be kept in a text. */
export interface Times {
  readonly accessed: Time;
  readonly modified: Time;
}

/** What a file has besides its bytes. */
export interface Attributes extends Times {
  /** Device and inode: no two files that are there have the same. */
  readonly id: string;
  readonly isRegular: boolean;
  readonly uid: number;
  readonly gid: number;
  /** Permission bits. */
  readonly mode: number;
  /** How many names the file has. */
  readonly names: number;
  readonly size: number;
  /** When bytes or attributes were last changed. */
  readonly changed: Time;
}

/**
 * Finds and opens files. Made before `ffi` is given up. What the thread has no permission for is
 * refused here, since the runtime sees nothing of these calls.
 */
export class RegularFiles {
  readonly #libc: Libc = openLibc(SYMBOLS);
  readonly #exchange = loadExchange();

  /** What has a name, be it a link; undefined if nothing has. @throws {SystemError} */
  look(path: string): Attributes | undefined {
    requireGranted("read", path);
    try {
      return statx(this.#libc, AT_FDCWD, cPath(path), AT_SYMLINK_NOFOLLOW);
    } catch (error) {
      if (error instanceof SystemError && error.errno === Errno.ENOENT) return undefined;
      throw error;
    }
  }

  /**
   * Opens a file to read, or also to change it.
   * @throws {SystemError}
   * @throws {CryptoError} `unsafe_path` for what is no regular file
   */
  open(path: string, access: "read" | "change"): RegularFile {
    const file = this.#open(path, access === "read" ? O_RDONLY : O_RDWR);
    if (file.attributes().isRegular) return file;
    file.close();
    const hint = "it is no regular file: move it away, or name another";
    throw new CryptoError("unsafe_path", { subject: path, hint });
  }

  /** A new file that only its user may read and write; undefined if the name is taken. */
  create(path: string): RegularFile | undefined {
    try {
      return this.#open(path, O_RDWR | O_CREAT | O_EXCL);
    } catch (error) {
      if (error instanceof SystemError && error.errno === Errno.EEXIST) return undefined;
      throw error;
    }
  }

  /** Has two files swap their names, at once; false where the file system cannot do that. */
  exchange(one: string, other: string): boolean {
    for (const path of [one, other]) requireGranted("write", path);
    return this.#exchange(one, other);
  }

  #open(path: string, flags: number): RegularFile {
    requireGranted("read", path);
    if (flags !== O_RDONLY) requireGranted("write", path);
    const fd = this.#libc.symbols.open(cPath(path), flags | SAFELY, 0o600);
    if (fd < 0) throw new SystemError("open", this.#libc.errno());
    return new RegularFile(this.#libc, fd);
  }
}

/** @throws {Deno.errors.NotCapable} */
function requireGranted(name: "read" | "write", path: string): void {
  if (Deno.permissions.querySync({ name, path }).state === "granted") return;
  throw new Deno.errors.NotCapable(`no permission to ${name} ${path}`);
}

/** An open file. All of its methods throw {@linkcode SystemError}. */
export class RegularFile implements Disposable {
  #closed = false;

  constructor(private readonly libc: Libc, private readonly fd: number) {}

  attributes(): Attributes {
    return statx(this.libc, this.fd, NO_PATH, AT_EMPTY_PATH);
  }

  /** Takes the lock of this file (flock(2)), unless another descriptor has it. */
  tryLock(): boolean {
    const result = this.libc.symbols.flock(this.fd, LOCK_EX_NB);
    if (result < 0 && this.libc.errno() === Errno.EAGAIN) return false;
    this.#check("flock", result);
    return true;
  }

  /** Reads at an offset, as many bytes as one call gives; 0 at the end. */
  readAt(buffer: Bytes, offset: number): number {
    const { pread } = this.libc.symbols;
    return this.#check("pread", pread(this.fd, buffer, BigInt(buffer.length), BigInt(offset)));
  }

  /** The same without blocking this thread. */
  async read(buffer: Bytes, offset: number): Promise<number> {
    const { preadAsync } = this.libc.symbols;
    const length = BigInt(buffer.length);
    const read = Number(await preadAsync(this.fd, buffer, length, BigInt(offset)));
    // `errno` belongs to the thread that made the call, so a failure is repeated on this one.
    return read >= 0 ? read : this.readAt(buffer, offset);
  }

  /** Writes all of the bytes at an offset. */
  writeAt(bytes: Bytes, offset: number): void {
    const { pwrite } = this.libc.symbols;
    for (let done = 0; done < bytes.length;) {
      const rest = bytes.subarray(done);
      const written = pwrite(this.fd, rest, BigInt(rest.length), BigInt(offset + done));
      done += this.#check("pwrite", written);
    }
  }

  /** The same without blocking this thread. */
  async write(bytes: Bytes, offset: number): Promise<void> {
    const { pwriteAsync } = this.libc.symbols;
    const length = BigInt(bytes.length);
    const written = Number(await pwriteAsync(this.fd, bytes, length, BigInt(offset)));
    if (written < bytes.length) this.#writeRest(bytes, offset, Math.max(0, written));
  }

  #writeRest(bytes: Bytes, offset: number, written: number): void {
    this.writeAt(bytes.subarray(written), offset + written);
  }

  /** Waits until bytes and attributes are on the disk. */
  async sync(): Promise<void> {
    if (await this.libc.symbols.fsync(this.fd) < 0) throw new SystemError("fsync", Errno.EIO);
  }

  /** Takes all bytes away. */
  truncate(): void {
    this.#check("ftruncate", this.libc.symbols.ftruncate(this.fd, 0n));
  }

  setOwner({ uid, gid }: Pick<Attributes, "uid" | "gid">): void {
    this.#check("fchown", this.libc.symbols.fchown(this.fd, uid, gid));
  }

  setMode(mode: number): void {
    this.#check("fchmod", this.libc.symbols.fchmod(this.fd, mode));
  }

  setTimes({ accessed, modified }: Times): void {
    const times = new BigInt64Array(
      [accessed, modified].flatMap(([seconds, nanoseconds]) => {
        return [BigInt(seconds), BigInt(nanoseconds)];
      }),
    );
    this.#check("futimens", this.libc.symbols.futimens(this.fd, times));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.libc.symbols.close(this.fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #check(call: string, result: number | bigint): number {
    if (result < 0) throw new SystemError(call, this.libc.errno());
    return Number(result);
  }
}

function statx({ symbols, errno }: Libc, fd: number, path: Bytes, flags: number): Attributes {
  const buffer: Bytes = new Uint8Array(STATX_LENGTH);
  if (symbols.statx(fd, path, flags, STATX_BASIC_STATS, buffer) < 0) {
    throw new SystemError("statx", errno());
  }
  const view = new DataView(buffer.buffer);
  const word = (at: number) => view.getUint32(at, true);
  const long = (at: number) => view.getBigUint64(at, true);
  const time = (at: number): Time => [String(view.getBigInt64(at, true)), word(at + 8)];
  const mode = view.getUint16(MODE, true);
  return {
    id: `${long(DEVICE)} ${long(INO)}`,
    isRegular: (mode & S_IFMT) === S_IFREG,
    uid: word(UID),
    gid: word(GID),
    mode: mode & 0o7777,
    names: word(NLINK),
    size: Number(long(SIZE)),
    accessed: time(ATIME),
    changed: time(CTIME),
    modified: time(MTIME),
  };
}
