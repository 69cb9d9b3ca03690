/** From what became of requests to the lines that are sent, and those that are logged. */
import {
  type BadCall,
  type Call,
  errorLine,
  errorLines,
  type Incoming,
  resultLine,
} from "../core/calls.ts";
import { CryptoError } from "../core/errors.ts";
import type { Decision } from "./audit/log.ts";
import { failure, type Outcome } from "./outcome.ts";

/** An answer, and what the log says before it may leave. */
export interface Answered {
  readonly answer: string;
  readonly decisions: readonly Decision[];
  /** What of it the log was told before, in earlier turns: whether it has it. */
  readonly told?: readonly Promise<boolean>[];
}

/** What the log calls something that is no request that could be acted upon. */
export const NO_REQUEST = "unknown";

/** What became of one request. */
export interface CallOutcome {
  readonly id: Call["id"];
  readonly outcome: Outcome;
}

/** How many requests a line holds. */
export function requestCount(incoming: Incoming): number {
  return incoming.kind === "batch" ? incoming.calls.length : 1;
}

/** An answer, without a line break. */
export function outcomeLine({ id, outcome }: CallOutcome): string {
  return outcome.error ? errorLine(id, outcome.error) : resultLine(id, outcome.result ?? {});
}

/** The answer to a line with one request. */
export function asSingle(one: CallOutcome): Answered {
  return { answer: outcomeLine(one), decisions: [one.outcome.decision] };
}

/** Whether a decision is about what was no request. */
export function isNone({ op }: Decision): boolean {
  return op === NO_REQUEST;
}

/** One decision for all that were no requests: there was nothing to decide. */
export function together(none: readonly Decision[]): Decision[] {
  const [first] = none;
  return first && none.length > 1 ? [{ ...first, requests: none.length }] : [...none];
}

/** The same refusal for each request of a line, without doing any of them. */
export function refusal(
  incoming: Incoming,
  code: "too_many_requests" | "log_unavailable",
): Answered {
  const { error, decision } = failure(NO_REQUEST, new CryptoError(code));
  const requests = requestCount(incoming);
  const decisions = [requests > 1 ? { ...decision, requests } : decision];
  switch (incoming.kind) {
    case "single":
      return { answer: errorLine(incoming.call.id, error), decisions };
    case "batch":
      return { answer: batchRefusal(incoming.calls, error), decisions };
    case "legacy":
      return { answer: JSON.stringify({ status: "error", message: error.message }), decisions };
  }
}

/** What has no id is no request, and is not worth an answer of its own here. */
function batchRefusal(calls: readonly (Call | BadCall)[], error: CryptoError): string {
  const ids = calls.map(({ id }) => id).filter((id) => id !== null);
  if (ids.length === 0) return errorLine(null, error);
  return `[${errorLines(ids, error).join(",")}]`;
}

/** What is answered where the log did not take the line of the answer. */
export function withheld(incoming: Incoming): Answered {
  return refusal(incoming, "log_unavailable");
}
