/** How one thing is looked at, and what is said if AWS does not let us. */
import { type Reason, reasonOf } from "../aws/failure.ts";
import type { Finding, Problem } from "./finding.ts";

/** One thing to look at. */
export interface Check {
  readonly name: string;
  /** What is said where there is no problem. */
  readonly fine: string;
  /** The right that looking takes. */
  readonly right: string;
  /** Asks and judges. @throws what AWS's SDK does */
  readonly look: () => Promise<readonly Problem[]>;
}

/** A right that is tried. */
export interface Trial {
  /** The right, such as `dynamodb:PutItem`. */
  readonly right: string;
  /** Does it. @throws what AWS's SDK does */
  readonly use: () => Promise<unknown>;
  /** What a refusal tells, if not all. */
  readonly refused?: string | undefined;
}

/** Thrown by a trial where there is nothing to try it on. */
export class NotTried extends Error {}

const NOT_TRIED: Reason = { reason: "NotTried", isAnswer: true };

/** Errors of both services that say: you may not. */
const DENIED = ["AccessDenied", "AccessDeniedException"];
const ABSENT = ["NoSuchBucket", "ResourceNotFoundException"];
/** Who is not known may do nothing: what follows would be told the same. */
const UNKNOWN_CALLER = [
  "ExpiredToken",
  "ExpiredTokenException",
  "InvalidAccessKeyId",
  "InvalidClientTokenId",
  "InvalidSignatureException",
  "InvalidToken",
  "MissingAuthenticationTokenException",
  "SignatureDoesNotMatch",
  "UnrecognizedClientException",
];
const NOT_BUILT = ["MethodNotAllowed", "NotImplemented", "UnknownOperationException"];

/**
 * Looks at one thing after the other.
 * @param checks the first of them is whether it is there: the others follow if it is
 */
export async function* examine(checks: readonly Check[]): AsyncGenerator<Finding> {
  for (const { name: check, fine, right, look } of checks) {
    try {
      yield* judged(check, fine, await look());
    } catch (thrown) {
      const failure = reasonOf(thrown);
      yield unanswered(check, right, failure);
      if (isForAll(failure)) return;
    }
  }
}

/** A check that was answered. @param fine what is said where there is no problem */
export function judged(check: string, fine: string, problems: readonly Problem[]): Finding[] {
  if (problems.length === 0) return [{ check, severity: "ok", what: fine }];
  return problems.map((problem) => ({ check, ...problem }));
}

/** Whether a right is there, which a server needs. @param trials of one service */
export async function* tryNeeded(trials: readonly Trial[]): AsyncGenerator<Finding> {
  for (const { right, use } of trials) {
    const check = `right: ${right}`;
    const failure = await outcomeOf(use);
    if (failure === undefined) yield { check, severity: "ok", what: "it is there" };
    else if (!DENIED.includes(failure.reason)) yield unchecked(check, failure);
    else {
      const remedy = "if these are the server's credentials, allow it: see policy.json, which " +
        "`crypto share-lambda` writes";
      yield { check, severity: "wrong", what: "it is missing", remedy };
    }
    if (failure && isForAll(failure)) return;
  }
}

/** Whether a right is there which a server should not have. @param trials of one service */
export async function* tryExcessive(trials: readonly Trial[]): AsyncGenerator<Finding> {
  for (const { right, use, refused = "it is refused" } of trials) {
    const check = `no right: ${right}`;
    const failure = await outcomeOf(use);
    if (failure && DENIED.includes(failure.reason)) yield { check, severity: "ok", what: refused };
    else if (failure) yield unchecked(check, failure);
    else {
      const remedy =
        "if these are the server's credentials, take it away: see policy.json, which " +
        "`crypto share-lambda` writes; an administrator's have it";
      yield { check, severity: "warning", what: "it is allowed, and no server needs it", remedy };
    }
    if (failure && isForAll(failure)) return;
  }
}

/** Undefined if it was done. */
async function outcomeOf(use: () => Promise<unknown>): Promise<Reason | undefined> {
  return await use().then(() => undefined, (thrown) => {
    return thrown instanceof NotTried ? NOT_TRIED : reasonOf(thrown);
  });
}

/** Whether all that would be asked next is answered the same. */
function isForAll({ reason, isAnswer }: Reason): boolean {
  return ABSENT.includes(reason) || UNKNOWN_CALLER.includes(reason) || !isAnswer;
}

function unanswered(check: string, right: string, failure: Reason): Finding {
  const { reason } = failure;
  if (ABSENT.includes(reason)) {
    const remedy = "make it, or look at its name and AWS_REGION: `crypto share-lambda` writes a " +
      "template that makes both";
    return { check, severity: "wrong", what: "there is none of this name", remedy };
  }
  if (!DENIED.includes(reason)) return unchecked(check, failure);
  const remedy = `run this as somebody who may ${right}`;
  return { check, severity: "unknown", what: "you are not permitted to look", remedy };
}

/** A check that was not. */
function unchecked(check: string, failure: Reason): Finding {
  const { reason, isAnswer } = failure;
  const [what, remedy] = isAnswer ? whyNot(reason) : unreached(reason);
  return { check, severity: "unknown", what, remedy };
}

/** What is said where a service cannot be reached, and what to do. */
export function unreached(reason: string): [what: string, remedy: string] {
  return [
    `it cannot be reached: ${reason}`,
    "look at AWS_REGION, AWS_ENDPOINT_URL and what is set like it, and the network",
  ];
}

function whyNot(reason: string): [what: string, remedy: string] {
  if (UNKNOWN_CALLER.includes(reason)) {
    const remedy = 'eval "$(aws configure export-credentials --format env)"';
    return [`the credentials are not accepted: ${reason}`, remedy];
  }
  if (reason === "RequestTimeTooSkewed") return ["the clock is wrong", "timedatectl set-ntp true"];
  if (ABSENT.includes(reason) || reason === NOT_TRIED.reason) {
    return ["there is nothing to try it on", "mend what is wrong first"];
  }
  if (NOT_BUILT.includes(reason)) {
    return [`this service does not have it: ${reason}`, "see how this service does it instead"];
  }
  return [`the answer is ${reason}`, "run this again; if it stays, look it up in AWS's manual"];
}

/** Undefined in place of errors which say that there is nothing. */
export async function orNone<A>(names: readonly string[], answer: Promise<A>) {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof Error && names.includes(error.name)) return undefined;
    throw error;
  }
}
