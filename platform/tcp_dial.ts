/**
 * Connecting to a machine by its name, by FFI: a command prepares it while it still may, and can
 * connect again, to this one port, when it has given up every permission. Lengths are checked here,
 * and no raw call leaves this folder.
 */
import { type Bytes, utf8 } from "../core/bytes.ts";
import { Errno, openLibc, POLL, Poll, SystemError } from "./libc.ts";

const SYMBOLS = {
  ...POLL,
  close: { parameters: ["i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  freeaddrinfo: { parameters: ["usize"], result: "void" },
  getaddrinfo: {
    parameters: ["buffer", "buffer", "buffer", "buffer"],
    result: "i32",
    nonblocking: true,
  },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  memcpy: { parameters: ["buffer", "usize", "usize"], result: "void" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  shutdown: { parameters: ["i32", "i32"], result: "i32" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** SOCK_STREAM, and with it SOCK_NONBLOCK and SOCK_CLOEXEC. */
const SOCK_STREAM = 1;
const STREAM = SOCK_STREAM | 0o4000 | 0o2000000;
const SOL_SOCKET = 1;
const SO_ERROR = 4;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const SHUT_RDWR = 2;
const AI_NUMERICSERV = 0x400;
/** struct addrinfo with pointers of 64 bits: its length, and where its members stand. */
const INFO = { LENGTH: 48, FAMILY: 4, KIND: 8, SIZE: 16, ADDRESS: 24, NEXT: 40 } as const;
/** Bytes of struct sockaddr_storage, which holds every kind of address. */
const MAX_ADDRESS = 128;
/** No name has more that are worth trying. */
const MAX_ADDRESSES = 16;
/** How long one address has before the next is tried beside it, in milliseconds: RFC 8305, 5. */
const HEAD_START = 250;

/** EAI_NONAME and EAI_NODATA; every other failure is one of asking. */
const NOT_KNOWN: readonly number[] = [-2, -5];

/** A name was not found. */
export class NoAddress extends Error {
  /** @param code of getaddrinfo(3) */
  constructor(readonly code: number) {
    super(`getaddrinfo failed with ${code}`);
  }

  /** Whether there is no machine of this name, and not only nobody who knows. */
  get isUnknown(): boolean {
    return NOT_KNOWN.includes(this.code);
  }
}

/** A moment after which nothing is waited for any more. */
export interface Deadline {
  /** Milliseconds until then, not below zero. */
  left(): number;
}

/** The moment that comes after some milliseconds. */
export function within(milliseconds: number): Deadline {
  const end = performance.now() + milliseconds;
  return { left: () => Math.max(Math.ceil(end - performance.now()), 0) };
}

/** An address as socket(2) and connect(2) take it. */
interface SocketAddress {
  readonly family: number;
  readonly bytes: Bytes;
}

/** Connects to one port of one machine, as often as one likes, without any permission. */
export class TcpDialer {
  readonly #libc = openLibc(SYMBOLS);
  // What another thread reads stays here: nothing else would keep it alive so long.
  readonly #host: Bytes;
  readonly #port: Bytes;
  readonly #hints = new Int32Array(INFO.LENGTH / 4);

  /** @param host a name or an IP address */
  constructor({ host, port }: { readonly host: string; readonly port: number }) {
    [this.#host, this.#port] = [utf8(`${host}\0`), utf8(`${port}\0`)];
    [this.#hints[0], this.#hints[INFO.KIND / 4]] = [AI_NUMERICSERV, SOCK_STREAM];
  }

  /**
   * A connected socket that blocks nobody and sends at once, of the first address to answer. It is
   * the caller's.
   * @throws {NoAddress} if the name has none
   * @throws {SystemError} what the kernel says of the last one; ETIMEDOUT if time is up
   */
  async connect(deadline: Deadline): Promise<number> {
    const addresses = await this.#lookUp(deadline);
    const waiting = new Set<number>();
    let errno: number = Errno.ETIMEDOUT;
    try {
      while (addresses.length + waiting.size > 0 && deadline.left() > 0) {
        const address = addresses.shift();
        if (address) errno = this.#begin(address, waiting) ?? errno;
        const patience = Math.min(addresses.length > 0 ? HEAD_START : Infinity, deadline.left());
        const ready = waiting.size > 0 ? await this.#poll(Poll.OUT, [...waiting], patience) : [];
        for (const fd of ready) {
          errno = this.#failure(fd);
          if (errno === 0) return this.#chosen(fd, waiting);
          waiting.delete(fd);
          this.close(fd);
        }
      }
      throw new SystemError("connect", errno);
    } finally {
      for (const fd of waiting) this.close(fd);
    }
  }

  /** Begins to connect. Gives the error number of what fails at once. */
  #begin({ family, bytes }: SocketAddress, waiting: Set<number>): number | undefined {
    const { socket, connect } = this.#libc.symbols;
    const fd = socket(family, STREAM, 0);
    if (fd < 0) return this.#libc.errno();
    waiting.add(fd);
    const errno = connect(fd, bytes, bytes.length) === 0 ? 0 : this.#libc.errno();
    if (errno === 0 || errno === Errno.EINPROGRESS) return undefined;
    waiting.delete(fd);
    this.close(fd);
    return errno;
  }

  /** What has become of a connection: 0 if it is there. */
  #failure(fd: number): number {
    const [value, length] = [new Int32Array(1), new Uint32Array([4])];
    const asked = this.#libc.symbols.getsockopt(fd, SOL_SOCKET, SO_ERROR, value, length);
    return asked === 0 ? value[0]! : this.#libc.errno();
  }

  #chosen(fd: number, waiting: Set<number>): number {
    waiting.delete(fd);
    const on = new Int32Array([1]);
    this.#libc.symbols.setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, on, on.byteLength);
    return fd;
  }

  async #lookUp(deadline: Deadline): Promise<SocketAddress[]> {
    const { getaddrinfo, freeaddrinfo } = this.#libc.symbols;
    const list = new BigUint64Array(1);
    const looking = getaddrinfo(this.#host, this.#port, this.#hints, list).then((code) => {
      if (code !== 0) throw new NoAddress(code);
      const addresses = this.#addresses(list[0]!);
      freeaddrinfo(list[0]!);
      return addresses;
    });
    const late = this.#poll(0, [], deadline.left()).then(() => {
      throw new SystemError("getaddrinfo", Errno.ETIMEDOUT);
    });
    return await Promise.race([looking, late]);
  }

  #addresses(first: bigint): SocketAddress[] {
    const found: SocketAddress[] = [];
    const info = new DataView(new ArrayBuffer(INFO.LENGTH));
    const { memcpy } = this.#libc.symbols;
    for (let at = first; at !== 0n && found.length < MAX_ADDRESSES;) {
      memcpy(new Uint8Array(info.buffer), at, BigInt(INFO.LENGTH));
      const bytes = new Uint8Array(Math.min(info.getUint32(INFO.SIZE, true), MAX_ADDRESS));
      memcpy(bytes, info.getBigUint64(INFO.ADDRESS, true), BigInt(bytes.length));
      found.push({ family: info.getInt32(INFO.FAMILY, true), bytes });
      at = info.getBigUint64(INFO.NEXT, true);
    }
    return found;
  }

  /**
   * Waits until a socket may have something to read, or takes something to write.
   * @returns false if time was up first
   */
  async wait(fd: number, event: number, patience?: number): Promise<boolean> {
    return (await this.#poll(event, [fd], patience)).length > 0;
  }

  /** The descriptors that had the event, or an error. */
  async #poll(event: number, fds: readonly number[], patience = -1): Promise<number[]> {
    // An array of struct pollfd, never empty. Reading it also keeps it alive while it is written.
    const polled = new Int32Array([...fds.flatMap((fd) => [fd, event]), -1, 0]);
    await this.#libc.symbols.poll(polled, BigInt(fds.length), patience);
    return fds.filter((_, i) => polled[2 * i + 1]! >>> 16 !== 0);
  }

  /** Ends what waits for this connection. */
  hangUp(fd: number): void {
    this.#libc.symbols.shutdown(fd, SHUT_RDWR);
  }

  close(fd: number): void {
    this.#libc.symbols.close(fd);
  }
}
