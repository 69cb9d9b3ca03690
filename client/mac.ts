/** `crypto mac` and `crypto verify-mac`: what is read is hashed here, and its hash goes to the daemon. */
import { readMac } from "../core/mac.ts";
import { dropAllPermissions } from "../platform/permissions.ts";
import { forbidCoreDumps } from "../platform/process.ts";
import { Pipes } from "../platform/files.ts";
import { connectBound } from "./bound.ts";
import { type Digest, digestSource } from "./digest.ts";
import { type Input, openInput, STANDARD } from "./files.ts";
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
  print(`${await withDigest(flags, file, (service, digest) => service.mac(digest, flags))}\n`);
}

/** `crypto verify-mac`. Says nothing: the exit status does. */
export async function verifyMac(flags: MacFlags, text: string, file = STANDARD): Promise<void> {
  // Before anything is read: a mac that is none fits nothing.
  readMac(text);
  await withDigest(flags, file, (service, digest) => service.verifyMac(text, digest, flags));
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
