/** `crypto pki`: the main thread asks for the passphrase, a worker has the directory and no more. */
import { CryptoError } from "../../core/errors.ts";
import { configHome } from "../../core/layout.ts";
import { pkiPrivileges } from "../../core/privileges.ts";
import { PKI_WORKER } from "../../core/roles.ts";
import { loadDurableExchange } from "../../platform/exchange.ts";
import { dropAllPermissions, dropLibraryPermission } from "../../platform/permissions.ts";
import { forbidCoreDumps, forbidTracing } from "../../platform/process.ts";
import { Sockets } from "../../platform/sockets.ts";
import { requireTrustedDirectory } from "../../platform/trust.ts";
import { RoleWorker, runRole } from "../../platform/worker.ts";
import type { AdminContext } from "../administer.ts";
import type { PkiTask } from "./authority.ts";
import { type Entry, filesOf, isGood, readRegister } from "./register.ts";

/** What all of these subcommands are told. */
export interface PkiFlags {
  readonly directory?: string | undefined;
  readonly passphraseFile?: string | undefined;
}

/** What the list is told. */
export interface ListFlags extends Pick<PkiFlags, "directory"> {
  readonly json: boolean;
}

/** What the worker is asked. */
interface Question {
  readonly directory: string;
  readonly task: PkiTask;
  readonly passphrase: string;
}

/** Runs in the worker. Answers with lines for people. */
export async function runPkiRole(): Promise<void> {
  // Not loaded by the main thread, which makes no certificate.
  const { performPki } = await import("./authority.ts");
  forbidCoreDumps();
  forbidTracing();
  const sockets = new Sockets();
  const exchange = loadDurableExchange();
  dropLibraryPermission();
  runRole<Question, readonly string[]>(async ({ directory, task, passphrase }) => {
    // Held until the process ends: one at a time changes the register.
    lock(sockets, filesOf(directory).lock);
    return await performPki(directory, task, { passphrase, exchange });
  });
}

function lock(sockets: Sockets, path: string): void {
  try {
    sockets.lock(path);
  } catch (cause) {
    if (!(cause instanceof CryptoError && cause.code === "already_running")) throw cause;
    const hint = "another `crypto pki` is at work on this authority: repeat this when it is done";
    throw new CryptoError("already_running", { subject: path, hint, cause });
  }
}

/** Does a task; says what became of it. */
export async function runPki(
  context: AdminContext,
  task: PkiTask,
  flags: PkiFlags,
): Promise<void> {
  const directory = findDirectory(flags, task.type === "init");
  const ask = await context.openPassphrase(flags, task.type === "init");
  const worker = await RoleWorker.start<Question, readonly string[]>({
    script: context.script,
    name: PKI_WORKER,
    permissions: pkiPrivileges(directory).start,
  });
  try {
    const lines = await worker.ask({ directory, task, passphrase: await ask() });
    lines.forEach(context.say);
  } finally {
    worker.terminate();
  }
}

/** Shows the register, which takes no passphrase. */
export function listPki(
  { directory, json }: ListFlags,
  print: (text: string) => void,
): void {
  const { issued } = readRegister(findDirectory({ directory }, false));
  dropAllPermissions();
  print(json ? `${JSON.stringify(issued, null, 2)}\n` : showEntries(issued));
}

function showEntries(entries: readonly Entry[]): string {
  const now = Date.now();
  const state = (entry: Entry) => {
    if (entry.revoked !== undefined) return `revoked ${entry.revoked.slice(0, 10)}`;
    return `${isGood(entry, now) ? "until" : "expired"} ${entry.expires.slice(0, 10)}`;
  };
  return entries.map((entry) => {
    const { label, purpose, serial, names } = entry;
    return `${label}\t${purpose}\t${state(entry)}\t${serial}\t${names.join(" ")}\n`;
  }).join("");
}

/** The authority's directory, checked. */
function findDirectory({ directory }: PkiFlags, make: boolean): string {
  const path = directory ?? `${configHome((name) => Deno.env.get(name))}/crypto/pki`;
  try {
    if (make) Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
    return requireTrustedDirectory(path, [Deno.uid() ?? 0]);
  } catch (cause) {
    if (cause instanceof CryptoError) throw cause;
    const hint = "there is no authority here: make one with `crypto pki init`";
    throw new CryptoError("config", { subject: path, hint, cause });
  }
}
