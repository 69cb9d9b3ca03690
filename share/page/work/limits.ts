/** What the server takes: what the forms offer that something is chosen in. */
import { limitsHere } from "../place.ts";
import { ask } from "./ask.ts";
import type { Results } from "./deeds.ts";

type Limits = Results["limits"];

let asked: Promise<Limits | undefined> | undefined;

/**
 * Gives them; where this page does not say them, when the server has told. Undefined where it cannot
 * be reached: whatever is chosen then is for the server to judge, if it can be reached again.
 */
export async function serverLimits(): Promise<Limits | undefined> {
  asked ??= ask("limits", { known: limitsHere() }).catch(() => asked = undefined);
  return await asked;
}
