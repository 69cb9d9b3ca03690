/** What becomes of a call, for its caller and for the log. */
import { asCryptoError, type CryptoError } from "../core/errors.ts";
import type { Decision } from "./audit/log.ts";

/** What became of a call: its result or its error, and the line for the log. */
export interface Outcome {
  readonly result?: Record<string, unknown>;
  readonly error?: CryptoError;
  readonly decision: Decision;
}

/** A call that was not done: its error, and the line for the log. */
export function failure(op: string, thrown: unknown): Outcome & { readonly error: CryptoError } {
  const error = asCryptoError(thrown);
  return { error, decision: { op, error: error.code } };
}
