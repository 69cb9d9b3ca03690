/** Work that takes so much memory that it is done one at a time. */
import { CryptoError } from "../core/errors.ts";

/** How many may wait; the next is refused. */
const MOST = 16;

/** One at a time, in the order in which they came. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** Does it when it is its turn. @throws {CryptoError} `too_many_requests` */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#waiting === MOST) {
      const hint = "too many are waiting for the server's memory: try again in some seconds";
      throw new CryptoError("too_many_requests", { hint });
    }
    this.#waiting++;
    const result = this.#last.then(work).finally(() => this.#waiting--);
    this.#last = result.catch(() => {});
    return await result;
  }
}
