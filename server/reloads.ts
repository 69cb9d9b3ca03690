/** What a reload could not take, and since when something older is in force. */
import { asCryptoError } from "../core/errors.ts";
import type { ReloadedPart, Stale } from "../core/rpc.ts";

/** A part, and how it is read again. What that throws leaves the part as it was. */
export type Reload = readonly [part: ReloadedPart, read: () => void];

/** Keeps the account of reloads that failed. */
export class Reloads {
  readonly #stale = new Map<ReloadedPart, Required<Stale>>();

  /** The parts that are older than their files, and what is wrong with those. */
  get stale(): readonly Required<Stale>[] {
    return [...this.#stale.values()];
  }

  /**
   * Reads each of these again.
   * @returns what could not be done, in sentences
   */
  perform(parts: readonly Reload[]): string[] {
    for (const [part, read] of parts) {
      try {
        read();
        this.#stale.delete(part);
      } catch (thrown) {
        const { message, hint } = asCryptoError(thrown);
        const { since = new Date().toISOString() } = this.#stale.get(part) ?? {};
        this.#stale.set(part, { part, since, problem: `${message}: ${hint}` });
      }
    }
    return this.stale.map(({ problem }) => problem);
  }
}
