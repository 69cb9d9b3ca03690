/** What a daemon is asked through, and how that can end. */
import { asCryptoError, CryptoError, type ErrorCode } from "../core/errors.ts";
import type { Method } from "../core/methods.ts";
import { type Answer, MAX_LINE, requestLine, type Results } from "../core/rpc.ts";
import { type Bytes, utf8 } from "../core/bytes.ts";

export const LINE_FEED = 0x0a;

/** Parameters as they go over the wire: bytes are base64url already. */
export type WireParams = Readonly<Record<string, string | number | undefined>>;

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
export interface End {
  readonly reason: CryptoError;
  /**
   * `refused`: it was not, and would not be over another connection either. `silent`: over this one
   * nothing ever was.
   */
  readonly unanswered: "undone" | "unknown" | "silent" | "refused";
}

/** Why a daemon hangs up that will serve over another connection, perhaps in a moment. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["stopping", "idle_timeout"]);

/** The end of a connection of which nobody said why. */
export function closed(): End {
  const hint = "the daemon closed the connection";
  return { reason: new CryptoError("unavailable", { hint }), unanswered: "unknown" };
}

/** An answer to no request says why the daemon hangs up. What it has not answered it has not done. */
export function hangUp(outcome: Answer["outcome"]): End {
  const reason = "error" in outcome ? outcome.error : asCryptoError(undefined);
  return { reason, unanswered: PASSING.has(reason.code) ? "undone" : "refused" };
}

/** The error of a request that the end of its connection left without an answer. */
export function failure({ reason, unanswered, sent = true }: End & { readonly sent?: boolean }) {
  if (unanswered === "refused") return reason;
  return new Unanswered(reason, !sent || unanswered === "undone", unanswered === "silent" && sent);
}

/** A part that an answer must have: to go on without it would be to invent it. */
export function present(part: string | undefined): string {
  if (typeof part === "string") return part;
  throw new CryptoError("unavailable", { hint: "this is not the answer of a crypto daemon" });
}

/**
 * A request as it goes out.
 * @throws {CryptoError} `line_too_long` for what the daemon would hang up on, and so fail other
 * requests
 */
export function encodeRequest<M extends Method>(id: number, method: M, params: WireParams): Bytes {
  const line = utf8(requestLine(id, method, params) + "\n");
  if (line.length > MAX_LINE + 1) throw new CryptoError("line_too_long");
  return line;
}
