/**
 * What the daemon and the client need of Linux's libc and Deno does not offer: listening sockets
 * whose peers are known before a byte is read, locks, files without a name, pipe sizes.
 *
 * This is the one module that loads libc. Lengths are checked here, and no raw call leaves it.
 */
import { type Bytes, concat, utf8 } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { openLibrary } from "./library.ts";

/** The library's file name: glibc. */
const LIBC = "libc.so.6";

const SYMBOLS = {
  __errno_location: { parameters: [], result: "pointer" },
  accept4: { parameters: ["i32", "pointer", "pointer", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  flock: { parameters: ["i32", "i32"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  linkat: { parameters: ["i32", "buffer", "i32", "buffer", "i32"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32", nonblocking: true },
  prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
  rename: { parameters: ["buffer", "buffer"], result: "i32" },
  setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  unlink: { parameters: ["buffer"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  writeAsync: {
    name: "write",
    parameters: ["i32", "buffer", "usize"],
    result: "isize",
    nonblocking: true,
  },
  fsync: { parameters: ["i32"], result: "i32", nonblocking: true },
} as const satisfies Deno.ForeignLibraryInterface;

/** Numbers of Linux, the same on x86-64 and arm64 (asm-generic). */
const EINTR = 4;
const EAGAIN = 11;
const EEXIST = 17;
const ENOSPC = 28;
const EPIPE = 32;
const ERANGE = 34;
const EADDRINUSE = 98;
const ECONNABORTED = 103;
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SO_PEERGROUPS = 59;
const POLLIN = 1;
const POLLOUT = 4;
const O_WRONLY = 1;
const O_RDWR = 2;
const O_CREAT = 0o100;
const O_EXCL = 0o200;
const O_CLOEXEC = 0o2000000;
const LOCK_EX_NB = 2 | 4;
const AT_FDCWD = -100;
const AT_SYMLINK_FOLLOW = 0x400;
const F_SETPIPE_SZ = 1031;
const PR_SET_DUMPABLE = 4;
const RLIMIT_CORE = 4;
const MAX_SOCKET_PATH = 107;
const GROUP_BYTES = 4;
const MAX_GROUPS = 65_536;

/** A refusal of the kernel: its `errno`, for those who decide by it. */
class SystemError extends Error {
  constructor(readonly call: string, readonly errno: number) {
    super(`${call} failed with errno ${errno}`);
  }
}

/** libc, loaded once in each thread that uses it. */
let loaded: Libc | undefined;

/**
 * Loads libc. Everything else here needs it, and loading needs the permission `ffi`, so a process
 * calls this before it gives that up.
 * @throws {CryptoError} `config` where there is no glibc.
 */
export function loadLibc(): Libc {
  loaded ??= new Libc();
  return loaded;
}

/** Who is at the other end of a Unix socket, as the kernel recorded it at connect. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
}

/** A zero-terminated path. */
function cPath(path: string): Bytes {
  if (path === "" || path.includes("\0")) {
    throw new CryptoError("io", { subject: JSON.stringify(path), hint: "this is no path" });
  }
  return concat(utf8(path), new Uint8Array(1));
}

/** struct sockaddr_un. */
function socketAddress(path: string): Bytes {
  const bytes = cPath(path);
  if (bytes.length > MAX_SOCKET_PATH + 1) {
    const hint = `the path of a socket has at most ${MAX_SOCKET_PATH} bytes: choose a shorter one`;
    throw new CryptoError("config", { subject: path, hint });
  }
  return concat(new Uint8Array(new Uint16Array([AF_UNIX]).buffer), bytes);
}

/** The functions of libc, with checked arguments. One is made by {@link loadLibc}. */
class Libc {
  readonly #lib;
  readonly #errno: Int32Array;

  constructor() {
    const lib = openLibrary(LIBC, SYMBOLS);
    if (!lib) {
      throw new CryptoError("config", { hint: "this needs Linux with glibc on x86-64 or arm64" });
    }
    this.#lib = lib;
    // The address is this thread's own and stays; reading it needs no permission later.
    const location = lib.__errno_location()!;
    this.#errno = new Int32Array(Deno.UnsafePointerView.getArrayBuffer(location, 4));
  }

  #fail(call: string): never {
    throw new SystemError(call, this.#errno[0]!);
  }

  #check(call: string, result: number): number {
    return result < 0 ? this.#fail(call) : result;
  }

  // Processes

  /** Makes the kernel write no memory image of this process, neither to a file nor to a helper. */
  forbidCoreDumps(): void {
    // One byte, not zero: a limit of zero does not stop a dump to a helper program, core(5).
    this.#check("setrlimit", this.#lib.setrlimit(RLIMIT_CORE, new BigUint64Array([1n, 1n])));
  }

  /** Forbids other processes of the same user to trace this one or to read its memory. */
  forbidTracing(): void {
    this.#check("prctl", this.#lib.prctl(PR_SET_DUMPABLE, 0n, 0n, 0n, 0n));
  }

  // Sockets

  /**
   * A non-blocking Unix stream socket, bound and listening. Its mode is left to the umask.
   * @throws {CryptoError} `already_running` if something has this name.
   */
  listenUnix(path: string, backlog: number): number {
    const address = socketAddress(path);
    const fd = this.#socket(SOCK_NONBLOCK);
    try {
      if (this.#lib.bind(fd, address, address.length) < 0) {
        if (this.#errno[0] === EADDRINUSE) throw new CryptoError("already_running");
        this.#fail("bind");
      }
      this.#check("listen", this.#lib.listen(fd, backlog));
      return fd;
    } catch (error) {
      this.close(fd);
      throw error;
    }
  }

  /** Whether something accepts connections at this path. */
  answers(path: string): boolean {
    const address = socketAddress(path);
    const fd = this.#socket(SOCK_NONBLOCK);
    try {
      if (this.#lib.connect(fd, address, address.length) === 0) return true;
      // A full queue (EAGAIN) is a queue: somebody listens.
      return this.#errno[0] === EAGAIN;
    } finally {
      this.close(fd);
    }
  }

  #socket(flags: number): number {
    const type = SOCK_STREAM | SOCK_CLOEXEC | flags;
    return this.#check("socket", this.#lib.socket(AF_UNIX, type, 0));
  }

  /** Waits until one of the descriptors can be read (or has ended). */
  async waitReadable(...fds: number[]): Promise<void> {
    await this.#poll(fds, POLLIN);
  }

  async #poll(fds: readonly number[], event: number): Promise<void> {
    const polled = new Int32Array(fds.flatMap((fd) => [fd, event]));
    await this.#lib.poll(polled, BigInt(fds.length), -1);
  }

  /**
   * The next connection that waits.
   * @returns undefined if none does.
   * @throws {CryptoError} `too_many_connections` when the process has no descriptor left.
   */
  accept(listener: number): number | undefined {
    for (;;) {
      const fd = this.#lib.accept4(listener, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) return fd;
      const errno = this.#errno[0]!;
      if (errno === EAGAIN) return undefined;
      if (errno !== EINTR && errno !== ECONNABORTED) throw new CryptoError("too_many_connections");
    }
  }

  /**
   * Who connected, from SO_PEERCRED and SO_PEERGROUPS (unix(7), socket(7)).
   * @throws when the kernel says anything but that; the caller then refuses the peer.
   */
  peerCredentials(fd: number): PeerCredentials {
    const credentials = new Int32Array(3);
    const length = new Uint32Array([credentials.byteLength]);
    this.#getsockopt(fd, SO_PEERCRED, credentials, length);
    if (length[0] !== credentials.byteLength) throw new SystemError("SO_PEERCRED", 0);
    const [pid, uid, gid] = [credentials[0]!, credentials[1]! >>> 0, credentials[2]! >>> 0];
    return { pid, uid, gid, groups: this.#peerGroups(fd) };
  }

  #peerGroups(fd: number, capacity = 32): number[] {
    const groups = new Uint32Array(capacity);
    const length = new Uint32Array([groups.byteLength]);
    try {
      this.#getsockopt(fd, SO_PEERGROUPS, groups, length);
      return [...groups.subarray(0, length[0]! / GROUP_BYTES)];
    } catch (error) {
      const needed = length[0]! / GROUP_BYTES;
      const tooSmall = error instanceof SystemError && error.errno === ERANGE;
      if (!tooSmall || needed <= capacity || needed > MAX_GROUPS) throw error;
      return this.#peerGroups(fd, needed);
    }
  }

  #getsockopt(fd: number, option: number, value: Int32Array | Uint32Array, length: Uint32Array) {
    // The casts only say that these arrays own ordinary buffers.
    const [v, l] = [value as Int32Array<ArrayBuffer>, length as Uint32Array<ArrayBuffer>];
    this.#check("getsockopt", this.#lib.getsockopt(fd, SOL_SOCKET, option, v, l));
  }

  /** A descriptor that becomes readable once {@link wake} is called on it. */
  createWaker(): number {
    return this.#check("eventfd", this.#lib.eventfd(0, O_CLOEXEC));
  }

  /** Makes a waker readable, for good. */
  wake(waker: number): void {
    this.#check("write", Number(this.#lib.write(waker, new BigUint64Array([1n]), 8n)));
  }

  /** Closes a descriptor that nothing else owns. */
  close(fd: number): void {
    this.#lib.close(fd);
  }

  // Files

  /**
   * Locks a file for as long as this process lives, making it (mode 0600) if need be.
   * @throws {CryptoError} `already_running` if another process holds the lock.
   */
  lock(path: string): void {
    const fd = this.#open(path, O_RDWR | O_CREAT, 0o600);
    if (this.#lib.flock(fd, LOCK_EX_NB) === 0) return;
    this.close(fd);
    throw new CryptoError("already_running", { subject: path });
  }

  #open(path: string, flags: number, mode: number): number {
    const fd = this.#lib.open(cPath(path), flags | O_CLOEXEC, mode);
    return fd < 0 ? this.#ioFail("open", path) : fd;
  }

  /** A file without a name in a directory, for writing. Undefined where the kernel cannot. */
  openNameless(directory: string, mode: number): number | undefined {
    // The one number here that differs by processor.
    const tmpfile = Deno.build.arch === "aarch64" ? 0o20040000 : 0o20200000;
    const fd = this.#lib.open(cPath(directory), O_WRONLY | tmpfile | O_CLOEXEC, mode);
    return fd < 0 ? undefined : fd;
  }

  /** A new file for writing; fails if the name is taken. */
  openNew(path: string, mode: number): number {
    return this.#open(path, O_WRONLY | O_CREAT | O_EXCL, mode);
  }

  /**
   * Gives a file that {@link openNameless} made its name.
   * @throws {CryptoError} `file_exists` if the name is taken.
   */
  linkNameless(fd: number, path: string): void {
    this.#link(`/proc/self/fd/${fd}`, path);
  }

  /** Gives a file a second name. @throws {CryptoError} `file_exists` if the name is taken. */
  link(from: string, to: string): void {
    this.#link(from, to);
  }

  #link(from: string, to: string): void {
    const [source, target] = [cPath(from), cPath(to)];
    const flags = AT_SYMLINK_FOLLOW;
    if (this.#lib.linkat(AT_FDCWD, source, AT_FDCWD, target, flags) === 0) return;
    if (this.#errno[0] === EEXIST) throw new CryptoError("file_exists", { subject: to });
    this.#ioFail("linkat", to);
  }

  /** Renames, replacing what has the new name. */
  rename(from: string, to: string): void {
    if (this.#lib.rename(cPath(from), cPath(to)) < 0) this.#ioFail("rename", to);
  }

  /** Removes a name, if it is there. */
  unlink(path: string): void {
    this.#lib.unlink(cPath(path));
  }

  /** Writes a file's data to the disk. */
  async sync(fd: number, path: string): Promise<void> {
    if (await this.#lib.fsync(fd) < 0) throw new CryptoError("io", { subject: path });
  }

  /**
   * Writes all of the bytes, however long that takes, without blocking this thread.
   * @throws {CryptoError} `io`, with a hint for a full disk.
   */
  async writeAll(fd: number, data: Bytes, path: string): Promise<void> {
    for (let done = 0; done < data.length;) {
      const rest = data.subarray(done);
      // `errno` belongs to the thread that made the call, so a failure is repeated on this one.
      const written = Number(await this.#lib.writeAsync(fd, rest, BigInt(rest.length)));
      done += written >= 0 ? written : await this.#retryWrite(fd, rest, path);
    }
  }

  async #retryWrite(fd: number, data: Bytes, path: string): Promise<number> {
    const written = Number(this.#lib.write(fd, data, BigInt(data.length)));
    if (written >= 0) return written;
    const errno = this.#errno[0]!;
    if (errno !== EAGAIN && errno !== EINTR) this.#ioFail("write", path);
    await this.#poll([fd], POLLOUT);
    return 0;
  }

  #ioFail(call: string, path: string): never {
    const errno = this.#errno[0]!;
    const hint = IO_HINTS.get(errno);
    throw new CryptoError("io", { subject: path, hint, cause: new SystemError(call, errno) });
  }

  /** Asks for a larger pipe, which fewer and larger reads and writes pass. Refusal does no harm. */
  enlargePipe(fd: number, bytes: number): void {
    this.#lib.fcntl(fd, F_SETPIPE_SZ, bytes);
  }
}

const IO_HINTS: ReadonlyMap<number, string> = new Map([
  [2, "there is no such file or directory"],
  [13, "you may not write there"],
  [20, "a part of the path is not a directory"],
  [21, "this is a directory"],
  [27, "the file would become larger than is allowed"],
  [ENOSPC, "the disk is full: nothing was kept of this file; free some space and try again"],
  [30, "the file system is read-only"],
  [EPIPE, "the reader has gone away"],
  [122, "the quota is used up: nothing was kept of this file"],
]);

export type { Libc };
