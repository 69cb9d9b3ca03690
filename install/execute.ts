/** Carries a plan out, and takes it back when a step fails. */
import { parent } from "../core/layout.ts";
import { asCryptoError, CryptoError } from "../core/errors.ts";
import type { Action, Plan, Step } from "./actions.ts";
import type { Perform } from "./perform.ts";

/** What is told while a plan is carried out. */
export type Progress = {
  readonly type: "begin" | "done" | "undone" | "left";
  readonly step: string;
  readonly title: string;
  /** What became of it, if that is not what the title says. */
  readonly remark?: string | undefined;
};

/**
 * Does the steps in order. If one fails, it and those before it are undone, the last one first.
 * @throws {CryptoError} that of the step; its hint says what became of the rest
 */
export async function execute(
  { steps }: Plan,
  perform: Perform,
  tell: (progress: Progress) => void = () => {},
): Promise<void> {
  for (const [i, step] of steps.entries()) {
    tell({ type: "begin", step: step.id, title: step.title });
    try {
      const remark = await performAll(step.actions, perform);
      tell({ type: "done", step: step.id, title: step.title, remark });
    } catch (thrown) {
      throw await takenBack(thrown, steps.slice(0, i + 1).reverse(), perform, tell);
    }
  }
}

/** The directories that a plan writes files in. */
export function directoriesOf({ steps }: Plan): string[] {
  const paths = steps.flatMap(({ actions }) => actions).flatMap((action) => {
    if (action.do === "write") return [action.path];
    if (action.do === "makeKeys") return [action.sealingKey, action.ring];
    return action.do === "copy" || action.do === "link" ? [action.to] : [];
  });
  return [...new Set(paths.map(parent))];
}

async function performAll(actions: readonly Action[], perform: Perform) {
  const remarks: string[] = [];
  for (const action of actions) remarks.push(await perform(action) || "");
  return remarks.find((remark) => remark !== "");
}

async function takenBack(
  thrown: unknown,
  steps: readonly Step[],
  perform: Perform,
  tell: (progress: Progress) => void,
): Promise<CryptoError> {
  const left: string[] = [];
  for (const step of steps.filter(({ undo }) => undo.length > 0)) {
    const undone = await undo(step, perform);
    if (!undone) left.push(step.title);
    tell({ type: undone ? "undone" : "left", step: step.id, title: step.title });
  }
  const error = asCryptoError(thrown);
  const outcome = left.length === 0
    ? steps.some(({ undo }) => undo.length > 0) ? "; what was done before has been undone" : ""
    : `; this could not be undone: ${left.join(", ")}`;
  return new CryptoError(error.code, { ...error, hint: error.hint + outcome, cause: error.cause });
}

/** Goes on where an action fails: the rest is undone all the same. */
async function undo(step: Step, perform: Perform): Promise<boolean> {
  let complete = true;
  for (const action of step.undo) {
    complete = await perform(action).then(() => complete, () => false);
  }
  return complete;
}
