/** Choices among which only those are left that the server takes. */
import type { Child } from "../dom.ts";
import type { Results } from "../work/deeds.ts";
import { serverLimits } from "../work/limits.ts";
import { select } from "./form.ts";

/** Numbers to choose from. */
export interface Numbers {
  /** Ascending. */
  readonly values: readonly number[];
  readonly usual: number;
  readonly name: (value: number) => Child;
  readonly most: (limits: Results["limits"]) => number;
}

/** One of some numbers. What somebody has chosen before the server has told stays, if it may. */
export function limitedSelect({ values, usual, name, most }: Numbers): HTMLSelectElement {
  const made = select(values, usual, name);
  void serverLimits().then((limits) => {
    if (limits === undefined) return;
    const allowed = within(values, most(limits));
    const chosen = allowed.findLast((value) => value <= Number(made.value)) ?? allowed[0]!;
    made.replaceChildren(...select(allowed, chosen, name).options);
    made.value = String(chosen);
  });
  return made;
}

/** Those up to a limit, and that itself where it leaves something out. */
function within(values: readonly number[], most: number): readonly number[] {
  const allowed = values.filter((value) => value <= most);
  const isCut = allowed.length < values.length && allowed.at(-1) !== most;
  return isCut ? [...allowed, most] : allowed;
}
