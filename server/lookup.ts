/** Finding keys for a caller. What is not there is answered like what is not allowed. */
import type { Bytes } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import {
  type Purpose,
  requireEncrypting,
  requireUsable,
  type RingKey,
  stateOf,
  type Usable,
  versionsOf,
} from "../core/lifecycle.ts";
import type { Operation } from "./access.ts";
import type { ServiceParts } from "./handlers.ts";
import type { Identity } from "./identity.ts";

/** Who does what. */
export interface Act {
  readonly who: Identity;
  readonly operation: Operation;
  /** What it takes of a quota: of the plaintext, the message, or what the client says they are. */
  readonly bytes?: number | undefined;
}

/** The version that a message or mac names, and what its key must be. */
export interface Wanted {
  readonly id: Bytes;
  readonly purpose: Purpose;
  /** Narrows it to one key. */
  readonly name?: string | undefined;
}

/** The ring as callers may use it. */
export class KeyLookup {
  constructor(private readonly parts: Pick<ServiceParts, "store" | "access" | "quotas">) {}

  /** @throws {CryptoError} `denied` */
  requireRight({ who, operation }: Act, key: string): void {
    if (!this.parts.access.may(who, operation, key)) throw new CryptoError("denied");
  }

  /** After the decision and before the act. Managing costs nothing: it mends things. */
  #charge({ who, operation, bytes = 0 }: Act): void {
    if (operation !== "manage") this.parts.quotas.charge(who, bytes);
  }

  /** The key of a name. @throws {CryptoError} `denied` */
  named(act: Act, name: string): RingKey {
    this.requireRight(act, name);
    const key = this.parts.store.ring.get(name);
    if (!key) throw new CryptoError("denied");
    this.#charge(act);
    return key;
  }

  /** The version of a key that encrypts. @throws {CryptoError} `denied`, `key_disabled` */
  encrypting(act: Act, name: string): Usable {
    return requireEncrypting(this.named(act, name));
  }

  /**
   * The version that a message or mac names.
   * @throws {CryptoError} `denied`, `wrong_purpose`; `key_disabled`, `key_destroyed` for those who
   * have the right
   */
  byId(act: Act, { id, purpose, name }: Wanted): Usable {
    const found = this.parts.store.ring.find(id);
    if (!found || (name !== undefined && found.key.name !== name)) throw new CryptoError("denied");
    this.requireRight(act, found.key.name);
    requirePurpose(found.key, purpose);
    this.#charge(act);
    return requireUsable(found);
  }

  /** The versions for Fernet that may be tried, of one key or of all, newest first. */
  fernet(act: Act, name: string | undefined): Usable[] {
    if (name !== undefined) return usableVersions(requirePurpose(this.named(act, name), "fernet"));
    const keys = this.parts.store.ring.keys.filter((key) => {
      return key.purpose === "fernet" && this.parts.access.may(act.who, act.operation, key.name);
    });
    if (keys.length > 0) this.#charge(act);
    return keys.filter(({ disabled }) => !disabled).flatMap(usableVersions);
  }
}

/** @throws {CryptoError} `wrong_purpose` */
export function requirePurpose(key: RingKey, purpose: Purpose): RingKey {
  if (key.purpose !== purpose) throw new CryptoError("wrong_purpose", { subject: key.name });
  return key;
}

/** @throws {CryptoError} `key_disabled` if all of it is */
function usableVersions(key: RingKey): Usable[] {
  if (key.disabled) throw new CryptoError("key_disabled", { subject: key.name });
  return versionsOf(key).reverse().filter((found): found is Usable => {
    return ["active", "retired"].includes(stateOf(found));
  });
}
