/** Who may do what. One rule for all keys, until a policy file says more. */
import { type Identity, isNetworkCaller } from "./identity.ts";

export const OPERATIONS = ["encrypt", "decrypt", "manage"] as const;
/** What can be done with a key. To manage is to make, rotate and import. */
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

/**
 * Root and the daemon's own user may do all; members of the group may use, not manage. Over the
 * network, a certificate that `clients` names may use the keys, and no other may do anything.
 */
export function ownerAccess(
  { uid, group }: Owner,
  clients: () => readonly string[] = () => [],
): Access {
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
