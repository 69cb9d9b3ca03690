/** Asking the daemon: JSON-RPC over one connection, many requests at once. */
import { asCryptoError, CryptoError } from "../core/errors.ts";
import {
  type Answer,
  MAX_LINE,
  type Method,
  readAnswerLine,
  requestLine,
  type Results,
} from "../core/rpc.ts";
import { concat, utf8 } from "../core/bytes.ts";
import type { Duplex } from "./transport.ts";

const LINE_FEED = 0x0a;

/** Parameters as they go over the wire: bytes are base64url already. */
export type WireParams = Readonly<Record<string, string | number | undefined>>;

interface Waiting {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: CryptoError) => void;
}

/** A connection to a daemon. Requests may overlap; each promise gets its own answer. */
export class Connection {
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #lastWrite: Promise<void> = Promise.resolve();
  #failure: CryptoError | undefined;

  constructor(private readonly duplex: Duplex) {
    this.#readAnswers().catch((error) => {
      if (error instanceof CryptoError) this.#fail(error);
    }).finally(() => {
      this.#fail(new CryptoError("unavailable", { hint: "the daemon closed the connection" }));
    });
  }

  /**
   * Asks and waits for the answer.
   * @throws {CryptoError} what the daemon answered, or `unavailable` if it did not;
   * `line_too_long` for what the daemon would hang up on, and so fail other requests.
   */
  async ask<M extends Method>(method: M, params: WireParams = {}): Promise<Results[M]> {
    if (this.#failure) throw this.#failure;
    const id = ++this.#lastId;
    const line = utf8(requestLine(id, method, params) + "\n");
    if (line.length > MAX_LINE + 1) throw new CryptoError("line_too_long");
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
    });
    this.#write(line);
    return await answer as Results[M];
  }

  /** Hangs up. What is still waiting for an answer fails. */
  close(): void {
    this.duplex.close();
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
    if (typeof id !== "number") return this.#fail(connectionError(outcome));
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if ("error" in outcome) waiting?.reject(outcome.error);
    else waiting?.resolve(outcome.result);
  }

  #fail(error: CryptoError): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }
}

/** An answer to no request says why the daemon hangs up. */
function connectionError(outcome: Answer["outcome"]): CryptoError {
  return "error" in outcome ? outcome.error : asCryptoError(undefined);
}
