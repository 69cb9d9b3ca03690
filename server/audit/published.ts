/** The published heads of one log, as the lines that are there are compared with them. */
import type { PublishedHead } from "./heads.ts";
import type { Head } from "./chain.ts";

/** A line that is not the one whose head was published. */
export interface Differing {
  readonly seq: number;
  /** File and line in it. */
  readonly where: string;
}

/** Heads of one log. */
export class PublishedHeads {
  readonly differing: Differing[] = [];
  /** How many lines are those whose heads were published, and the number of the last. */
  agreed = 0;
  lastAgreed = 0;
  readonly #hashes = new Map<number, Set<string>>();

  /** @param log the log's id */
  constructor(readonly log: string) {}

  /** The numbers of the lines whose heads were published. */
  get numbers(): number[] {
    return [...this.#hashes.keys()];
  }

  /** The largest of them. */
  get newest(): number {
    return largest(this.numbers);
  }

  add({ seq, hash }: Head): void {
    this.#hashes.set(seq, (this.#hashes.get(seq) ?? new Set()).add(hash));
  }

  compare({ seq, hash }: Head, where: string): void {
    const hashes = this.#hashes.get(seq);
    if (!hashes) return;
    if (hashes.size > 1 || !hashes.has(hash)) return void this.differing.push({ seq, where });
    this.agreed++;
    this.lastAgreed = Math.max(this.lastAgreed, seq);
  }
}

/** Heads by the log that they are of. */
export function byLog(heads: readonly PublishedHead[]): Map<string, PublishedHeads> {
  const logs = new Map<string, PublishedHeads>();
  for (const head of heads) {
    let log = logs.get(head.log);
    if (!log) logs.set(head.log, log = new PublishedHeads(head.log));
    log.add(head);
  }
  return logs;
}

/** Of none: 0. Not by `Math.max`, which takes its arguments on the stack. */
export function largest(numbers: readonly number[]): number {
  return numbers.reduce((largest, one) => Math.max(largest, one), 0);
}
