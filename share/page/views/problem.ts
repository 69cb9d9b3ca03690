/** Why something is not shown, in plain words. */
import { currentTexts, element, type Wording } from "../dom.ts";
import { leave, show } from "../frame.ts";
import { formatWhen, type Texts } from "../language.ts";
import { secondary } from "../parts/form.ts";
import { Failed } from "../work/ask.ts";
import type { Failure } from "../work/deeds.ts";

type Known = keyof Texts["problems"];
/** What passes by itself. */
const PASSING: readonly string[] = [
  "share_unreachable",
  "share_failed",
  "share_storage",
  "share_uploading",
  "share_waiting",
  "too_many_requests",
];

/** What a thrown value is to somebody. */
export function failureOf(thrown: unknown): Failure {
  return thrown instanceof Failed ? thrown.failure : { code: "internal" };
}

/** A failure in one line, for where somebody can go on. */
export function inOneLine({ code }: Failure): Wording {
  return (t) => t.problems[knownOf(code)].join(". ");
}

/** Shows a failure in place of what was wanted. */
export function showProblem(
  { code, since }: {
    readonly code: Failure["code"] | "insecure";
    readonly since?: number | undefined;
  },
  again?: () => unknown,
): void {
  leave();
  const known = knownOf(code);
  const when: Wording = (t) => since === undefined ? "" : t.problem.since(formatWhen(t, since));
  const retry = again && PASSING.includes(code)
    ? secondary((t) => t.problem.retry, again)
    : undefined;
  show(
    (t) => t.problems[known][0]!,
    element("p", { class: "lead" }, (t) => t.problems[known][1]!),
    since === undefined ? undefined : element("p", {}, when),
    element(
      "p",
      { class: "actions" },
      retry,
      element("a", { href: "/#send" }, (t) => t.problem.home),
    ),
  );
}

function knownOf(code: string): Known {
  return Object.hasOwn(currentTexts().problems, code) ? code as Known : "internal";
}
