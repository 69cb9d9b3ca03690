/**
 * Listening sockets that were passed in by a service manager, sd_listen_fds(3). Lengths are checked
 * here, and no raw call leaves this module.
 */
import { type Bytes, fromUtf8 } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { openLibc, SystemError } from "./libc.ts";
import type { PassedDescriptor } from "./systemd.ts";

const SYMBOLS = {
  fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
  getsockname: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOL_SOCKET = 1;
const SO_TYPE = 3;
const SO_ACCEPTCONN = 30;
const F_SETFD = 2;
const F_GETFL = 3;
const F_SETFL = 4;
const FD_CLOEXEC = 1;
const O_NONBLOCK = 0o4000;
/** Bytes of struct sockaddr_storage, which holds every kind of address. */
const ADDRESS_LENGTH = 128;
const LOOPBACK6 = [...new Uint8Array(15), 1].join();

/** Who can connect: programs by a file's name, or those of this machine, or others too. */
export type Reach = { readonly path: string } | "loopback" | "network";

/** A listening stream socket, ready for use. */
export interface AdoptedListener {
  readonly fd: number;
  /** What its unit calls it. */
  readonly name: string;
  readonly reach: Reach;
}

/**
 * Makes a descriptor that was passed in ready for use: it blocks nobody and is not inherited.
 * @throws {CryptoError} `config` if it is no listening stream socket.
 */
export function adoptListener({ fd, name }: PassedDescriptor): AdoptedListener {
  const { symbols, errno } = openLibc(SYMBOLS);
  const option = (number: number) => {
    const [value, length] = [new Int32Array(1), new Uint32Array([4])];
    return symbols.getsockopt(fd, SOL_SOCKET, number, value, length) === 0 ? value[0]! : -1;
  };
  const [address, length] = [new Uint8Array(ADDRESS_LENGTH), new Uint32Array([ADDRESS_LENGTH])];
  const fits = option(SO_TYPE) === SOCK_STREAM && option(SO_ACCEPTCONN) === 1 &&
    symbols.getsockname(fd, address, length) === 0;
  const reach = fits ? reachOf(address.subarray(0, length[0]!)) : undefined;
  if (!reach) {
    const hint = "what was passed in is no listening stream socket: the socket unit needs " +
      "ListenStream=, and Accept=no";
    throw new CryptoError("config", { subject: `descriptor ${fd} (${name})`, hint });
  }
  const flags = symbols.fcntl(fd, F_GETFL, 0);
  const set = flags >= 0 && symbols.fcntl(fd, F_SETFL, flags | O_NONBLOCK) >= 0 &&
    symbols.fcntl(fd, F_SETFD, FD_CLOEXEC) >= 0;
  if (!set) throw new SystemError("fcntl", errno());
  return { fd, name, reach };
}

/** struct sockaddr_un, sockaddr_in or sockaddr_in6; undefined for any other. */
function reachOf(address: Bytes): Reach | undefined {
  switch (new Uint16Array(address.slice(0, 2).buffer)[0]) {
    case AF_UNIX:
      return { path: pathOf(address.subarray(2)) };
    case AF_INET:
      return address[4] === 127 ? "loopback" : "network";
    case AF_INET6:
      return address.subarray(8, 24).join() === LOOPBACK6 ? "loopback" : "network";
    default:
      return undefined;
  }
}

/** Up to its zero byte; empty for an abstract name, which is no file. */
function pathOf(path: Bytes): string {
  const end = path.indexOf(0);
  return fromUtf8(end < 0 ? path : path.subarray(0, end));
}
