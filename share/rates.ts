/** How often one client may ask: a bucket of tokens for each, refilled evenly. */

/** Clients that are kept in mind; more take the place of those who asked least recently. */
const MAX_CLIENTS = 100_000;

interface Bucket {
  tokens: number;
  at: number;
}

/** A rate for each client. */
export class Rates {
  readonly #buckets = new Map<string, Bucket>();

  /** @param perMinute requests in a minute, which may also come all at once */
  constructor(private readonly perMinute: number) {}

  /** Takes one request off a client's account. @returns false if there is none left */
  take(client: string, now: number): boolean {
    const { tokens, at } = this.#buckets.get(client) ?? { tokens: this.perMinute, at: now };
    const refilled = Math.min(this.perMinute, tokens + (now - at) * this.perMinute / 60_000);
    const allowed = refilled >= 1;
    this.#buckets.delete(client);
    this.#buckets.set(client, { tokens: refilled - (allowed ? 1 : 0), at: now });
    if (this.#buckets.size > MAX_CLIENTS) this.#forgetOldest();
    return allowed;
  }

  #forgetOldest(): void {
    const { value } = this.#buckets.keys().next();
    if (value !== undefined) this.#buckets.delete(value);
  }
}
