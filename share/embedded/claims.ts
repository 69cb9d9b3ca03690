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
  private constructor(private readonly all: readonly HeldClaim[]) {}

  static read(text: string): Claims {
    return new Claims(JSON.parse(text) as HeldClaim[]);
  }

  write(): string {
    return JSON.stringify(this.all);
  }

  find(tokenHash: Bytes): HeldClaim | undefined {
    const token = tokenHash.toHex();
    return this.all.find((claim) => claim.token === token);
  }

  add(tokenHash: Bytes, { at, until }: Pick<HeldClaim, "at" | "until">): Claims {
    return new Claims([...this.all, { token: tokenHash.toHex(), at, until, acknowledged: false }]);
  }

  acknowledge(claim: HeldClaim): Claims {
    const end = (one: HeldClaim) => one === claim ? { ...one, acknowledged: true } : one;
    return new Claims(this.all.map(end));
  }

  /** Until when one of them is open; 0 where all have been acknowledged. */
  get until(): number {
    return Math.max(0, ...this.all.filter((one) => !one.acknowledged).map(({ until }) => until));
  }

  get views(): View[] {
    return this.all.map(({ at, acknowledged }) => ({ at, acknowledged }));
  }
}
