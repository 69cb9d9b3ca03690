/** What the state of the keys gives people reason to do. */
import { encryptingVersion, MESSAGE_BOUND, MESSAGE_WARNING } from "../core/lifecycle.ts";
import { OPERATIONS } from "./access.ts";
import type { ServiceParts } from "./handlers.ts";
import type { Identity } from "./identity.ts";

/** In sentences. Keys of which a caller is to know nothing are not in them. */
export function keyWarnings(
  { store, usage, access }: Pick<ServiceParts, "store" | "usage" | "access">,
  who: Identity,
): string[] {
  const keys = store.ring.keys.filter(({ name }) => {
    return OPERATIONS.some((operation) => access.may(who, operation, name));
  });
  const worn = keys.flatMap((key) => {
    const found = encryptingVersion(key);
    const encrypted = found ? usage.of(found.version.id).encrypted : 0;
    if (!found || encrypted < MESSAGE_WARNING) return [];
    const counts = `${encrypted.toLocaleString("en")} of ${MESSAGE_BOUND.toLocaleString("en")}`;
    return [`${key.name} version ${found.number} has encrypted ${counts} messages: rotate it`];
  });
  return [...worn, ...store.ring.isStale ? [STALE] : [], ...usage.failed ? [UNCOUNTED] : []];
}

const STALE = "a key version was destroyed, but a copy of the key ring from before still opens " +
  "with the sealing key: `crypto reseal` makes a new one";
const UNCOUNTED = "the counts of use cannot be written: see that the disk has room";
