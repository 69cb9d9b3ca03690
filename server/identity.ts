/** Who is calling, whichever way they came. From here on nothing knows the transport. */
import { CryptoError } from "../core/errors.ts";
import type { CertifiedPeer } from "../platform/certificate.ts";
import type { PeerCredentials } from "../platform/peer.ts";

/** Ids of the kernel's user namespace that stand for "not known here". */
export interface OverflowIds {
  readonly uid: number;
  readonly gid: number;
}

/** A caller on this machine, or on another. */
export type Identity = LocalCaller | NetworkCaller;

/** A caller as the kernel knows it. The pid is for the log only: it may be somebody else's soon. */
export interface LocalCaller {
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly pid: number;
}

/** A caller as its certificate names it. */
export interface NetworkCaller extends CertifiedPeer {
  /** Where it is, for the log only: `HOST:PORT`. */
  readonly address: string;
}

const CERTIFICATE_NAME = /^(?:(?:URI|DNS):[\x21-\x7e]{1,255}|SHA256:[0-9a-f]{64})$/;

/** Whether a value is a name as certificates are known by: `URI:…`, `DNS:…`, `SHA256:…`. */
export function isCertificateName(value: unknown): value is string {
  return typeof value === "string" && CERTIFICATE_NAME.test(value);
}

/** Whether a caller is known by a certificate. */
export function isNetworkCaller(who: Identity): who is NetworkCaller {
  return "names" in who;
}

/** Whose share of the daemon a caller uses up: all with the same one have it together. */
export type Account = number | string;

/** A caller's account: the user id, or the first name of its certificate. */
export function accountOf(who: Identity): Account {
  return isNetworkCaller(who) ? who.names[0] : who.uid;
}

/**
 * Makes an identity of what the kernel recorded.
 * @throws {CryptoError} `no_identity` for a peer that this user namespace has no id for: every such
 * peer looks the same, so none of them can be told from another.
 */
export function identify(peer: PeerCredentials, overflow: OverflowIds): LocalCaller {
  if (peer.uid === overflow.uid || peer.gid === overflow.gid || peer.pid <= 0) {
    throw new CryptoError("no_identity");
  }
  return { ...peer, groups: peer.groups.filter((gid) => gid !== overflow.gid) };
}
