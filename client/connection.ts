/** Asking the daemon: JSON-RPC over one connection, many requests at once. */
import { asCryptoError, CryptoError, type ErrorCode } from "../core/errors.ts";
import type { Method } from "../core/methods.ts";
import { type Answer, MAX_LINE, readAnswerLine, requestLine, type Results } from "../core/rpc.ts";
import { concat, utf8 } from "../core/bytes.ts";
import type { Duplex } from "./transport.ts";

const LINE_FEED = 0x0a;

/** Parameters as they go over the wire: bytes are base64url already. */
export type WireParams = Readonly<Record<string, string | number | undefined>>;

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: CryptoError) => void;
}

/** Something that a daemon can be asked through. */
export interface Channel {
  ask<M extends Method>(method: M, params?: WireParams): Promise<Results[M]>;
  /** Settles when nothing of it is left. */
  close(): Promise<void>;
}

/** A request got no answer because the connection ended, and a new one may serve. */
export class Unanswered extends CryptoError {
  /**
   * @param undone whether it is known that the request was not done
   * @param silent whether the daemon has not answered anything over a connection that was there
   */
  constructor(reason: CryptoError, readonly undone: boolean, readonly silent: boolean) {
    super(reason.code, { subject: reason.subject, hint: reason.hint, cause: reason });
  }
}

/** Why a connection has ended, and whether what had no answer by then was done. */
interface End {
  readonly reason: CryptoError;
  /**
   * `refused`: it was not, and would not be over another connection either. `silent`: over this one
   * nothing ever was.
   */
  readonly unanswered: "undone" | "unknown" | "silent" | "refused";
}

/** Why a daemon hangs up that will serve over another connection, perhaps in a moment. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["stopping", "idle_timeout"]);

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
    }).finally(() => {
      const hint = "the daemon closed the connection";
      this.#end({ reason: new CryptoError("unavailable", { hint }), unanswered: "unknown" });
    });
  }

  /**
   * Asks and waits for the answer.
   * @throws {CryptoError} what the daemon answered; {@link Unanswered} if it hung up;
   * `line_too_long` for what the daemon would hang up on, and so fail other requests.
   */
  async ask<M extends Method>(method: M, params: WireParams = {}): Promise<Results[M]> {
    if (this.#ended) throw failure({ ...this.#ended, sent: false });
    const id = ++this.#lastId;
    const line = utf8(requestLine(id, method, params) + "\n");
    if (line.length > MAX_LINE + 1) throw new CryptoError("line_too_long");
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

/** An answer to no request says why the daemon hangs up. What it has not answered it has not done. */
function hangUp(outcome: Answer["outcome"]): End {
  const reason = "error" in outcome ? outcome.error : asCryptoError(undefined);
  return { reason, unanswered: PASSING.has(reason.code) ? "undone" : "refused" };
}

/** The error of a request that the end of its connection left without an answer. */
function failure({ reason, unanswered, sent = true }: End & { readonly sent?: boolean }) {
  if (unanswered === "refused") return reason;
  return new Unanswered(reason, !sent || unanswered === "undone", unanswered === "silent" && sent);
}

/** A part that an answer must have: to go on without it would be to invent it. */
export function present(part: string | undefined): string {
  if (typeof part === "string") return part;
  throw new CryptoError("unavailable", { hint: "this is not the answer of a crypto daemon" });
}
