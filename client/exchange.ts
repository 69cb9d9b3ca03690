/**
 * Asking the daemon of this machine one thing after the other. This thread stands still until the
 * answer is there: for a command that does nothing meanwhile, who reads beside takes longer than that.
 */
import { type Bytes, concat, EMPTY } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import type { Method } from "../core/methods.ts";
import { type Answer, readAnswerLine, type Results } from "../core/rpc.ts";
import type { Call } from "../platform/call.ts";
import { SystemError } from "../platform/libc.ts";
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

/** A connection to a daemon. */
export class Exchange implements Channel {
  #lastId = 0;
  #rest: Bytes = EMPTY;
  #ended: End | undefined;

  constructor(private readonly call: Pick<Call, keyof Call>) {}

  /**
   * Asks and waits for the answer.
   * @throws {CryptoError} what the daemon answered; `Unanswered` if it hung up; `line_too_long`
   */
  // deno-lint-ignore require-await -- what it throws is to come as the promise's failure
  async ask<M extends Method>(method: M, params: WireParams = {}): Promise<Results[M]> {
    const line = encodeRequest(++this.#lastId, method, params);
    const before = this.#ended ?? this.#endBefore();
    if (before) throw failure({ ...before, sent: false });
    this.#send(line);
    const { outcome } = this.#answer();
    if ("error" in outcome) throw outcome.error;
    return outcome.result as Results[M];
  }

  // deno-lint-ignore require-await
  async close(): Promise<void> {
    this.call.close();
  }

  /** Whether the daemon has hung up since it was last asked. It says nothing else unasked. */
  #endBefore(): End | undefined {
    const bytes = this.#orEnd(() => this.call.receiveNow());
    if (!bytes) return undefined;
    return this.#ended = this.#readEnd(bytes);
  }

  /** A failure is found out by the reading, which may still get the daemon's reason for it. */
  #send(line: Bytes): void {
    try {
      this.call.send(line);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
    }
  }

  #answer(): Answer {
    let answer: Answer | undefined;
    do {
      answer = this.#readLine(EMPTY);
      if (answer?.id === this.#lastId) return answer;
    } while (typeof answer?.id === "number");
    this.#ended = answer ? hangUp(answer.outcome) : closed();
    throw failure(this.#ended);
  }

  #readEnd(start: Bytes): End {
    const answer = start.length === 0 ? undefined : this.#readLine(start);
    return answer ? hangUp(answer.outcome) : closed();
  }

  /** The next line, or undefined at the end. @throws {CryptoError} if it is no answer */
  #readLine(start: Bytes): Answer | undefined {
    let all = concat(this.#rest, start);
    let end: number;
    while ((end = all.indexOf(LINE_FEED)) < 0) {
      const bytes = this.#orEnd(() => this.call.receive());
      if (!bytes?.length) return undefined;
      all = concat(all, bytes);
    }
    this.#rest = all.subarray(end + 1);
    return this.#read(all.subarray(0, end));
  }

  /** What is no answer of a daemon is not asked again. */
  #read(line: Bytes): Answer {
    try {
      return readAnswerLine(line);
    } catch (reason) {
      if (reason instanceof CryptoError) this.#ended = { reason, unanswered: "refused" };
      throw reason;
    }
  }

  /** A connection that the kernel calls broken has ended. */
  #orEnd(receive: () => Bytes | undefined): Bytes | undefined {
    try {
      return receive();
    } catch (error) {
      if (error instanceof SystemError) return EMPTY;
      throw error;
    }
  }
}
