/** Asking at most so often, and giving the same answer to all who ask in between. */

/** How long it counts that something was there, and that it was not: milliseconds. */
const FINE = 60_000;
const FAILED = 5_000;

/** What was last found out by asking. */
export class Recent {
  #last: Promise<void> | undefined;
  #until = 0;

  constructor(private readonly ask: () => Promise<void>) {}

  /** @throws what asking did */
  async get(): Promise<void> {
    if (!this.#last || performance.now() >= this.#until) this.#ask();
    await this.#last;
  }

  #ask(): void {
    // While it is asked nobody else needs to.
    this.#until = Infinity;
    const counts = (time: number) => () => void (this.#until = performance.now() + time);
    this.#last = this.ask();
    this.#last.then(counts(FINE), counts(FAILED));
  }
}
