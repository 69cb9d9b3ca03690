/** `crypto share attack`: attacks a server of one's own and says what came of it. */
import { CryptoError } from "../../core/errors.ts";
import { shareAttackPrivileges } from "../../core/privileges.ts";
import { SHARE_ATTACK_WORKER } from "../../core/roles.ts";
import { isLoopback, requireOrigin } from "../../core/share/origin.ts";
import { RoleWorker } from "../../platform/worker.ts";
import { findServer } from "../client/session.ts";
import type { Target } from "./attack.ts";
import type { Outcome } from "./suite.ts";
import type { Question } from "./worker.ts";

/** What the program hands to this command. */
export interface AttackContext {
  readonly print: (text: string) => void;
  /** URL of the program's one script. */
  readonly script: string;
}

/** How it is told. */
export interface AttackFlags {
  /** Another server over the same store. */
  readonly second?: string | undefined;
  readonly rounds: number;
  readonly attempts: number;
  readonly slow: boolean;
  readonly limits: boolean;
  readonly mine: boolean;
  readonly json: boolean;
}

/** @throws {CryptoError} `attack_succeeded`; `too_many_requests` if not all could be tried */
export async function attack(
  { print, script }: AttackContext,
  { second, rounds, attempts, slow, limits, mine, json }: AttackFlags,
  url: string,
): Promise<void> {
  const first = requireOrigin(url);
  const others = second === undefined ? [] : [requireOrigin(second)];
  if (!mine) [first, ...others].forEach(requireOwn);
  const found = await Promise.all(
    [first, ...others].map((origin) => findServer(script, origin)),
  );
  const storages = found.flatMap(({ storage }) => storage ?? []);
  const role = await RoleWorker.start<Question, readonly Outcome[], Outcome>({
    script,
    name: SHARE_ATTACK_WORKER,
    permissions: shareAttackPrivileges([first, ...others, ...new Set(storages)]),
    onEvent: json ? undefined : (outcome) => print(describe(outcome)),
  });
  const target: Target = { urls: [first, ...others], rounds, attempts };
  const outcomes = await role.ask({ target, slow, limits });
  if (json) print(`${JSON.stringify(outcomes)}\n`);
  requireHeld(outcomes);
}

/** A server on this machine is one's own; whose another one is cannot be seen. */
function requireOwn(origin: string): void {
  if (isLoopback(new URL(origin).hostname)) return;
  const hint = "attack a server of your own only; if this is one, say so with --mine";
  throw new CryptoError("not_confirmed", { subject: origin, hint });
}

function describe({ name, verdict, why, milliseconds }: Outcome): string {
  const line = `${verdict.padEnd(8)}${`${milliseconds} ms`.padStart(9)}  ${name}\n`;
  return why === undefined ? line : `${line}${" ".repeat(19)}${why}\n`;
}

function requireHeld(outcomes: readonly Outcome[]): void {
  const of = (wanted: Outcome["verdict"]) => {
    return outcomes.filter(({ verdict }) => verdict === wanted).length;
  };
  const subject = (count: number) => `${count} of ${outcomes.length} attacks`;
  if (of("broken") > 0) {
    throw new CryptoError("attack_succeeded", { subject: subject(of("broken")) });
  }
  if (of("untried") === 0) return;
  const hint = "these could not be tried: while it is attacked, let the server run with a high " +
    "requests_per_minute and creations_per_minute, and for --limits with its usual ones";
  throw new CryptoError("too_many_requests", { subject: subject(of("untried")), hint });
}
