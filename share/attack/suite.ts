/** All attacks on the API of a share server: what went wrong in systems like this before. */
import { Absent, type Attack, Finding, type Target, Untried } from "./attack.ts";
import { BROWSING } from "./browsing.ts";
import { PAST } from "./past.ts";
import { PROOFS } from "./proofs.ts";
import { LIMITS } from "./limits.ts";
import { FLOODS, RACES } from "./races.ts";
import { REQUESTS } from "./requests.ts";
import { EXPIRY, STRANGERS } from "./strangers.ts";
import { TERMS } from "./terms.ts";
import { TRANSFERS } from "./transfers.ts";

/** Those that take seconds. The last one leaves the most behind. */
export const ATTACKS: readonly Attack[] = [
  ...RACES,
  ...TERMS,
  ...PROOFS,
  ...STRANGERS,
  ...BROWSING,
  ...TRANSFERS,
  ...PAST,
  ...REQUESTS,
  FLOODS,
];

/** What came of an attack. */
export interface Outcome {
  readonly name: string;
  readonly verdict: "held" | "broken" | "untried" | "absent";
  /** Absent where it held. */
  readonly why?: string | undefined;
  readonly milliseconds: number;
}

/** What is to be run. */
export interface Choice {
  /** Those that need more than a minute, too. */
  readonly slow: boolean;
  /** What needs the server's usual limits instead, which the others need out of the way. */
  readonly limits: boolean;
}

/** Runs one attack after the other. */
export async function* runAttacks(
  target: Target,
  { slow, limits }: Choice,
): AsyncGenerator<Outcome> {
  const chosen = limits ? [LIMITS] : [...ATTACKS, ...(slow ? [EXPIRY] : [])];
  for (const { name, run } of chosen) {
    const started = performance.now();
    const verdict = await run(target).then(() => ({ verdict: "held" as const }), judge);
    yield { name, ...verdict, milliseconds: Math.round(performance.now() - started) };
  }
}

/** Whatever an attack did not foresee is a success of it, too: a server that hangs up, say. */
function judge(thrown: unknown): Pick<Outcome, "verdict" | "why"> {
  if (thrown instanceof Untried) return { verdict: "untried", why: thrown.message };
  if (thrown instanceof Absent) return { verdict: "absent", why: thrown.message };
  if (thrown instanceof Finding) return { verdict: "broken", why: thrown.message };
  return { verdict: "broken", why: `the server did not answer: ${thrown}` };
}
