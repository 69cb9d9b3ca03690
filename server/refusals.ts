/** Noting who was refused before they had an identity: anybody can cause that, as often as they like. */
import type { DecisionLog } from "./audit/log.ts";

/** Refusals of one second that have a line of their own; the others share one. */
const LINES_EACH_SECOND = 16;
const SECOND = 1_000;

/** Writes refusals into the log, at a rate that cannot fill it in a night. */
export class Refusals {
  #noted = 0;
  #more = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly log: DecisionLog) {}

  /** @param reason for the administrator; the peer is not told */
  note(address: string, reason: string): void {
    this.#timer ??= setTimeout(() => this.#close(), SECOND);
    if (this.#noted++ < LINES_EACH_SECOND) this.#write({ address, reason });
    else this.#more++;
  }

  /** Writes what has only been counted. */
  close(): void {
    clearTimeout(this.#timer);
    this.#close();
  }

  #close(): void {
    if (this.#more > 0) this.#write({ reason: "many", requests: this.#more });
    this.#timer = undefined;
    this.#noted = this.#more = 0;
  }

  #write(about: { address?: string; reason: string; requests?: number }): void {
    void this.log.write(undefined, [{ op: "connect", ...about, error: "tls_refused" }]);
  }
}
