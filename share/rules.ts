/** What every way into the store keeps: the allowed terms, and how a refusal is told. */
import { createHash } from "node:crypto";
import type { Bytes } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { REFUSED } from "../core/share/wire.ts";
import type { AnswerRefusal, Refusal } from "./store.ts";

/** What a server allows in new secrets. */
export interface Allowed {
  /** Longest lifetime, in seconds. */
  readonly ttl: number;
  readonly views: number;
  /** Largest ciphertext, in bytes. */
  readonly size: number;
}

/** What is not allowed is refused, never changed: the ciphertext is bound to what was asked. */
export function requireAllowed(asked: Allowed, allowed: Allowed): void {
  for (const what of ["ttl", "views", "size"] as const) {
    if (asked[what] <= allowed[what]) continue;
    const hint = `this server allows at most ${allowed[what]}`;
    throw new CryptoError("share_refused", { subject: what, hint });
  }
}

/** @throws {CryptoError} `share_exists`, `share_full` */
export function requireCreated(state: "created" | "exists" | "full"): void {
  if (state === "exists") throw new CryptoError("share_exists");
  if (state === "full") throw new CryptoError("share_full");
}

/** An error whose answer also says since when. For callers with a proof. */
export class Refused extends CryptoError {
  constructor({ state, since }: { readonly state: keyof typeof REFUSED; readonly since: number }) {
    super(REFUSED[state]);
    this.since = since;
  }

  readonly since: number;
}

/** What a store keeps of a proof. */
export function sha256(bytes: Bytes): Bytes {
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}

/** What is told to who has no proof. */
export function nothingHere(): CryptoError {
  return new CryptoError("share_unavailable");
}

/** Why something is not given, as an error. */
export function refused({ state, since }: Refusal | AnswerRefusal): CryptoError {
  return state === "unknown" ? nothingHere() : new Refused({ state, since });
}
