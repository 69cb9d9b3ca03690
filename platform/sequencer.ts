/**
 * Threads that take turns at one input and one output: each reads a piece, works on it beside the
 * others, and writes what came of it when the piece before has been written. So pieces are read and
 * written in their order, and none is written behind one that failed.
 */

/** What the threads share, in 64 bits each: a message may have more pieces than 32 bits count. */
const READING = 0;
const READ = 1;
const WRITTEN = 2;
const ENDED = 3;
const WORDS = 4;
/** Of {@link WRITTEN}, once a thread has failed. */
const FAILED = -1n;

/** A piece of the input. */
export interface Piece {
  /** From 0. */
  readonly number: number;
  readonly length: number;
  /** Whether nothing comes after it. */
  readonly isLast: boolean;
}

/** Gives one of the threads its turns. The thread stands still until they come. */
export class Sequencer {
  readonly #words: BigInt64Array<SharedArrayBuffer>;

  /** @param shared what another thread has as {@link shared}; none for the first one */
  constructor(readonly shared = new SharedArrayBuffer(8 * WORDS)) {
    this.#words = new BigInt64Array(shared);
  }

  /**
   * Reads the next piece. Undefined after the last one, and when a thread has failed.
   * @param full bytes of a piece that is not the last one
   * @param read reads as many, if there are
   */
  read(full: number, read: () => number): Piece | undefined {
    this.#lock();
    try {
      if (this.#isOver()) return undefined;
      const length = read();
      const isLast = length < full;
      if (isLast) Atomics.store(this.#words, ENDED, 1n);
      return { number: Number(Atomics.add(this.#words, READ, 1n)), length, isLast };
    } finally {
      this.#unlock();
    }
  }

  /** Writes what came of a piece. Does not when a thread has failed. */
  write({ number }: Piece, write: () => void): void {
    const turn = BigInt(number);
    for (let written; (written = Atomics.load(this.#words, WRITTEN)) !== turn;) {
      if (written === FAILED) return;
      Atomics.wait(this.#words, WRITTEN, written);
    }
    write();
    // Not over a failure of another thread.
    Atomics.compareExchange(this.#words, WRITTEN, turn, turn + 1n);
    Atomics.notify(this.#words, WRITTEN);
  }

  /** Has all threads end. What one of them writes in this moment may still be written. */
  fail(): void {
    Atomics.store(this.#words, WRITTEN, FAILED);
    Atomics.notify(this.#words, WRITTEN);
  }

  #isOver(): boolean {
    return Atomics.load(this.#words, ENDED) !== 0n ||
      Atomics.load(this.#words, WRITTEN) === FAILED;
  }

  #lock(): void {
    while (Atomics.compareExchange(this.#words, READING, 0n, 1n) !== 0n) {
      Atomics.wait(this.#words, READING, 1n);
    }
  }

  #unlock(): void {
    Atomics.store(this.#words, READING, 0n);
    Atomics.notify(this.#words, READING, 1);
  }
}
