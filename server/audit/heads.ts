/**
 * Heads of the chain, published where the daemon cannot take them back: on its standard error, which
 * a service manager hands to its journal. What was published is what `crypto audit verify` compares.
 */
import type { Head } from "./chain.ts";
import type { AuditLog } from "./log.ts";

/** How often a head that has changed is published, in milliseconds. */
const INTERVAL = 60_000;
const PUBLISHED = /\baudit head (\d{1,16}) ([0-9a-f]{64}) of log ([0-9a-f]{16})\b/g;

/** A head, and the id of the log that it is of. */
export interface PublishedHead extends Head {
  readonly log: string;
}

/** The line that publishes a head. */
export function formatHead({ seq, hash, log }: PublishedHead): string {
  return `audit head ${seq} ${hash} of log ${log}`;
}

/** The heads in what a journal says, whatever else is in it. */
export function readHeads(journal: string): PublishedHead[] {
  return [...journal.matchAll(PUBLISHED)].map(([, seq, hash, log]) => ({
    seq: Number(seq),
    hash: hash!,
    log: log!,
  }));
}

/**
 * Publishes the heads of a log from time to time, and when rotation wants to remove files, which are
 * only removed then.
 */
export class HeadPublisher {
  readonly #timer: ReturnType<typeof setInterval>;
  #last = 0;

  /** @param publish takes a line such as {@link formatHead} gives */
  constructor(
    private readonly log: AuditLog,
    private readonly publish: (line: string) => void,
    interval: number = INTERVAL,
  ) {
    this.#timer = setInterval(() => void this.publishNow(), interval);
    log.onSurplus = () => void this.publishNow();
  }

  /** Publishes the head if it is another than the last one. */
  async publishNow(): Promise<void> {
    const { head } = this.log;
    if (head.seq === this.#last) return;
    try {
      // Else a machine that loses its power would look like one whose log was cut.
      await this.log.sync();
    } catch {
      return;
    }
    if (head.seq <= this.#last) return;
    this.#last = head.seq;
    this.publish(formatHead({ ...head, log: this.log.id }));
    this.log.removeSurplus(head.seq);
  }

  /** Publishes the last one. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.publishNow();
  }
}
