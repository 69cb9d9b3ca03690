/** What those who made a link are told, and what becomes of it if it cannot be written. */
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

/** Prints the link, alone or in all that is known of it. @returns whether that was written */
export async function printMade(
  { print }: ShareContext,
  { json, qr }: Form,
  made: Results["request"] | Made,
): Promise<boolean> {
  if (json) return print(`${JSON.stringify(made)}\n`);
  return print(`${made.link}\n`) && (!qr || print(await codeOf(made.link)));
}

async function codeOf(link: string): Promise<string> {
  return `${(await import("uqr")).renderUnicodeCompact(link)}\n`;
}

/** Tells a sender the rest. */
export function report({ say }: ShareContext, { receipt, expires, code, views }: Made): void {
  if (code) say(`code, to be told another way than the link: ${code}`);
  say(`opens ${views === 1 ? "once" : `${views} times`}, until ${formatTime(expires)}`);
  say(`receipt, for you alone: ${receipt}`);
}

/** What nobody has got a link to would only lie there until it expires. */
export async function takeBack(
  { say }: ShareContext,
  ask: Ask,
  held: { readonly origin: string; readonly holder: string },
): Promise<void> {
  const isRevoked = await ask("manage", { call: "revoke", ...held }).then(() => true, () => false);
  say(
    isRevoked
      ? "the link could not be written, so what it leads to is revoked"
      : `the link could not be written; see that it is revoked: crypto share revoke ${held.holder}`,
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
