/** Waiting for no longer than a fixed time, by many at once. */
import { CryptoError } from "../core/errors.ts";

interface Waiting {
  /** On the clock of `performance.now`. */
  readonly until: number;
  readonly end: (error: CryptoError) => void;
}

/** One timer for all who wait: one for each takes longer than to read a short body. */
export class Patience {
  // The first of them is the first whose time is over: each has the same.
  readonly #waiting = new Set<Waiting>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param milliseconds how long everybody waits */
  constructor(private readonly milliseconds: number) {}

  /** What comes in time. @throws {CryptoError} `idle_timeout` */
  async wait<T>(promise: Promise<T>): Promise<T> {
    let one: Waiting | undefined;
    const late = new Promise<never>((_, end) => {
      one = { until: performance.now() + this.milliseconds, end };
      this.#waiting.add(one);
    });
    this.#watch();
    try {
      return await Promise.race([promise, late]);
    } finally {
      if (one) this.#waiting.delete(one);
    }
  }

  #watch(): void {
    const [first] = this.#waiting;
    if (this.#timer !== undefined || !first) return;
    this.#timer = setTimeout(() => this.#endLate(), first.until - performance.now());
    // It stays when what it was for has come, and keeps no process from its end.
    this.#timer.unref();
  }

  #endLate(): void {
    this.#timer = undefined;
    const now = performance.now();
    for (const one of this.#waiting) {
      if (one.until > now) break;
      this.#waiting.delete(one);
      one.end(new CryptoError("idle_timeout"));
    }
    this.#watch();
  }
}
