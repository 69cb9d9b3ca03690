/**
 * Who is at the other end of a Unix socket on macOS, by the constants and structures of Darwin's
 * headers (sys/un.h, sys/ucred.h of xnu). Nobody has run this on a Mac: see docs/systems.md. Lengths
 * are checked here, and no raw call leaves this module.
 */
import type { Bytes } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { openLibrary } from "./library.ts";
import type { AskPeer, PeerCredentials } from "./peer.ts";

const SYMBOLS = {
  getpeereid: { parameters: ["i32", "buffer", "buffer"], result: "i32" },
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const SOL_LOCAL = 0;
const LOCAL_PEERCRED = 0x001;
const LOCAL_PEERPID = 0x002;
/** struct xucred: version, uid, number of groups (16 bits), 16 groups; the first is the gid. */
const XUCRED = { LENGTH: 76, VERSION: 0, UID: 4, COUNT: 8, GROUPS: 12 } as const;
const XUCRED_VERSION = 0;
const NGROUPS = 16;
const GROUP_BYTES = 4;

/** What struct xucred says of a peer. */
export type DarwinCredentials = Omit<PeerCredentials, "pid">;

/**
 * Reads struct xucred. It holds 16 groups at most: of a user with more, the others are not known,
 * and what is allowed to them is denied.
 * @throws {CryptoError} `no_identity` for anything that the headers do not describe
 */
export function readXucred(bytes: Bytes): DarwinCredentials {
  if (bytes.length !== XUCRED.LENGTH) throw new CryptoError("no_identity");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getInt16(XUCRED.COUNT, true);
  const isKnown = view.getUint32(XUCRED.VERSION, true) === XUCRED_VERSION;
  if (!isKnown || count < 1 || count > NGROUPS) throw new CryptoError("no_identity");
  const all = Array.from({ length: count }, (_, i) => {
    return view.getUint32(XUCRED.GROUPS + i * GROUP_BYTES, true);
  });
  const [gid, ...groups] = all as [number, ...number[]];
  return { uid: view.getUint32(XUCRED.UID, true), gid, groups };
}

/**
 * Loads what it takes, which needs `ffi`. The result throws {@link CryptoError} `no_identity`.
 * @throws {CryptoError} `config` elsewhere than on macOS
 */
export function loadDarwinPeer(): AskPeer {
  const system = openLibrary("libSystem.B.dylib", SYMBOLS);
  if (!system) throw new CryptoError("config", { hint: "this needs macOS" });
  const option = (fd: number, name: number, size: number) => {
    const [value, length] = [new Uint8Array(size), new Uint32Array([size])];
    const asked = system.getsockopt(fd, SOL_LOCAL, name, value, length);
    if (asked !== 0 || length[0] !== size) throw new CryptoError("no_identity");
    return value;
  };
  return (fd) => {
    const [uid, gid] = [new Uint32Array(1), new Uint32Array(1)];
    if (system.getpeereid(fd, uid, gid) !== 0) throw new CryptoError("no_identity");
    const told = readXucred(option(fd, LOCAL_PEERCRED, XUCRED.LENGTH));
    // Both are of the moment of the connect; where they differ, something is not understood here.
    if (told.uid !== uid[0] || told.gid !== gid[0]) throw new CryptoError("no_identity");
    const pid = new DataView(option(fd, LOCAL_PEERPID, 4).buffer).getInt32(0, true);
    return { ...told, pid };
  };
}
