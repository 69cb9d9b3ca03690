/** The claims to a secret, as its record keeps them: a text of its own for all of them. */
import type { Bytes } from "../../core/bytes.ts";
import type { View } from "../store.ts";

/** A claim. */
export interface HeldClaim {
  /** The hash of its token, in hexadecimal. */
  readonly token: string;
  readonly at: number;
  readonly until: number;
  readonly acknowledged: boolean;
}

/** All claims that there have been to one secret, the oldest first. */
export class Claims {
  #read: readonly HeldClaim[] | undefined;

  /** @param text as the record has it: JSON */
  constructor(readonly text: string) {}

  static #of(all: readonly HeldClaim[]): Claims {
    const claims = new Claims(JSON.stringify(all));
    claims.#read = all;
    return claims;
  }

  get #all(): readonly HeldClaim[] {
    return this.#read ??= JSON.parse(this.text);
  }

  find(tokenHash: Bytes): HeldClaim | undefined {
    const token = tokenHash.toHex();
    // Who has no claim learns from the time nothing of others': they are not even read.
    if (!this.text.includes(token)) return undefined;
    return this.#all.find((claim) => claim.token === token);
  }

  add(tokenHash: Bytes, { at, until }: Pick<HeldClaim, "at" | "until">): Claims {
    return Claims.#of([...this.#all, { token: tokenHash.toHex(), at, until, acknowledged: false }]);
  }

  acknowledge({ token }: HeldClaim): Claims {
    const end = (one: HeldClaim) => one.token === token ? { ...one, acknowledged: true } : one;
    return Claims.#of(this.#all.map(end));
  }

  /** Until when one of them is open; 0 where all have been acknowledged. */
  get until(): number {
    return Math.max(0, ...this.#all.filter((one) => !one.acknowledged).map(({ until }) => until));
  }

  get views(): View[] {
    return this.#all.map(({ at, acknowledged }) => ({ at, acknowledged }));
  }
}
