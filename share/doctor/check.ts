/** How one thing is looked at, and what is said if AWS does not let us. */
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

/** Errors of both services that say: you may not. */
const DENIED = ["AccessDenied", "AccessDeniedException"];
const ABSENT = ["NoSuchBucket", "ResourceNotFoundException"];

/**
 * Looks at one thing after the other.
 * @param checks the first of them is whether it is there: the others follow if it is
 */
export async function* examine(checks: readonly Check[]): AsyncGenerator<Finding> {
  for (const { name: check, fine, right, look } of checks) {
    try {
      yield* judged(check, fine, await look());
    } catch (thrown) {
      yield unanswered(check, right, thrown);
      if (ABSENT.includes(nameOf(thrown))) return;
    }
  }
}

/** A check that was answered. @param fine what is said where there is no problem */
export function judged(check: string, fine: string, problems: readonly Problem[]): Finding[] {
  if (problems.length === 0) return [{ check, severity: "ok", what: fine }];
  return problems.map((problem) => ({ check, ...problem }));
}

/** Whether a right is there, which a server needs. */
export async function* tryNeeded(trials: readonly Trial[]): AsyncGenerator<Finding> {
  for (const { right, use } of trials) {
    const check = `right: ${right}`;
    const name = await outcomeOf(use);
    if (name === undefined) yield { check, severity: "ok", what: "it is there" };
    else if (!DENIED.includes(name)) yield unchecked(check, name);
    else {
      const remedy = "if these are the server's credentials, allow it: see policy.json, which " +
        "`crypto share-lambda` writes";
      yield { check, severity: "wrong", what: "it is missing", remedy };
    }
  }
}

/** Whether a right is there which a server should not have. */
export async function* tryExcessive(trials: readonly Trial[]): AsyncGenerator<Finding> {
  for (const { right, use, refused = "it is refused" } of trials) {
    const check = `no right: ${right}`;
    const name = await outcomeOf(use);
    if (name !== undefined && DENIED.includes(name)) {
      yield { check, severity: "ok", what: refused };
    } else if (name !== undefined) yield unchecked(check, name);
    else {
      const remedy =
        "if these are the server's credentials, take it away: see policy.json, which " +
        "`crypto share-lambda` writes; an administrator's have it";
      yield { check, severity: "warning", what: "it is allowed, and no server needs it", remedy };
    }
  }
}

/** Undefined if it was done; else the name of the error. */
async function outcomeOf(use: () => Promise<unknown>): Promise<string | undefined> {
  return await use().then(() => undefined, nameOf);
}

/** The SDK's names of errors hold nothing secret; their texts may quote what was asked. */
function nameOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.name : "Error";
}

function unanswered(check: string, right: string, thrown: unknown): Finding {
  const name = nameOf(thrown);
  if (ABSENT.includes(name)) {
    const remedy = "make it, or look at its name and AWS_REGION: `crypto share-lambda` writes a " +
      "template that makes both";
    return { check, severity: "wrong", what: "there is none of this name", remedy };
  }
  if (!DENIED.includes(name)) return unchecked(check, name);
  const remedy = `run this as somebody who may ${right}`;
  return { check, severity: "unknown", what: "you are not permitted to look", remedy };
}

/** A check that was not. @param name of the error */
export function unchecked(check: string, name: string): Finding {
  const what = `it could not be checked: the answer is ${name}`;
  return { check, severity: "unknown", what, remedy: "look at it by other means" };
}

/** Undefined in place of errors which say that there is nothing. */
export async function orNone<A>(names: readonly string[], answer: Promise<A>) {
  try {
    return await answer;
  } catch (error) {
    if (names.includes(nameOf(error))) return undefined;
    throw error;
  }
}
