/** Why something was not done, in plain words. */
import { Failed } from "../ask.ts";
import type { Wording } from "../dom.ts";
import type { Texts } from "../language.ts";

type Known = keyof Texts["problems"];

/** In one line, for where somebody can go on. */
export function inOneLine(thrown: unknown): Wording {
  const code = thrown instanceof Failed ? thrown.code : "internal";
  return ({ problems }) => problems[Object.hasOwn(problems, code) ? code as Known : "internal"];
}
