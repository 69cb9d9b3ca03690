/**
 * Listening TCP sockets of one address. Lengths are checked here, and no raw call leaves this
 * module.
 */
import type { Bytes } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { Errno, openEitherLibc, SystemError } from "./libc.ts";
import { AF_INET, familyOf, SOCKET, startOfAddress } from "./socket_numbers.ts";
import { loadMakeSocket } from "./stream_sockets.ts";

const SYMBOLS = {
  bind: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  getpeername: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  inet_ntop: { parameters: ["i32", "buffer", "buffer", "u32"], result: "pointer" },
  inet_pton: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  listen: { parameters: ["i32", "i32"], result: "i32" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** struct sockaddr_in and sockaddr_in6: how long they are, and where the address stands. */
const FAMILIES = {
  4: { number: AF_INET, length: 16, address: 4 },
  6: { number: SOCKET.AF_INET6, length: 28, address: 8 },
} as const;
const MAX_ADDRESS = 28;
const MAX_TEXT = 46;
const PORT = 2;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const IPPROTO_IPV6 = 41;
const SHUT_WR = 1;

/** An IP address as a number of its family writes it, and a port. */
export interface TcpAddress {
  readonly host: string;
  /** 0 lets the kernel choose. */
  readonly port: number;
}

/** `HOST:PORT`, as people write it. */
export function formatAddress({ host, port }: TcpAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** What is done with TCP's, on whichever system. */
export type Tcp = Pick<TcpSockets, keyof TcpSockets>;

/** TCP sockets, with checked arguments. A daemon makes one, before it gives up `ffi`. */
export class TcpSockets {
  readonly #libc = openEitherLibc(SYMBOLS);
  readonly #makeSocket = loadMakeSocket();
  readonly #trash: Bytes = new Uint8Array(65_536);

  /**
   * A non-blocking socket that listens on one address: an IPv6 one on that family alone.
   * @throws {CryptoError} `already_running` if another program has it; `config` if it is none of
   * this machine's
   */
  listen(at: TcpAddress, backlog: number): number {
    const { symbols } = this.#libc;
    const address = this.#encode(at);
    const isSix = at.host.includes(":");
    const fd = this.#makeSocket(FAMILIES[isSix ? 6 : 4].number);
    if (fd < 0) this.#fail("socket");
    try {
      this.#enable(fd, SOCKET.SOL_SOCKET, SOCKET.SO_REUSEADDR);
      if (isSix) this.#enable(fd, IPPROTO_IPV6, SOCKET.IPV6_V6ONLY);
      if (symbols.bind(fd, address, address.length) < 0) throw this.#unbound(at);
      if (symbols.listen(fd, backlog) < 0) this.#fail("listen");
      return fd;
    } catch (error) {
      symbols.close(fd);
      throw error;
    }
  }

  #unbound(at: TcpAddress): CryptoError {
    const errno = this.#libc.errno();
    const detail = { subject: formatAddress(at), cause: new SystemError("bind", errno) };
    if (errno === Errno.EADDRINUSE) return new CryptoError("already_running", detail);
    const hint = errno === Errno.EACCES
      ? "ports below 1024 are for those with the privilege: choose another"
      : "this machine has no such address: see `ip address`";
    return new CryptoError("config", { ...detail, hint });
  }

  #encode({ host, port }: TcpAddress): Bytes {
    const { number, length, address } = FAMILIES[host.includes(":") ? 6 : 4];
    const bytes = new Uint8Array(length);
    const view = new DataView(bytes.buffer);
    bytes.set(startOfAddress(number, length));
    view.setUint16(PORT, port);
    const text = new TextEncoder().encode(`${host}\0`);
    if (this.#libc.symbols.inet_pton(number, text, bytes.subarray(address)) === 1) return bytes;
    throw new CryptoError("config", { subject: host, hint: "give an IP address, not a name" });
  }

  /** What is sent leaves at once: an answer waits for nothing that would come after it. */
  sendAtOnce(fd: number): void {
    this.#enable(fd, IPPROTO_TCP, TCP_NODELAY);
  }

  #enable(fd: number, level: number, option: number): void {
    const on = new Uint8Array(new Int32Array([1]).buffer);
    if (this.#libc.symbols.setsockopt(fd, level, option, on, on.length) < 0) {
      this.#fail("setsockopt");
    }
  }

  /** The address that a socket listens on. */
  localAddress(fd: number): TcpAddress {
    return this.#address(fd, "getsockname");
  }

  /** The address at the other end of a connection. */
  peerAddress(fd: number): TcpAddress {
    return this.#address(fd, "getpeername");
  }

  #address(fd: number, call: "getpeername" | "getsockname"): TcpAddress {
    const bytes = new Uint8Array(MAX_ADDRESS);
    const length = new Uint32Array([MAX_ADDRESS]);
    if (this.#libc.symbols[call](fd, bytes, new Uint8Array(length.buffer)) < 0) this.#fail(call);
    const view = new DataView(bytes.buffer);
    const family = familyOf(bytes) === FAMILIES[6].number ? FAMILIES[6] : FAMILIES[4];
    const text = new Uint8Array(MAX_TEXT);
    const address = bytes.subarray(family.address);
    this.#libc.symbols.inet_ntop(family.number, address, text, MAX_TEXT);
    const host = new TextDecoder().decode(text.subarray(0, text.indexOf(0)));
    return { host, port: view.getUint16(PORT) };
  }

  /** Says that nothing more will be sent. The other end may be gone, which is as good. */
  finish(fd: number): void {
    this.#libc.symbols.shutdown(fd, SHUT_WR);
  }

  /** Throws away what has come, unread. False when nothing more will come. */
  discard(fd: number): boolean {
    const { symbols, errno } = this.#libc;
    const count = symbols.recv(fd, this.#trash, BigInt(this.#trash.length), SOCKET.MSG_DONTWAIT);
    if (count > 0) return true;
    return count < 0 && (errno() === Errno.EAGAIN || errno() === Errno.EINTR);
  }

  #fail(call: string): never {
    throw new SystemError(call, this.#libc.errno());
  }
}
