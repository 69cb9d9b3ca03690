/**
 * Listening Unix sockets whose peers are known before a byte is read, and the lock of a daemon.
 * Lengths are checked here, and no raw call leaves this module.
 */
import { type Bytes, concat } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { cPath, Errno, openLibc, SystemError } from "./libc.ts";

const SYMBOLS = {
  accept4: { parameters: ["i32", "pointer", "pointer", "i32"], result: "i32" },
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  flock: { parameters: ["i32", "i32"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  open: { parameters: ["buffer", "i32", "u32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  unlink: { parameters: ["buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_NONBLOCK = 0o4000;
const SOCK_CLOEXEC = 0o2000000;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SO_PEERGROUPS = 59;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const O_RDWR = 2;
const O_CREAT = 0o100;
const O_CLOEXEC = 0o2000000;
/** The one flag here that differs by processor. Root locks in directories that are the service's. */
const O_NOFOLLOW = Deno.build.arch === "aarch64" ? 0o100000 : 0o400000;
const LOCK_EX_NB = 2 | 4;
const MAX_SOCKET_PATH = 107;
/** Bytes of struct sockaddr_un, and of the family at its start. */
const MAX_ADDRESS = 110;
const FAMILY_LENGTH = 2;
const GROUP_BYTES = 4;
const MAX_GROUPS = 65_536;

/** Who is at the other end of a Unix socket, as the kernel recorded it at connect. */
export interface PeerCredentials {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups. */
  readonly groups: readonly number[];
}

/** What is done with listening sockets and connections, on whichever system. */
export type Streams = Pick<Sockets, "accept" | "close" | "receive" | "send">;

/** struct sockaddr_un. */
function socketAddress(path: string): Bytes {
  const bytes = cPath(path);
  if (bytes.length > MAX_SOCKET_PATH + 1) {
    const hint = `the path of a socket has at most ${MAX_SOCKET_PATH} bytes: choose a shorter one`;
    throw new CryptoError("config", { subject: path, hint });
  }
  return concat(new Uint8Array(new Uint16Array([AF_UNIX]).buffer), bytes);
}

/** Sockets, with checked arguments. A daemon makes one, before it gives up `ffi`. */
export class Sockets {
  readonly #lib;
  readonly #errno;

  constructor() {
    const { symbols, errno } = openLibc(SYMBOLS);
    this.#lib = symbols;
    this.#errno = errno;
  }

  #fail(call: string): never {
    throw new SystemError(call, this.#errno());
  }

  #check(call: string, result: number): number {
    return result < 0 ? this.#fail(call) : result;
  }

  /**
   * A non-blocking Unix stream socket, bound and listening. Its mode is left to the umask.
   * @throws {CryptoError} `already_running` if something has this name.
   */
  listenUnix(path: string, backlog: number): number {
    const address = socketAddress(path);
    const fd = this.#socket(SOCK_NONBLOCK);
    try {
      if (this.#lib.bind(fd, address, address.length) < 0) {
        if (this.#errno() === Errno.EADDRINUSE) throw new CryptoError("already_running");
        this.#fail("bind");
      }
      this.#check("listen", this.#lib.listen(fd, backlog));
      return fd;
    } catch (error) {
      this.close(fd);
      throw error;
    }
  }

  /** Whether a program has this socket; only "refused" and "not there" say that none has. */
  answers(path: string): boolean {
    const address = socketAddress(path);
    const fd = this.#socket(SOCK_NONBLOCK);
    try {
      if (this.#lib.connect(fd, address, address.length) === 0) return true;
      const errno = this.#errno();
      return errno !== Errno.ECONNREFUSED && errno !== Errno.ENOENT;
    } finally {
      this.close(fd);
    }
  }

  #socket(flags: number): number {
    const type = SOCK_STREAM | SOCK_CLOEXEC | flags;
    return this.#check("socket", this.#lib.socket(AF_UNIX, type, 0));
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
      const errno = this.#errno();
      if (errno === Errno.EAGAIN) return undefined;
      if (errno !== Errno.EINTR && errno !== Errno.ECONNABORTED) {
        throw new CryptoError("too_many_connections");
      }
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

  /**
   * The name that the peer has bound its socket to: a path, or an abstract name after a zero byte;
   * empty if it has none.
   */
  peerName(fd: number): Bytes {
    const [address, length] = [new Uint8Array(MAX_ADDRESS), new Uint32Array([MAX_ADDRESS])];
    this.#check("getpeername", this.#lib.getpeername(fd, address, length));
    if (length[0]! > MAX_ADDRESS) throw new SystemError("getpeername", 0);
    return address.subarray(FAMILY_LENGTH, length[0]);
  }

  #peerGroups(fd: number, capacity = 32): number[] {
    const groups = new Uint32Array(capacity);
    const length = new Uint32Array([groups.byteLength]);
    try {
      this.#getsockopt(fd, SO_PEERGROUPS, groups, length);
      return [...groups.subarray(0, length[0]! / GROUP_BYTES)];
    } catch (error) {
      const needed = length[0]! / GROUP_BYTES;
      const tooSmall = error instanceof SystemError && error.errno === Errno.ERANGE;
      if (!tooSmall || needed <= capacity || needed > MAX_GROUPS) throw error;
      return this.#peerGroups(fd, needed);
    }
  }

  #getsockopt(fd: number, option: number, value: Int32Array | Uint32Array, length: Uint32Array) {
    // The casts only say that these arrays own ordinary buffers.
    const [v, l] = [value as Int32Array<ArrayBuffer>, length as Uint32Array<ArrayBuffer>];
    this.#check("getsockopt", this.#lib.getsockopt(fd, SOL_SOCKET, option, v, l));
  }

  /**
   * Reads what has come into `buffer`, without waiting.
   * @returns how many bytes; 0 at the end; undefined if nothing has come
   * @throws {SystemError} if the connection is broken
   */
  receive(fd: number, buffer: Bytes): number | undefined {
    return this.#transferred(
      "recv",
      this.#lib.recv(fd, buffer, BigInt(buffer.length), MSG_DONTWAIT),
    );
  }

  /**
   * Sends as much of `bytes` as the kernel takes now.
   * @returns how many bytes it took
   * @throws {SystemError} if the connection is broken
   */
  send(fd: number, bytes: Bytes): number {
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    return this.#transferred("send", this.#lib.send(fd, bytes, BigInt(bytes.length), flags)) ?? 0;
  }

  #transferred(call: string, result: number | bigint): number | undefined {
    if (result >= 0) return Number(result);
    const errno = this.#errno();
    if (errno === Errno.EAGAIN || errno === Errno.EINTR) return undefined;
    throw new SystemError(call, errno);
  }

  /** Closes a descriptor that nothing else owns. */
  close(fd: number): void {
    this.#lib.close(fd);
  }

  /**
   * Locks a file until the descriptor is closed or this process ends, making it (mode 0600) if need be.
   * @returns the descriptor
   * @throws {CryptoError} `already_running` if another process holds the lock; `config`
   */
  lock(path: string): number {
    const flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW;
    const fd = this.#lib.open(cPath(path), flags, 0o600);
    if (fd < 0) {
      const cause = new SystemError("open", this.#errno());
      throw new CryptoError("config", { subject: path, hint: "it cannot be opened", cause });
    }
    if (this.#lib.flock(fd, LOCK_EX_NB) === 0) return fd;
    this.close(fd);
    throw new CryptoError("already_running", { subject: path });
  }

  /** Removes a name, if it is there. */
  unlink(path: string): void {
    this.#lib.unlink(cPath(path));
  }
}
