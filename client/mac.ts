/** `crypto mac` and `crypto verify-mac`: what is read is hashed here, and its hash goes to the daemon. */
import { CryptoError } from "../core/errors.ts";
import { readMac } from "../core/mac.ts";
import { dropAllPermissions } from "../platform/permissions.ts";
import { forbidCoreDumps } from "../platform/process.ts";
import { Pipes } from "../platform/files.ts";
import { connectBound } from "./bound.ts";
import { type Digest, digestSource } from "./digest.ts";
import { STANDARD } from "./flags.ts";
import { type Input, openInput } from "./files.ts";
import type { DaemonFlags } from "./identity.ts";
import type { KeyService } from "./keyservice.ts";
import type { Print } from "./manage.ts";
import { Progress } from "./terminal.ts";

/** What both commands are told. */
export interface MacFlags extends DaemonFlags {
  readonly context?: string | undefined;
  readonly key?: string | undefined;
  readonly quiet: boolean;
}

/** `crypto mac`. */
export async function mac(flags: MacFlags, print: Print, file: string = STANDARD): Promise<void> {
  try {
    print(`${await withDigest(flags, file, (service, digest) => service.mac(digest, flags))}\n`);
  } catch (error) {
    const isDenied = error instanceof CryptoError && error.code === "denied";
    if (!isDenied || flags.key !== undefined) throw error;
    const hint = "whoever manages keys makes it with `crypto key create mac --purpose mac` and " +
      "may let you use it; --key names another";
    throw new CryptoError("denied", { subject: "the key mac", hint, cause: error });
  }
}

/** `crypto verify-mac`. Says nothing: the exit status does. */
export async function verifyMac(flags: MacFlags, text: string, file = STANDARD): Promise<void> {
  // Before anything is read: a mac that is none fits nothing.
  requireMac(text);
  await withDigest(flags, file, (service, digest) => service.verifyMac(text, digest, flags));
}

function requireMac(text: string): void {
  try {
    readMac(text);
  } catch (cause) {
    const hint = "a mac is the whole line that `crypto mac` printed: crypto:mac:v1:…";
    throw new CryptoError("malformed", { subject: "the first argument", hint, cause });
  }
}

async function withDigest<T>(
  flags: MacFlags,
  file: string,
  ask: (service: KeyService, digest: Digest) => Promise<T>,
): Promise<T> {
  forbidCoreDumps();
  const input = openInput(file, new Pipes());
  const service = await connectBound(flags);
  dropAllPermissions();
  const answer = await ask(service, await digestInput(input, flags.quiet));
  service.close();
  return answer;
}

async function digestInput(input: Input, quiet: boolean): Promise<Digest> {
  const progress = new Progress(input.name, input.size, !quiet && Deno.stderr.isTerminal());
  try {
    return await digestSource(input, (bytes) => progress.update(bytes));
  } finally {
    progress.finish();
  }
}
