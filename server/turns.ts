/**
 * Fair shares of the one thread that serves. It works in turns of the event loop; in each, every
 * user may have so much done, over all connections, and what is beyond waits until the others have
 * been looked after. So nobody waits longer than for one share of each other user.
 */

import type { Account } from "./identity.ts";

/** Requests done in a turn, of each user. Few, since another one may ask meanwhile. */
const REQUESTS = 8;
/** The same where only one user is connected: nobody else waits for the turn's end. */
const REQUESTS_ALONE = 128;
/** All who have more waiting share this; each has at least these few. */
const LEAST = 4;
/** So many times as many are read in a turn, of one user: that takes a fraction of the time. */
const READ = 2;
/** So many bytes take about as long to read as a short request. */
const READ_BYTES = 4_096;

/** What one user may have done in a turn, over all connections. */
export class Share {
  #left = REQUESTS;
  #readLeft = READ * REQUESTS;
  #waiting: (() => void)[] = [];

  /**
   * @param changed called whenever something is taken from a share
   * @param wake called when a request begins to wait
   */
  constructor(
    private readonly changed: (share: Share) => void,
    private readonly wake: () => void,
  ) {}

  /** Whether a request has to wait for a later turn. */
  get waits(): boolean {
    return this.#waiting.length > 0;
  }

  /**
   * Asks to do one request.
   * @returns undefined if it may be done now; else settles in the turn in which it may
   */
  take(): Promise<void> | undefined {
    this.changed(this);
    if (this.#left > 0) {
      this.#left--;
      return undefined;
    }
    this.wake();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Whether more may be read in this turn. */
  get mayRead(): boolean {
    if (this.#readLeft > 0) return true;
    this.changed(this);
    return false;
  }

  /** Tells what was read. */
  read(requests: number, bytes: number): void {
    this.changed(this);
    this.#readLeft -= requests + bytes / READ_BYTES;
  }

  /** Begins another turn. Those who wait come in the order in which they asked. */
  renew(requests: number): void {
    this.#readLeft = Math.min(0, this.#readLeft) + READ * requests;
    this.#left = requests;
    const admitted = this.#waiting.splice(0, requests);
    this.#left -= admitted.length;
    for (const resolve of admitted) resolve();
  }
}

/** The shares of all users. */
export class Turns {
  readonly #shares = new Map<Account, { readonly share: Share; connections: number }>();
  /** Those from which something was taken in this turn. */
  #touched = new Set<Share>();
  readonly #touch = (share: Share) => this.#touched.add(share);

  /** @param wake has {@link next} called soon */
  constructor(private readonly wake: () => void) {}

  /** The share of a user, for one connection more. To be given back by {@link leave}. */
  join(account: Account): Share {
    let entry = this.#shares.get(account);
    if (!entry) {
      this.#shares.set(
        account,
        entry = { share: new Share(this.#touch, this.wake), connections: 0 },
      );
    }
    entry.connections++;
    return entry.share;
  }

  leave(account: Account): void {
    const entry = this.#shares.get(account);
    if (entry && --entry.connections === 0) this.#shares.delete(account);
  }

  /** Whether something waits for a turn that is to come. */
  get waiting(): boolean {
    for (const share of this.#touched) if (share.waits || !share.mayRead) return true;
    return false;
  }

  #requestsEach(touched: ReadonlySet<Share>): number {
    if (this.#shares.size <= 1) return REQUESTS_ALONE;
    let waiting = 0;
    for (const share of touched) if (share.waits) waiting++;
    return waiting > 1 ? Math.max(LEAST, Math.floor(REQUESTS / waiting)) : REQUESTS;
  }

  /** Begins another turn. @returns whether something has waited for it */
  next(): boolean {
    const { waiting } = this;
    const touched = this.#touched;
    this.#touched = new Set();
    const requests = this.#requestsEach(touched);
    for (const share of touched) {
      share.renew(requests);
      if (share.waits || !share.mayRead) this.#touched.add(share);
    }
    return waiting;
  }
}
