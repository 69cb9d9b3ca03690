/** What the holder of a receipt, or of a request's own link, sees and does. */
import { CryptoError } from "../../core/errors.ts";
import { isLink, parseLink } from "../../core/share/link.ts";
import { type Answer, REFUSED } from "../../core/share/wire.ts";
import { forbidCoreDumps } from "../../platform/process.ts";
import { DatedError, formatTime } from "./api.ts";
import { readLine } from "./input.ts";
import { serverOrigin, type ShareContext, start } from "./session.ts";
import type { Questions } from "./worker.ts";

/** How the sender's commands are told. */
export interface ManageFlags {
  readonly server?: string | undefined;
  readonly json: boolean;
}

type ManageCall = Questions["manage"]["call"];

/**
 * `crypto share status`, `revoke` and `unlock`
 * @throws {CryptoError} what became of it instead, where it is not revoked or unlocked afterwards
 */
export async function manage(
  context: ShareContext,
  call: ManageCall,
  flags: ManageFlags,
  given?: string,
): Promise<void> {
  forbidCoreDumps();
  // An own link says where its server is, a receipt does not.
  const holder = given ?? await readLine();
  const origin = isLink(holder) ? parseLink(holder, ["own"]).origin : serverOrigin(flags.server);
  const ask = await start(context, { origin, name: call });
  const status = await ask("manage", { origin, call, holder });
  requireDone(call, status);
  context.print(flags.json ? `${JSON.stringify(status)}\n` : describe(status));
}

/** The state that a call is to lead to, and what is said of any other. */
const AIMS = {
  status: undefined,
  revoke: { state: "revoked", otherwise: "so it cannot be revoked any more" },
  unlock: { state: "live", otherwise: "so there is nothing to unlock" },
} as const;

function requireDone(call: ManageCall, { state, since }: Answer<"status">): void {
  const aim = AIMS[call];
  if (!aim || state === aim.state) return;
  if (state === "live") throw new CryptoError("bad_answer");
  throw new DatedError(REFUSED[state], since, aim.otherwise);
}

const STATES: Readonly<Record<Answer<"status">["state"], string>> = {
  waiting: "waiting for an answer",
  uploading: "being uploaded",
  live: "waiting to be opened",
  locked: "locked after too many wrong passphrases",
  used: "opened",
  revoked: "revoked",
  expired: "expired",
};

function describe(
  { state, since, expires, views, taken, attemptsLeft, passphrase }: Answer<"status">,
) {
  const lines = [
    `${STATES[state]}, since ${formatTime(since)}`,
    `expires ${formatTime(expires)}`,
    `opened ${taken.length} of ${views} times`,
    ...taken.map(({ at, acknowledged }) => {
      return `  ${formatTime(at)}${acknowledged ? "" : ", not confirmed"}`;
    }),
    ...(passphrase ? [`${attemptsLeft} attempts left at the passphrase`] : []),
  ];
  return `${lines.join("\n")}\n`;
}
