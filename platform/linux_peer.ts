/**
 * Who is at the other end of a Unix socket on Linux: SO_PEERCRED (unix(7)) and SO_PEERGROUPS
 * (socket(7)). Lengths are checked here, and no raw call leaves this module.
 */
import { Errno, type LoadedLibc, openLibc, SystemError } from "./libc.ts";
import type { AskPeer } from "./peer.ts";

const SYMBOLS = {
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SO_PEERGROUPS = 59;
const GROUP_BYTES = 4;
const MAX_GROUPS = 65_536;

/** Loads what it takes, which needs `ffi`. The result throws {@linkcode SystemError}. */
export function loadLinuxPeer(): AskPeer {
  const options = new SocketOptions(openLibc(SYMBOLS));
  return (fd) => {
    const credentials = new Int32Array(3);
    const length = new Uint32Array([credentials.byteLength]);
    options.read(fd, SO_PEERCRED, credentials, length);
    if (length[0] !== credentials.byteLength) throw new SystemError("SO_PEERCRED", 0);
    const [pid, uid, gid] = [credentials[0]!, credentials[1]! >>> 0, credentials[2]! >>> 0];
    return { pid, uid, gid, groups: groupsOf(options, fd) };
  };
}

class SocketOptions {
  constructor(private readonly libc: LoadedLibc<typeof SYMBOLS>) {}

  read(fd: number, option: number, value: Int32Array | Uint32Array, length: Uint32Array): void {
    // The casts only say that these arrays own ordinary buffers.
    const [v, l] = [value as Int32Array<ArrayBuffer>, length as Uint32Array<ArrayBuffer>];
    const { symbols, errno } = this.libc;
    if (symbols.getsockopt(fd, SOL_SOCKET, option, v, l) >= 0) return;
    throw new SystemError("getsockopt", errno());
  }
}

function groupsOf(options: SocketOptions, fd: number, capacity = 32): number[] {
  const groups = new Uint32Array(capacity);
  const length = new Uint32Array([groups.byteLength]);
  try {
    options.read(fd, SO_PEERGROUPS, groups, length);
    return [...groups.subarray(0, length[0]! / GROUP_BYTES)];
  } catch (error) {
    const needed = length[0]! / GROUP_BYTES;
    const tooSmall = error instanceof SystemError && error.errno === Errno.ERANGE;
    if (!tooSmall || needed <= capacity || needed > MAX_GROUPS) throw error;
    return groupsOf(options, fd, needed);
  }
}
