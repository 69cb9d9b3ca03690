/**
 * Listening Unix sockets whose peers are known before a byte is read, and the lock of a daemon.
 * Lengths are checked here, and no raw call leaves this module.
 */
import type { Bytes } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { loadDarwinPeer } from "./darwin_peer.ts";
import { cPath, Errno, IS_DARWIN, openEitherLibc, SystemError, THIRD, third } from "./libc.ts";
import { loadLinuxPeer } from "./linux_peer.ts";
import type { AskPeer, PeerCredentials } from "./peer.ts";
import { AF_UNIX, FAMILY_LENGTH, SOCKET, unixAddress } from "./socket_numbers.ts";
import { type Accept, loadAccept, loadMakeSocket, type MakeSocket } from "./stream_sockets.ts";

const SYMBOLS = {
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  flock: { parameters: ["i32", "i32"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  open: { parameters: ["buffer", "i32", ...THIRD], result: "i32" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  unlink: { parameters: ["buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const O_RDWR = 2;
/** Root locks in directories that are the service's. */
const LOCK_FILE = O_RDWR | SOCKET.O_CREAT | SOCKET.O_CLOEXEC | SOCKET.O_NOFOLLOW;
const LOCK_MODE = 0o600n;
const LOCK_EX_NB = 2 | 4;
/** Bytes of struct sockaddr_un. */
const MAX_ADDRESS = 110;
const RECEIVE = SOCKET.MSG_DONTWAIT;
const SEND = SOCKET.MSG_DONTWAIT | SOCKET.MSG_NOSIGNAL;

/** What is done with listening sockets and connections, on whichever system. */
export type Streams = Pick<Sockets, "accept" | "close" | "receive" | "send">;

/** Sockets, with checked arguments. A daemon makes one, before it gives up `ffi`. */
export class Sockets {
  readonly #lib;
  readonly #errno;
  readonly #makeSocket: MakeSocket = loadMakeSocket();
  readonly #accept: Accept = loadAccept();
  readonly #askPeer: AskPeer = IS_DARWIN ? loadDarwinPeer() : loadLinuxPeer();

  constructor() {
    const { symbols, errno } = openEitherLibc(SYMBOLS);
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
    const address = unixAddress(path);
    const fd = this.#socket();
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
    const address = unixAddress(path);
    const fd = this.#socket();
    try {
      if (this.#lib.connect(fd, address, address.length) === 0) return true;
      const errno = this.#errno();
      return errno !== Errno.ECONNREFUSED && errno !== Errno.ENOENT;
    } finally {
      this.close(fd);
    }
  }

  #socket(): number {
    return this.#check("socket", this.#makeSocket(AF_UNIX));
  }

  /**
   * The next connection that waits.
   * @returns undefined if none does.
   * @throws {CryptoError} `too_many_connections` when the process has no descriptor left.
   */
  accept(listener: number): number | undefined {
    for (;;) {
      const fd = this.#accept(listener);
      if (fd >= 0) return fd;
      const errno = this.#errno();
      if (errno === Errno.EAGAIN) return undefined;
      if (errno !== Errno.EINTR && errno !== Errno.ECONNABORTED) {
        throw new CryptoError("too_many_connections");
      }
    }
  }

  /** Who connected. @throws as {@link AskPeer} does; the caller then refuses the peer */
  peerCredentials(fd: number): PeerCredentials {
    return this.#askPeer(fd);
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

  /**
   * Reads what has come into `buffer`, without waiting.
   * @returns how many bytes; 0 at the end; undefined if nothing has come
   * @throws {SystemError} if the connection is broken
   */
  receive(fd: number, buffer: Bytes): number | undefined {
    return this.#transferred(
      "recv",
      this.#lib.recv(fd, buffer, BigInt(buffer.length), RECEIVE),
    );
  }

  /**
   * Sends as much of `bytes` as the kernel takes now.
   * @returns how many bytes it took
   * @throws {SystemError} if the connection is broken
   */
  send(fd: number, bytes: Bytes): number {
    return this.#transferred("send", this.#lib.send(fd, bytes, BigInt(bytes.length), SEND)) ?? 0;
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
    const fd = this.#lib.open(cPath(path), LOCK_FILE, ...third(LOCK_MODE));
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
