/** What one identity, and all of them together, may take of the daemon. */
import { CryptoError } from "../core/errors.ts";
import type { Account } from "./identity.ts";

/** The daemon's limits. Those of lines and batches are the protocol's: `core/rpc.ts`, `calls.ts`. */
export interface Limits {
  /** Connections in all. */
  readonly connections: number;
  /** Connections of one user id. */
  readonly connectionsPerUser: number;
  /** Requests of one user id that have no answer yet. A batch counts each of its requests. */
  readonly requestsPerUser: number;
  /** Bytes of one user id's lines that have begun or wait for their answers. */
  readonly bytesPerUser: number;
  /** Milliseconds in which nothing happens on a connection. */
  readonly idle: number;
  /** Milliseconds from the first byte of a line to its end. */
  readonly line: number;
  /** Milliseconds in which a peer takes nothing of what waits for it. */
  readonly write: number;
  /** Milliseconds that a stop waits for what has begun. */
  readonly stop: number;
}

/** Connections that others cannot take: root must get in to mend things. At most an eighth. */
const MANAGERS = 16;

/** The limits unless a test says otherwise. docs/protocol.md states them. */
export const DEFAULT_LIMITS: Limits = {
  connections: 1_024,
  connectionsPerUser: 512,
  requestsPerUser: 4_096,
  bytesPerUser: 67_108_864,
  idle: 300_000,
  line: 10_000,
  write: 10_000,
  stop: 5_000,
};

/** Counts something by account and refuses what is too much. */
class Counter {
  readonly #byAccount = new Map<Account, number>();
  #total = 0;
  #perUser = Infinity;
  #inAll = Infinity;

  /** From now on no more than these. What is there already stays. */
  limit(perUser: number, inAll: number = Infinity): void {
    [this.#perUser, this.#inAll] = [perUser, inAll];
  }

  get total(): number {
    return this.#total;
  }

  /** @param kept how many of all are for others */
  tryAdd(account: Account, count: number, kept = 0): boolean {
    const used = this.#byAccount.get(account) ?? 0;
    if (used + count > this.#perUser || this.#total + count > this.#inAll - kept) return false;
    this.#byAccount.set(account, used + count);
    this.#total += count;
    return true;
  }

  remove(account: Account, count: number): void {
    const left = (this.#byAccount.get(account) ?? 0) - count;
    if (left > 0) this.#byAccount.set(account, left);
    else this.#byAccount.delete(account);
    this.#total -= count;
  }
}

/** Keeps the count of connections and of requests that wait for their answer. */
export class Admission {
  readonly #connections = new Counter();
  readonly #requests = new Counter();
  readonly #bytes = new Counter();
  #limits!: Limits;

  constructor(limits: Limits = DEFAULT_LIMITS) {
    this.limits = limits;
  }

  get limits(): Limits {
    return this.#limits;
  }

  /** Sets other limits, which hold from now on. Nobody who was admitted is sent away. */
  set limits(limits: Limits) {
    this.#limits = limits;
    this.#connections.limit(limits.connectionsPerUser, limits.connections);
    this.#requests.limit(limits.requestsPerUser);
    this.#bytes.limit(limits.bytesPerUser);
  }

  get connections(): number {
    return this.#connections.total;
  }

  /** Requests that have no answer yet. */
  get unanswered(): number {
    return this.#requests.total;
  }

  /**
   * @param manages whether it is one of those for whom some connections are kept back
   * @throws {CryptoError} `too_many_connections`
   */
  connect(account: Account, manages: boolean): void {
    const kept = manages ? 0 : Math.min(MANAGERS, Math.floor(this.#limits.connections / 8));
    if (!this.#connections.tryAdd(account, 1, kept)) throw new CryptoError("too_many_connections");
  }

  disconnect(account: Account): void {
    this.#connections.remove(account, 1);
  }

  /** Whether that many more requests may wait. If so, {@link answered} must be called for them. */
  begin(account: Account, requests: number): boolean {
    return this.#requests.tryAdd(account, requests);
  }

  answered(account: Account, requests: number): void {
    this.#requests.remove(account, requests);
  }

  /** Whether that many more bytes may be held. If so, {@link release} must be called for them. */
  hold(account: Account, bytes: number): boolean {
    return this.#bytes.tryAdd(account, bytes);
  }

  release(account: Account, bytes: number): void {
    this.#bytes.remove(account, bytes);
  }
}
