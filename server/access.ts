/** Who may do what. One rule for all keys, until a policy file says more. */
import type { Identity } from "./identity.ts";

/** Answers whether an identity may. */
export interface Access {
  /** Connect, ask for the status, encrypt and decrypt. */
  mayUse(who: Identity): boolean;
  /** Make, rotate and import keys. */
  mayManage(who: Identity): boolean;
}

const ROOT = 0;

/** The user that the daemon runs as, and the group it lets in, if any. */
export interface Owner {
  readonly uid: number;
  readonly group?: number | undefined;
}

/** Root and the daemon's own user may do all; members of the group may use, not manage. */
export function ownerAccess({ uid, group }: Owner): Access {
  const mayManage = (who: Identity) => who.uid === uid || who.uid === ROOT;
  const isMember = (who: Identity) => {
    return group !== undefined && (who.gid === group || who.groups.includes(group));
  };
  return { mayManage, mayUse: (who) => mayManage(who) || isMember(who) };
}
