/**
 * Sockets of Windows that listen on this machine's own addresses: ws2_32.dll. Run under Wine, never
 * on Windows: see docs/systems.md. Lengths are checked here, and no raw call leaves this module.
 */
import type { Bytes } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { SystemError } from "./libc.ts";
import { openLibrary } from "./library.ts";
import { loopbackBytes } from "./loopback.ts";
import type { Streams } from "./sockets.ts";
import { formatAddress, type Tcp, type TcpAddress } from "./tcp.ts";

const WS2_32 = {
  WSAGetLastError: { parameters: [], result: "i32" },
  WSAStartup: { parameters: ["u16", "buffer"], result: "i32" },
  accept: { parameters: ["usize", "pointer", "pointer"], result: "usize" },
  bind: { parameters: ["usize", "buffer", "i32"], result: "i32" },
  closesocket: { parameters: ["usize"], result: "i32" },
  connect: { parameters: ["usize", "buffer", "i32"], result: "i32" },
  getpeername: { parameters: ["usize", "buffer", "buffer"], result: "i32" },
  getsockname: { parameters: ["usize", "buffer", "buffer"], result: "i32" },
  ioctlsocket: { parameters: ["usize", "i32", "buffer"], result: "i32" },
  listen: { parameters: ["usize", "i32"], result: "i32" },
  recv: { parameters: ["usize", "buffer", "i32", "i32"], result: "i32" },
  send: { parameters: ["usize", "buffer", "i32", "i32"], result: "i32" },
  setsockopt: { parameters: ["usize", "i32", "i32", "buffer", "i32"], result: "i32" },
  shutdown: { parameters: ["usize", "i32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "usize" },
} as const satisfies Deno.ForeignLibraryInterface;

/** MAKEWORD(2, 2), and bytes of WSADATA. */
const VERSION = 0x0202;
const WSADATA = 408;
/** Handles of the kernel's have 32 bits that matter; what is above, says INVALID_SOCKET. */
const MAX_HANDLE = 0x7fffffff;
const [STREAM, DATAGRAM] = [1, 2];
const SOL_SOCKET = 0xffff;
/** ~SO_REUSEADDR: no other program can take the port as well, and what comes to it. */
const SO_EXCLUSIVEADDRUSE = -5;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 27;
const SD_SEND = 1;
/** As a signed number. */
const FIONBIO = 0x8004667e | 0;
const [WSAEACCES, WSAEWOULDBLOCK, WSAEADDRINUSE, WSAECONNRESET] = [10013, 10035, 10048, 10054];

/** struct sockaddr_in and sockaddr_in6 of Windows: how long they are, and where the address stands. */
const FAMILIES = {
  4: { number: 2, length: 16, address: 4, addressLength: 4 },
  6: { number: 23, length: 28, address: 8, addressLength: 16 },
} as const;
const MAX_ADDRESS = 28;
const PORT = 2;

/** @throws {CryptoError} `config` for an address that others could reach */
export function encodeAddress(at: TcpAddress): Bytes {
  const own = loopbackBytes(at);
  const { number, length, address } = FAMILIES[at.host.includes(":") ? 6 : 4];
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, number, true);
  view.setUint16(PORT, at.port);
  bytes.set(own, address);
  return bytes;
}

/** What Windows has written, all zeros behind its end. */
export function decodeAddress(bytes: Bytes): TcpAddress {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const isSix = view.getUint16(0, true) === FAMILIES[6].number;
  const { address, addressLength } = FAMILIES[isSix ? 6 : 4];
  const host = [...bytes.subarray(address, address + addressLength)];
  return { host: isSix ? textOfSix(host) : host.join("."), port: view.getUint16(PORT) };
}

/** What comes to `::1` comes from there. */
function textOfSix(bytes: readonly number[]): string {
  if (bytes.join() === loopbackBytes({ host: "::1", port: 0 }).join()) return "::1";
  const view = new DataView(new Uint8Array(bytes).buffer);
  return Array.from({ length: 8 }, (_, i) => view.getUint16(2 * i).toString(16)).join(":");
}

/** Sockets, with checked arguments. A daemon makes one, before it gives up `ffi`. */
export class WindowsSockets implements Streams, Tcp {
  readonly #lib;
  readonly #trash: Bytes = new Uint8Array(65_536);

  /** @throws {CryptoError} `config` elsewhere than on Windows */
  constructor() {
    const lib = openLibrary("ws2_32.dll", WS2_32);
    if (lib?.WSAStartup(VERSION, new Uint8Array(WSADATA)) !== 0) {
      throw new CryptoError("config", { hint: "this needs Windows" });
    }
    this.#lib = lib;
  }

  listen(at: TcpAddress, backlog: number): number {
    const address = encodeAddress(at);
    const isSix = at.host.includes(":");
    const fd = this.#socket(FAMILIES[isSix ? 6 : 4].number, STREAM);
    try {
      this.#enable(fd, SOL_SOCKET, SO_EXCLUSIVEADDRUSE);
      if (isSix) this.#enable(fd, IPPROTO_IPV6, IPV6_V6ONLY);
      if (this.#lib.bind(BigInt(fd), address, address.length) !== 0) throw this.#unbound(at);
      this.#check("listen", this.#lib.listen(BigInt(fd), backlog));
      return fd;
    } catch (error) {
      this.close(fd);
      throw error;
    }
  }

  #unbound(at: TcpAddress): CryptoError {
    const error = this.#lib.WSAGetLastError();
    const detail = { subject: formatAddress(at), cause: new SystemError("bind", error) };
    const isTaken = error === WSAEADDRINUSE || error === WSAEACCES;
    return new CryptoError(isTaken ? "already_running" : "config", detail);
  }

  /** One that gets what is sent to it by itself alone: for waking who waits. */
  openOwn(): number {
    const fd = this.#socket(FAMILIES[4].number, DATAGRAM);
    const address = encodeAddress({ host: "127.0.0.1", port: 0 });
    this.#enable(fd, SOL_SOCKET, SO_EXCLUSIVEADDRUSE);
    this.#check("bind", this.#lib.bind(BigInt(fd), address, address.length));
    const own = encodeAddress(this.localAddress(fd));
    this.#check("connect", this.#lib.connect(BigInt(fd), own, own.length));
    return fd;
  }

  #socket(family: number, type: number): number {
    const fd = this.#owned(this.#lib.socket(family, type, 0));
    if (fd === undefined) throw this.#error("socket");
    return fd;
  }

  /** A socket of Windows' as it is to be. Undefined for none. */
  #owned(handle: bigint): number | undefined {
    if (handle > MAX_HANDLE) return undefined;
    const fd = Number(handle);
    const on = new Uint8Array(new Uint32Array([1]).buffer);
    if (this.#lib.ioctlsocket(BigInt(fd), FIONBIO, on) === 0) return fd;
    this.close(fd);
    return undefined;
  }

  #enable(fd: number, level: number, option: number): void {
    const on = new Uint8Array(new Int32Array([1]).buffer);
    this.#check("setsockopt", this.#lib.setsockopt(BigInt(fd), level, option, on, on.length));
  }

  #check(call: string, result: number): void {
    if (result !== 0) throw this.#error(call);
  }

  #error(call: string): SystemError {
    return new SystemError(call, this.#lib.WSAGetLastError());
  }

  accept(listener: number): number | undefined {
    for (;;) {
      const handle = this.#lib.accept(BigInt(listener), null, null);
      if (handle <= MAX_HANDLE) return this.#accepted(handle);
      if (this.#isNothing()) return undefined;
      // Somebody has hung up before.
      if (this.#lib.WSAGetLastError() !== WSAECONNRESET) throw tooMany();
    }
  }

  #accepted(handle: bigint): number {
    const fd = this.#owned(handle);
    if (fd === undefined) throw tooMany();
    return fd;
  }

  /**
   * Whether the last call had nothing to do now. What the runtime does between two calls may set the
   * number to zero: what is wrong is then told by the next attempt.
   */
  #isNothing(): boolean {
    const error = this.#lib.WSAGetLastError();
    return error === WSAEWOULDBLOCK || error === 0;
  }

  receive(fd: number, buffer: Bytes): number | undefined {
    return this.#transferred("recv", this.#lib.recv(BigInt(fd), buffer, buffer.length, 0));
  }

  send(fd: number, bytes: Bytes): number {
    return this.#transferred("send", this.#lib.send(BigInt(fd), bytes, bytes.length, 0)) ?? 0;
  }

  #transferred(call: string, result: number): number | undefined {
    if (result >= 0) return result;
    if (this.#isNothing()) return undefined;
    throw this.#error(call);
  }

  close(fd: number): void {
    this.#lib.closesocket(BigInt(fd));
  }

  sendAtOnce(fd: number): void {
    this.#enable(fd, IPPROTO_TCP, TCP_NODELAY);
  }

  localAddress(fd: number): TcpAddress {
    return this.#address(fd, "getsockname");
  }

  peerAddress(fd: number): TcpAddress {
    return this.#address(fd, "getpeername");
  }

  #address(fd: number, call: "getpeername" | "getsockname"): TcpAddress {
    const bytes = new Uint8Array(MAX_ADDRESS);
    const length = new Uint8Array(new Int32Array([MAX_ADDRESS]).buffer);
    this.#check(call, this.#lib[call](BigInt(fd), bytes, length));
    return decodeAddress(bytes);
  }

  finish(fd: number): void {
    this.#lib.shutdown(BigInt(fd), SD_SEND);
  }

  discard(fd: number): boolean {
    const count = this.#lib.recv(BigInt(fd), this.#trash, this.#trash.length, 0);
    return count > 0 || (count < 0 && this.#isNothing());
  }
}

function tooMany(): CryptoError {
  return new CryptoError("too_many_connections");
}
