/**
 * `crypto reseal`, `backup` and `restore`: a worker that may touch the daemon's directories and the
 * named file, and run two of systemd's tools. Passphrases are asked for on the main thread.
 */
import { type Bytes, concat, fromUtf8 } from "../core/bytes.ts";
import { webCrypto } from "../core/engine.ts";
import { asCryptoError, CryptoError } from "../core/errors.ts";
import { CREDENTIAL, CREDENTIAL_STORE, type Layout, parent } from "../core/layout.ts";
import { ACCOUNTS } from "../core/privileges.ts";
import { ADMIN_WORKER } from "../core/roles.ts";
import type { Rung } from "../core/rungs.ts";
import { exists, type Give } from "../platform/durable.ts";
import { holdFile } from "../platform/hold.ts";
import { IS_WINDOWS } from "../platform/library.ts";
import { loadLibcrypto } from "../platform/libcrypto.ts";
import { loadGiveAway } from "../platform/ownership.ts";
import { dropLibraryPermission } from "../platform/permissions.ts";
import { forbidCoreDumps, forbidTracing } from "../platform/process.ts";
import { mustRun, programPaths, runProgram } from "../platform/programs.ts";
import { Sockets } from "../platform/sockets.ts";
import { prepareToAsk } from "../platform/trust_windows.ts";
import { type RoleOptions, runRole } from "../platform/worker.ts";
import { readConfig } from "./config.ts";
import { loadDpapi } from "./dpapi.ts";
import { publishDurably, readSecret } from "./durable.ts";
import { type Ladder, makeBackup, move, openBackup, type Passphrases, restore } from "./ladder.ts";
import { readPolicy } from "./policy_file.ts";
import type { Credential } from "./sealing.ts";

const SERVICE = "crypto.service";
/** How often a service is stopped again that somebody's asking has started. */
const STOPS = 20;
/** More than the backup of the largest ring. */
const MAX_BACKUP_BYTES = 17 * 1024 * 1024;

/** What is to be done. Paths are absolute. */
export type AdminTask =
  | { readonly type: "reseal"; readonly to: Rung }
  | { readonly type: "backup"; readonly file: string; readonly force: boolean }
  | { readonly type: "restore"; readonly file: string; readonly replace: boolean };

/** What the worker is asked. */
export interface AdminQuestion extends Passphrases {
  readonly task: AdminTask;
  readonly layout: Layout;
}

/** The worker of a task, and all that it may do. */
export function adminRole(script: string, task: AdminTask, layout: Layout): RoleOptions<never> {
  const places = [layout.configDirectory, layout.stateDirectory];
  if (layout.mode === "system") places.push(CREDENTIAL_STORE);
  if (task.type !== "reseal") places.push(parent(task.file));
  const run = layout.mode === "system" ? programPaths("systemctl", "systemd-creds") : [];
  const read = [...places, ...IS_WINDOWS ? [] : ACCOUNTS, ...run];
  const permissions = { read, write: places, run, ffi: true };
  return { script, name: ADMIN_WORKER, permissions };
}

/** Runs in the worker. Answers with lines for people. */
export function runAdminRole(): void {
  forbidCoreDumps();
  forbidTracing();
  const engine = loadLibcrypto() ?? webCrypto;
  const parts = { engine, ...IS_WINDOWS ? partsOfWindows() : partsOfUnix() };
  dropLibraryPermission();
  runRole<AdminQuestion, readonly string[]>((question) => perform(question, parts));
}

/** What is the system's, loaded. */
interface SystemParts {
  /** Locks a file. What it gives unlocks it. */
  readonly lock: (path: string) => () => void;
  /** Gives files to the owner of the daemon's directory, where they are not the user's anyway. */
  readonly giverFor: (layout: Layout) => Give;
  readonly credentialFor: (layout: Layout) => Required<Credential> | undefined;
}

interface Parts extends SystemParts {
  readonly engine: Ladder["engine"];
}

function partsOfUnix(): SystemParts {
  const [sockets, giveAway] = [new Sockets(), loadGiveAway()];
  return {
    lock(path) {
      const held = sockets.lock(path);
      return () => sockets.close(held);
    },
    giverFor({ stateDirectory }) {
      // The state directory is the daemon's, and so is what is made for it.
      const { uid, gid } = Deno.statSync(stateDirectory);
      return (path) => giveAway(path, uid ?? 0, gid ?? 0);
    },
    credentialFor: ({ mode }) => mode === "system" ? systemdCredential() : undefined,
  };
}

function partsOfWindows(): SystemParts {
  const dpapi = loadDpapi();
  prepareToAsk();
  return {
    lock(path) {
      const held = holdFile(path);
      return () => held[Symbol.dispose]();
    },
    giverFor: () => () => {},
    credentialFor: ({ dpapiSealingKey }) => dpapi(dpapiSealingKey),
  };
}

async function perform(question: AdminQuestion, parts: Parts): Promise<readonly string[]> {
  const { task, layout } = question;
  const { uid } = Deno.statSync(layout.stateDirectory);
  const [own, credential] = [parts.giverFor(layout), parts.credentialFor(layout)];
  const ladder = { layout, engine: parts.engine, own, credential };
  if (task.type === "backup") return await backUp(task, ladder, question);
  // It is stopped for this, and would not start again with a file that is wrong.
  readConfig(layout.config, uid ?? 0);
  readPolicy(layout.policy, uid ?? 0);
  if (task.type === "restore") {
    const prepared = await prepareRestore(task, ladder, question);
    return await whileStopped(ladder, parts.lock, prepared);
  }
  return await whileStopped(ladder, parts.lock, () => reseal(task.to, ladder, question));
}

function systemdCredential(): Required<Credential> {
  const path = `${CREDENTIAL_STORE}/${CREDENTIAL}`;
  const name = `--name=${CREDENTIAL}`;
  return {
    path,
    encrypt: async (key) =>
      concat(await mustRun("systemd-creds", ["encrypt", name, "-", "-"], { input: key })),
    async decrypt() {
      if (!exists(path)) return undefined;
      return concat(await mustRun("systemd-creds", ["decrypt", name, path, "-"]));
    },
  };
}

async function backUp(
  { file, force }: Extract<AdminTask, { type: "backup" }>,
  ladder: Ladder,
  passphrases: Passphrases,
): Promise<readonly string[]> {
  if (!force && exists(file)) throw new CryptoError("file_exists", { subject: file });
  publishDurably(file, await makeBackup(ladder, passphrases), force);
  return [`all keys are in ${file}, under the passphrase`];
}

async function reseal(to: Rung, ladder: Ladder, passphrases: Passphrases): Promise<string[]> {
  for await (const _ of move(ladder, to, passphrases));
  const said = [`the key ring is sealed by: ${to}`];
  return to === "passphrase" ? [...said, "after each start: `crypto unseal`"] : said;
}

/** Reads and proves all of a backup; gives what is to be done with the daemon stopped. */
async function prepareRestore(
  { file, replace }: Extract<AdminTask, { type: "restore" }>,
  ladder: Ladder,
  { given = "" }: Passphrases,
): Promise<() => Promise<string[]>> {
  const backup = readBackup(file);
  const isThere = exists(ladder.layout.ring);
  if (isThere && !replace) {
    const hint = "there is a key ring already: --replace keeps it under another name";
    throw new CryptoError("file_exists", { subject: ladder.layout.ring, hint });
  }
  const ring = await openBackup(backup, given, ladder.engine);
  return async () => {
    const kept = new Date().toISOString().replace(/[-:.]/g, "");
    for await (const _ of restore(ladder, ring, kept));
    // On Windows a ring stands under DPAPI, as the first one does.
    const rung = IS_WINDOWS ? "credential" : "file";
    if (rung !== "file") { for await (const _ of move(ladder, rung, {})); }
    const { length } = ring.keys;
    const said = [`restored ${length} ${length === 1 ? "key" : "keys"}, sealed by: ${rung}`];
    return isThere ? [...said, `the old ring and its sealing key are kept as *.${kept}`] : said;
  };
}

function readBackup(file: string): Bytes {
  const backup = readSecret(file, MAX_BACKUP_BYTES);
  if (backup) return backup;
  throw new CryptoError("io", { subject: file, hint: "there is no such file" });
}

/**
 * Does something while no daemon runs on the ring: the system's service is stopped and started
 * again, whatever happened; any other daemon is an error.
 */
async function whileStopped<T>(
  ladder: Ladder,
  lock: SystemParts["lock"],
  act: () => Promise<T>,
): Promise<T> {
  const { layout, own } = ladder;
  const runs = layout.mode === "system" && await serviceRuns();
  const unlock = await lockOut(lock, layout, runs);
  let result: T;
  try {
    own(lockOf(layout));
    result = await act();
  } catch (error) {
    unlock();
    // What failed first is what is told.
    if (runs) await runProgram("systemctl", ["restart", SERVICE]);
    throw error;
  }
  unlock();
  // Not only started: the credentials of a service that was failing meanwhile are those of before.
  if (runs) await mustRun("systemctl", ["restart", SERVICE]);
  return result;
}

function lockOf({ stateDirectory }: Layout): string {
  return `${stateDirectory}/lock`;
}

/**
 * Stops the service and takes its lock. Whoever asks meanwhile has it started again by its socket,
 * perhaps before the lock is taken; once that is, it cannot run.
 */
async function lockOut(
  lock: SystemParts["lock"],
  layout: Layout,
  runs: boolean,
): Promise<() => void> {
  for (let left = STOPS;; left--) {
    if (runs) await mustRun("systemctl", ["stop", SERVICE]);
    try {
      return lock(lockOf(layout));
    } catch (error) {
      if (!runs || left === 0 || asCryptoError(error).code !== "already_running") throw error;
    }
  }
}

/** Whether it runs, or is about to, or is tried again and again. */
async function serviceRuns(): Promise<boolean> {
  try {
    const { stdout } = await runProgram("systemctl", ["show", "--value", "-pActiveState", SERVICE]);
    return !["inactive", "failed"].includes(fromUtf8(stdout).trim());
  } catch (error) {
    // Where there is no systemctl there is no service of its.
    if (asCryptoError(error).code === "config") return false;
    throw error;
  }
}
