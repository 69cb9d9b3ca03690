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
/** So many bytes take about as long to receive as a short request to read. */
const RECEIVED_BYTES = 4_096;
/** Of a line that has no more bytes than this, only the number of its requests counts. */
const SHORT_LINE = 8_192;
/**
 * So many bytes beyond that count, when the line is read and again when it is done, as one request.
 * They take a sixteenth of its time. But a long line is read and done whole, and what it leaves
 * behind has the collector stop everything: it is the others who wait, less often than once in a
 * hundred requests of theirs.
 */
const LINE_BYTES = 512;

/** What the length of a line adds to its requests. */
function weight(bytes: number): number {
  return Math.max(0, bytes - SHORT_LINE) / LINE_BYTES;
}

/** A request that waits for its turn. */
interface Waiting {
  readonly cost: number;
  readonly admit: () => void;
}

/**
 * What one user may have done in a turn, over all connections, in short requests. What takes longer
 * is done whole, and what was too much is owed to the turns that follow.
 */
export class Share {
  #left = REQUESTS;
  #readLeft = READ * REQUESTS;
  #waiting: Waiting[] = [];
  /** Whether something was taken in this turn. */
  #changed = false;

  /**
   * @param changed called when something is taken from a share in a turn for the first time
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

  /** Whether what is owed takes more turns. */
  get owes(): boolean {
    return this.#left < 0 || this.#readLeft < 0;
  }

  /**
   * Asks to do one request, of so many bytes.
   * @returns undefined if it may be done now; else settles in the turn in which it may
   */
  take(bytes: number): Promise<void> | undefined {
    this.#change();
    const cost = 1 + weight(bytes);
    if (this.#left > 0) {
      this.#left -= cost;
      return undefined;
    }
    this.wake();
    return new Promise((admit) => this.#waiting.push({ cost, admit }));
  }

  /** Whether more may be read in this turn. Not in one in which something long is done. */
  get mayRead(): boolean {
    if (this.#readLeft > 0 && this.#left >= 0) return true;
    this.#change();
    return false;
  }

  /** Tells how many bytes were received. */
  received(bytes: number): void {
    this.#change();
    this.#readLeft -= bytes / RECEIVED_BYTES;
  }

  /** Tells that a line was read. What a long one asks for is done in a later turn than this. */
  read(requests: number, bytes: number): void {
    this.#change();
    this.#readLeft -= requests;
    this.#left -= weight(bytes);
  }

  /** Begins another turn. Those who wait come in the order in which they asked; what is owed stays. */
  renew(requests: number): void {
    this.#changed = false;
    this.#readLeft = Math.min(0, this.#readLeft) + READ * requests;
    this.#left = Math.min(0, this.#left) + requests;
    while (this.#left > 0 && this.waits) {
      const next = this.#waiting.shift()!;
      this.#left -= next.cost;
      next.admit();
    }
    if (this.waits || this.owes) this.#change();
  }

  #change(): void {
    if (this.#changed) return;
    this.#changed = true;
    this.changed(this);
  }
}

/** The shares of all users. */
export class Turns {
  readonly #shares = new Map<Account, { readonly share: Share; connections: number }>();
  /** Those without a connection from whose shares something is taken. */
  readonly #leaving = new Set<Account>();
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
    if (entry && --entry.connections === 0) this.#leaving.add(account);
    this.#forget();
  }

  /** Who hangs up and connects again has the share that was used, with all that is owed. */
  #forget(): void {
    for (const account of this.#leaving) {
      const { share, connections } = this.#shares.get(account)!;
      if (connections === 0 && this.#touched.has(share)) continue;
      if (connections === 0) this.#shares.delete(account);
      this.#leaving.delete(account);
    }
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
    for (const share of touched) share.renew(requests);
    this.#forget();
    return waiting;
  }
}
