/** What those who made a link are told, and what becomes of it if that cannot be written. */
import { CryptoError } from "../../core/errors.ts";
import { formatTime } from "./api.ts";
import type { Ask, ShareContext } from "./session.ts";
import type { Results } from "./worker.ts";

/** What a sender gets. */
export interface Made extends Readonly<Results["send"]> {
  readonly code: string | undefined;
  readonly views: number;
}

/** How it is to be printed. */
interface Form {
  readonly json: boolean;
  readonly qr: boolean;
}

/** How somebody gets what was made. */
interface Handover {
  readonly form: Form;
  readonly made: Results["request"] | Made;
  /** What a person is told besides the link, a line each. */
  readonly rest: readonly string[];
  readonly held: Held;
}

/** Who can take back what was made, and where. */
interface Held {
  readonly origin: string;
  readonly holder: string;
}

/**
 * Prints the link and tells the rest; takes back what somebody would get in part only.
 * @throws {CryptoError} `io` if the rest could not be written; of the link, printing tells
 */
export async function handOver(
  context: ShareContext,
  ask: Ask,
  { form, made, rest, held }: Handover,
): Promise<void> {
  const isPrinted = await printMade(context, form, made);
  const isTold = isPrinted && (form.json || rest.every((line) => context.say(line)));
  if (isTold) return;
  await takeBack(context, ask, held);
  if (isPrinted) throw new CryptoError("io", { subject: "standard error" });
}

/** Prints the link, alone or in all that is known of it. @returns whether that was written */
async function printMade(
  { print }: ShareContext,
  { json, qr }: Form,
  made: Handover["made"],
): Promise<boolean> {
  if (json) return print(`${JSON.stringify(made)}\n`);
  return print(`${made.link}\n`) && (!qr || print(await codeOf(made.link)));
}

async function codeOf(link: string): Promise<string> {
  return `${(await import("uqr")).renderUnicodeCompact(link)}\n`;
}

/** What a sender is told besides the link. */
export function restOfSent({ receipt, expires, code, views }: Made): string[] {
  return [
    ...(code ? [`code, to be told another way than the link: ${code}`] : []),
    `opens ${views === 1 ? "once" : `${views} times`}, until ${formatTime(expires)}`,
    `receipt, for you alone: ${receipt}`,
  ];
}

/** What who made a request is told besides the link that is given away. */
export function restOfRequest({ expires, ownLink }: Results["request"]): string[] {
  return [
    `can be answered once, until ${formatTime(expires)}; give the link to one person`,
    `your own link, which alone reads the answer; keep it: ${ownLink}`,
  ];
}

/** What nobody has got a link to would only lie there until it expires. */
async function takeBack({ say }: ShareContext, ask: Ask, held: Held): Promise<void> {
  const isRevoked = await ask("manage", { call: "revoke", ...held }).then(() => true, () => false);
  say(
    isRevoked
      ? "not all could be written, so what the link leads to is revoked"
      : `not all could be written; see that it is revoked: crypto share revoke ${held.holder}`,
  );
}

/** Tells an answerer what there is; a receipt that cannot be printed, too. */
export function reportAnswer(
  { print, say }: ShareContext,
  { json }: Pick<Form, "json">,
  { receipt, expires }: Results["answer"],
): void {
  if (json && print(`${JSON.stringify({ receipt, expires })}\n`)) return;
  say(`answered; only who asked can read it, until ${formatTime(expires)}`);
  say(`receipt, for you alone: ${receipt}`);
}
