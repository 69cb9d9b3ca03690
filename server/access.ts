/** Who may do what. One rule for all keys, where no policy file says more. */
import { type Identity, isNetworkCaller } from "./identity.ts";

/**
 * What can be done with a key. To rewrap is to bring messages to its newest version, unread; to
 * manage is to make, import, rotate and destroy, and all between.
 */
export const OPERATIONS = ["encrypt", "decrypt", "rewrap", "mac", "verify", "manage"] as const;
/** One of {@link OPERATIONS}. */
export type Operation = (typeof OPERATIONS)[number];

/** Answers whether an identity may. */
export interface Access {
  /** Connect, and ask for the status. */
  mayConnect(who: Identity): boolean;
  /** Do this with the key of that name, whether or not there is one. */
  may(who: Identity, operation: Operation, key: string): boolean;
  /** What concerns all keys, such as unsealing them. */
  mayAdminister(who: Identity): boolean;
}

const ROOT = 0;

/** The user that the daemon runs as, and the group it lets in, if any. */
export interface Owner {
  readonly uid: number;
  readonly group?: number | undefined;
}

/** The names of certificates that may use the keys, now. */
export type Clients = () => readonly string[];

/**
 * Root and the daemon's own user may do all; members of the group may use, not manage. Over the
 * network, a certificate that `clients` names may use the keys, and no other may do anything.
 */
export function ownerAccess({ uid, group }: Owner, clients: Clients = () => []): Access {
  const mayAdminister = (who: Identity) => {
    return !isNetworkCaller(who) && (who.uid === uid || who.uid === ROOT);
  };
  const isMember = (who: Identity) => {
    if (isNetworkCaller(who)) return who.names.some((name) => clients().includes(name));
    return group !== undefined && (who.gid === group || who.groups.includes(group));
  };
  const mayConnect = (who: Identity) => mayAdminister(who) || isMember(who);
  return {
    mayConnect,
    mayAdminister,
    may: (who, operation) => operation === "manage" ? mayAdminister(who) : mayConnect(who),
  };
}
