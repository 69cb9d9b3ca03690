/** Who may do what. One rule for all keys, where no policy file says more. */
import type { Identity } from "./identity.ts";

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

/** Root and the daemon's own user may do all; members of the group may use, not manage. */
export function ownerAccess({ uid, group }: Owner): Access {
  const mayAdminister = (who: Identity) => who.uid === uid || who.uid === ROOT;
  const isMember = (who: Identity) => {
    return group !== undefined && (who.gid === group || who.groups.includes(group));
  };
  const mayConnect = (who: Identity) => mayAdminister(who) || isMember(who);
  return {
    mayConnect,
    mayAdminister,
    may: (who, operation) => operation === "manage" ? mayAdminister(who) : mayConnect(who),
  };
}
