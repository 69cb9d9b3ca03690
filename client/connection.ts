/** Asking the daemon: JSON-RPC over one connection, many requests at once. */
import { concat } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import type { Method } from "../core/methods.ts";
import { type Answer, readAnswerLine, type Results } from "../core/rpc.ts";
import {
  type Channel,
  closed,
  encodeRequest,
  type End,
  failure,
  hangUp,
  LINE_FEED,
  type WireParams,
} from "./channel.ts";
import type { Connect } from "./session.ts";
import type { Dial, Duplex } from "./transport.ts";

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: CryptoError) => void;
}

/** A connection to a daemon. Requests may overlap; each promise gets its own answer. */
export class Connection implements Channel {
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #lastWrite: Promise<void> = Promise.resolve();
  #ended: End | undefined;
  #answered = false;
  /** When something was last asked or answered, in milliseconds. */
  #since = 0;
  #watch: AbortSignal | undefined;
  readonly #reading: Promise<void>;

  constructor(private readonly duplex: Duplex) {
    this.#reading = this.#readAnswers().catch((reason) => {
      if (reason instanceof CryptoError) this.#end({ reason, unanswered: "refused" });
    }).finally(() => this.#end(closed()));
  }

  /**
   * Asks and waits for the answer.
   * @throws {CryptoError} what the daemon answered; {@link Unanswered} if it hung up;
   * `line_too_long` for what the daemon would hang up on, and so fail other requests.
   */
  async ask<M extends Method>(method: M, params: WireParams = {}): Promise<Results[M]> {
    if (this.#ended) throw failure({ ...this.#ended, sent: false });
    const id = ++this.#lastId;
    const line = encodeRequest(id, method, params);
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
    });
    this.#write(line);
    this.#wait();
    return await answer as Results[M];
  }

  /** Begins to wait anew: who does not answer for too long may be gone without a word. */
  #wait(): void {
    const { patience } = this.duplex;
    this.#since = performance.now();
    if (patience !== undefined && this.#waiting.size > 0 && !this.#watch) this.#look(patience);
  }

  /** Looks in a while. A timer of `setTimeout` would load a good part of Node: 12 ms of a start. */
  #look(patience: number, after: number = patience): void {
    this.#watch = AbortSignal.timeout(Math.ceil(after));
    this.#watch.onabort = () => {
      this.#watch = undefined;
      if (this.#waiting.size === 0) return;
      const left = this.#since + patience - performance.now();
      if (left > 0) this.#look(patience, left);
      else this.#giveUp(patience);
    };
  }

  #giveUp(patience: number): void {
    const hint = `the daemon did not answer for ${patience / 1000} s`;
    const unanswered = this.#answered ? "unknown" : "silent";
    this.#end({ reason: new CryptoError("unavailable", { hint }), unanswered });
    this.duplex.close();
  }

  /** Hangs up. What is still waiting for an answer fails. Settles when nothing is read any more. */
  async close(): Promise<void> {
    this.duplex.close();
    await this.#reading;
  }

  /** One write at a time, so that lines stay whole. */
  #write(line: Uint8Array): void {
    // A failed write is found out by the reader, which may still get the daemon's reason for it.
    this.#lastWrite = this.#lastWrite.then(() => this.duplex.write(line)).catch(() => undefined);
  }

  async #readAnswers(): Promise<void> {
    let rest: Uint8Array = new Uint8Array(0);
    for await (const bytes of this.duplex.read()) {
      rest = rest.length === 0 ? bytes : concat(rest, bytes);
      for (let end; (end = rest.indexOf(LINE_FEED)) >= 0; rest = rest.subarray(end + 1)) {
        this.#receive(readAnswerLine(rest.subarray(0, end)));
      }
    }
  }

  #receive({ id, outcome }: Answer): void {
    this.#answered = true;
    if (typeof id !== "number") return this.#end(hangUp(outcome));
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if ("error" in outcome) waiting?.reject(outcome.error);
    else waiting?.resolve(outcome.result);
    this.#wait();
  }

  #end(end: End): void {
    this.#ended ??= end;
    for (const { reject } of this.#waiting.values()) reject(failure(this.#ended));
    this.#waiting.clear();
  }
}

/** Connections over what is dialled. */
export function over(dial: Dial): Connect {
  return async () => new Connection(await dial());
}
