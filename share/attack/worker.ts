/** Attacks, in a worker that may reach the servers attacked and nothing else. */
import { CryptoError } from "../../core/errors.ts";
import { runRole } from "../../platform/worker.ts";
import type { Target } from "./attack.ts";
import { type Choice, type Outcome, runAttacks } from "./suite.ts";
import { ask, TAKEN, Victim } from "./victim.ts";

/** What the worker is asked. */
export interface Question extends Choice {
  readonly target: Target;
}

/** Runs in the worker. It tells each outcome as it comes, and gives all of them. */
export function runAttackRole(): void {
  runRole<Question, readonly Outcome[], Outcome>(async ({ target, ...choice }, tell) => {
    await requireServers(target);
    const outcomes: Outcome[] = [];
    for await (const outcome of runAttacks(target, choice)) {
      outcomes.push(outcome);
      tell(outcome);
    }
    return outcomes;
  });
}

/** @throws {CryptoError} unless there are share servers over one store */
async function requireServers({ urls: [url, ...others] }: Target): Promise<void> {
  const victim = await new Victim().create(url).catch((cause) => {
    throw unusable(url, cause);
  });
  for (const other of others) {
    const { status } = await ask(other, "look", victim.link).catch((cause) => {
      throw unusable(other, cause);
    });
    if (status === TAKEN) continue;
    const hint = "it is to serve the store of the first server";
    throw new CryptoError("usage", { subject: other, hint });
  }
}

/** `fetch` throws a TypeError where nothing answers. */
function unusable(subject: string, cause: unknown): CryptoError {
  const code = cause instanceof TypeError ? "share_unreachable" : "bad_answer";
  return new CryptoError(code, { subject, cause });
}
