/** Who is calling, whichever way they came. From here on nothing knows the transport. */
import { CryptoError } from "../core/errors.ts";
import type { PeerCredentials } from "../platform/sockets.ts";

/** Ids of the kernel's user namespace that stand for "not known here". */
export interface OverflowIds {
  readonly uid: number;
  readonly gid: number;
}

/** A caller as the kernel knows it. The pid is for the log only: it may be somebody else's soon. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly pid: number;
}

/**
 * Makes an identity of what the kernel recorded.
 * @throws {CryptoError} `no_identity` for a peer that this user namespace has no id for: every such
 * peer looks the same, so none of them can be told from another.
 */
export function identify(peer: PeerCredentials, overflow: OverflowIds): Identity {
  if (peer.uid === overflow.uid || peer.gid === overflow.gid || peer.pid <= 0) {
    throw new CryptoError("no_identity");
  }
  return { ...peer, groups: peer.groups.filter((gid) => gid !== overflow.gid) };
}
