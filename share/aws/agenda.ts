/**
 * What a process has seen come and go, and when each is to be looked at again. There is no right to
 * list a table: what a process forgets, because it ended, DynamoDB and the bucket remove later.
 */

/** What is kept in mind at most; what comes first is dropped first. */
const MAX_ENTRIES = 100_000;

/** Ids and times. */
export class Agenda {
  readonly #times = new Map<string, number>();

  /** Notes that something happens to an id at a time; of two, the earlier counts. */
  note(id: string, time: number): void {
    const known = this.#times.get(id) ?? Infinity;
    this.#times.delete(id);
    this.#times.set(id, Math.min(time, known));
    if (this.#times.size > MAX_ENTRIES) this.#dropOldest();
  }

  #dropOldest(): void {
    const { value } = this.#times.keys().next();
    if (value !== undefined) this.#times.delete(value);
  }

  /**
   * Takes out all whose time has come, and does something to each. What fails is noted again.
   * @throws the last failure, when all have had their turn
   */
  async each(now: number, act: (id: string) => Promise<void>): Promise<void> {
    const due = [...this.#times].filter(([, time]) => time <= now).map(([id]) => id);
    for (const id of due) this.#times.delete(id);
    let failure: unknown;
    for (const id of due) {
      await act(id).catch((error) => {
        this.note(id, now);
        failure = error;
      });
    }
    if (failure !== undefined) throw failure;
  }
}
