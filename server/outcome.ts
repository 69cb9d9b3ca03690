/** What becomes of a call, for its caller and for the log. */
import { asCryptoError, type CryptoError } from "../core/errors.ts";
import type { Method, Params, Results, UsedKey } from "../core/rpc.ts";
import type { Identity } from "./identity.ts";
import type { Decision } from "./log.ts";

/** A result, and what the log is to say of it besides the method. */
export interface Done<M extends Method> {
  readonly result: Omit<Results[M], keyof UsedKey>;
  /** The key version that did it, if one did: part of the result. */
  readonly by?: UsedKey;
  readonly bytes?: number;
  readonly declaredBytes?: number | undefined;
}

/** What does each method. */
export type Handlers = {
  readonly [M in Method]: (params: Params<M>, who: Identity) => Promise<Done<M>> | Done<M>;
};

/** One of them. */
export type Handler = (params: unknown, who: Identity) => Promise<Done<Method>>;

/** What became of a call: its result or its error, and the line for the log. */
export interface Outcome {
  readonly result?: unknown;
  readonly error?: CryptoError;
  readonly decision: Decision;
}

/** A call that was not done: its error, and the line for the log. */
export function failure(op: string, thrown: unknown): Outcome & { readonly error: CryptoError } {
  const error = asCryptoError(thrown);
  return { error, decision: { op, error: error.code } };
}
