/**
 * A conversation with the daemon that outlives its connections: when the daemon hangs up, because
 * it is restarted or because nothing was asked for a while, it goes on over the next one.
 */
import { CryptoError } from "../core/errors.ts";
import type { Method } from "../core/methods.ts";
import type { Results } from "../core/rpc.ts";
import { type Channel, Unanswered, type WireParams } from "./channel.ts";
import { Pace } from "./pace.ts";

/** Connects. @throws {CryptoError} `unavailable` where trying again may help. */
export type Connect = () => Promise<Channel>;

/** What may be done twice: again, it changes nothing. */
const REPEATABLE: ReadonlySet<Method> = new Set<Method>([
  "status",
  "encrypt",
  "decrypt",
  "envelope.create",
  "envelope.open",
  "envelope.rewrap",
  "rewrap",
  "mac.create",
  "mac.verify",
  "random",
  "key.list",
  "key.set",
  "key.retire",
  "key.disable",
  "key.enable",
  "key.destroy",
  "key.restore",
]);

/** How often one request is sent at most. */
const TRIES = 3;
/** How long a new connection is tried for, in milliseconds, and the pauses between. */
const REDIAL_TIME = 5_000;
const FIRST_PAUSE = 20;
const LONGEST_PAUSE = 500;

/** A channel that connects again when it has to. */
export class Session implements Channel {
  #link: Promise<Channel> | undefined;
  readonly #pace = new Pace();
  #closed = false;

  private constructor(first: Channel, private readonly connect: Connect) {
    this.#link = Promise.resolve(first);
  }

  /** Connects for the first time, which is tried once. @throws {CryptoError} what that throws. */
  static async open(connect: Connect): Promise<Session> {
    return new Session(await connect(), connect);
  }

  /**
   * Asks, and asks again over a new connection if the daemon hung up: what it has said that it did
   * not do, and what may be done twice. And again when a quota is given anew, if that is soon.
   * @throws {CryptoError} what the daemon answered; `outcome_unknown` if it hung up in the middle
   * of something that may not be done twice; `unavailable` if it does not come back
   */
  ask<M extends Method>(method: M, params: WireParams = {}): Promise<Results[M]> {
    return this.#pace.run(() => this.#ask(method, params));
  }

  async #ask<M extends Method>(method: M, params: WireParams): Promise<Results[M]> {
    for (let reason: CryptoError | undefined, tries = 1;; tries++) {
      const link = this.#link ??= this.#redial(reason);
      const connection = await link;
      try {
        return await connection.ask(method, params);
      } catch (error) {
        if (!(error instanceof Unanswered) || this.#closed) throw error;
        this.#forget(link, connection);
        if (!error.undone && !REPEATABLE.has(method)) {
          throw new CryptoError("outcome_unknown", { cause: error });
        }
        // Who accepts a new connection and says nothing would do so with the next one, too.
        if (tries === TRIES || error.silent) throw error;
        reason = error;
      }
    }
  }

  /** Hangs up, and connects no more. Settles when nothing of the connection is left. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#link?.then((connection) => connection.close(), () => undefined);
  }

  /** Several requests may find out; only the first one hangs up. */
  #forget(link: Promise<Channel>, connection: Channel): void {
    if (this.#link !== link) return;
    this.#link = undefined;
    void connection.close();
  }

  async #redial(reason: CryptoError | undefined): Promise<Channel> {
    const deadline = performance.now() + REDIAL_TIME;
    for (let pause = FIRST_PAUSE;; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
      try {
        return await this.connect();
      } catch (error) {
        const isOver = this.#closed || performance.now() + pause > deadline;
        if (isOver || !(error instanceof CryptoError) || error.code !== "unavailable") {
          this.#link = undefined;
          // What is no error of ours is a permission that was given up: the first reason says more.
          throw error instanceof CryptoError ? error : reason ?? error;
        }
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }
}
