/** Going on at the pace of a quota that is given anew in a moment. */
import { CryptoError } from "../core/errors.ts";

/** Seconds: what a daemon says it will be sooner is waited for, what later is for people to know. */
const LONGEST_WAIT = 10;

/**
 * Lets requests through: all of them at once, until one is refused since a quota is used up. From
 * then on they go one after the other, in the order in which they came, each when the one before
 * has its answer, until nobody waits: what is refused is one of each moment, not all that wait.
 */
export class Pace {
  /** The end of the queue, if there is one. */
  #last: Promise<void> | undefined;

  /** Does it once more for each short wait that it is refused with. @throws what it throws else */
  async run<T>(act: () => Promise<T>): Promise<T> {
    if (this.#last) return await this.#inTurn(act);
    try {
      return await act();
    } catch (error) {
      if (shortWait(error) === undefined) throw error;
      return await this.#inTurn(act);
    }
  }

  async #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last = promise;
    try {
      await before;
      return await repeat(act);
    } finally {
      resolve();
      if (this.#last === promise) this.#last = undefined;
    }
  }
}

async function repeat<T>(act: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await act();
    } catch (error) {
      const wait = shortWait(error);
      if (wait === undefined) throw error;
      await new Promise((resolve) => setTimeout(resolve, wait * 1_000));
    }
  }
}

/** Seconds that a refusal is to be waited for; undefined for all other errors. */
function shortWait(error: unknown): number | undefined {
  if (!(error instanceof CryptoError) || error.code !== "quota_exceeded") return undefined;
  const { retryAfter } = error;
  const isShort = retryAfter !== undefined && retryAfter > 0 && retryAfter <= LONGEST_WAIT;
  return isShort ? retryAfter : undefined;
}
