/** `crypto install` and `crypto uninstall` on the main thread, which holds no permission. */
import { statfsSync } from "node:fs";
import { CryptoError } from "../core/errors.ts";
import { parent } from "../core/layout.ts";
import { installerPrivileges } from "../core/privileges.ts";
import { INSTALL_WORKER } from "../core/roles.ts";
import { exists } from "../platform/durable.ts";
import { requireTrustedDirectory } from "../platform/trust.ts";
import { RoleWorker } from "../platform/worker.ts";
import type { Plan } from "./actions.ts";
import type { Progress } from "./execute.ts";
import { requireWritable } from "./files.ts";
import { managedDirectories, type Places, placesBelow } from "./places.ts";
import type { Planned, Question, Wish } from "./role.ts";

/** Asks a person; gives undefined when there is nobody. */
export interface Terminal {
  ask(question: string): Promise<string>;
}

/** What the program hands to these subcommands. */
export interface InstallContext {
  /** URL of the program's script. */
  readonly script: string;
  /** The program's version. */
  readonly findVersion: () => Promise<string>;
  /** Prints data on standard output. */
  readonly print: (text: string) => void;
  /** Prints a line for people. */
  readonly say: (line: string) => void;
  /** Opens the terminal, if there is one. */
  readonly openTerminal: () => Terminal | undefined;
  /**
   * @throws {CryptoError} `config`, `unsafe_path` if a daemon of this version would not start with
   * configuration and policy
   */
  readonly requireConfig: (places: Places) => Promise<void>;
}

/** What both command lines say. */
export interface InstallFlags {
  readonly root?: string | undefined;
  readonly dryRun: boolean;
  readonly json: boolean;
}

/** What the command line of `uninstall` says. */
export interface UninstallFlags extends InstallFlags {
  readonly purge: boolean;
  readonly yes: boolean;
}

type Installer = RoleWorker<Question, Planned | undefined, Progress>;

const CONFIRMATION = "remove the keys";

const ADD_PERSON = [
  "let somebody use it: usermod -aG crypto-service NAME",
  "they log in again, since groups are those of the login",
  "then they try: echo hello | crypto encrypt | crypto decrypt",
];

/** Installs, upgrades, or finishes what was interrupted, and proves the result. */
export async function install(context: InstallContext, flags: InstallFlags): Promise<void> {
  const wish = await wishFor("install", context, flags);
  // A service that runs on goes on with what it read; the new one would not start.
  await context.requireConfig(placesBelow(wish.asker.root));
  const worker = await startWorker(context, wish, flags);
  const { plan } = await ask(worker, { type: "plan", wish });
  if (!flags.dryRun) await worker.ask({ type: "execute" });
  report(context, flags, plan);
  worker.terminate();
  if (flags.json || flags.dryRun || wish.asker.root !== "") return;
  for (const line of ADD_PERSON) context.say(line);
}

/** Removes what install made; keys only when that is asked for and confirmed. */
export async function uninstall(context: InstallContext, flags: UninstallFlags): Promise<void> {
  const terminal = flags.yes || flags.dryRun ? undefined : context.openTerminal();
  const directory = Deno.cwd();
  const program = Deno.execPath();
  const wish = await wishFor(flags.purge ? "purge" : "uninstall", context, flags);
  const worker = await startWorker(context, wish, flags);
  const { plan, removes } = await ask(worker, { type: "plan", wish });
  if (removes.length > 0 && !flags.yes && !flags.dryRun) {
    context.say(`this removes ${removes.join(", ")}`);
    const file = (await confirmRemoval(terminal))?.replace(/^(?!\/)/, `${directory}/`);
    if (file) await worker.ask({ type: "backup", program, file });
    if (!await isConfirmed(terminal)) {
      await worker.ask({ type: "leave" });
      throw new CryptoError("not_confirmed");
    }
  }
  if (!flags.dryRun) await worker.ask({ type: "execute" });
  report(context, flags, plan);
  worker.terminate();
}

async function confirmRemoval(terminal: Terminal | undefined): Promise<string | undefined> {
  const offer = "A sealed backup first? Name a file for it, or nothing: ";
  return (await terminal?.ask(offer))?.trim() || undefined;
}

async function isConfirmed(terminal: Terminal | undefined): Promise<boolean> {
  const typed = await terminal?.ask(`Type "${CONFIRMATION}" to go on: `);
  return typed?.trim() === CONFIRMATION;
}

/** All that only this thread can find out, before it gives up its permissions. */
async function wishFor(
  goal: Wish["goal"],
  { findVersion }: InstallContext,
  { root, dryRun }: InstallFlags,
): Promise<Wish> {
  const image = root === undefined ? "" : imageDirectory(root);
  const program = Deno.build.standalone ? Deno.execPath() : undefined;
  const freeBytes = bytesFree(nearest(parent(placesBelow(image).program)));
  const asker = {
    root: image,
    version: await findVersion(),
    uid: Deno.uid() ?? -1,
    program,
    freeBytes,
  };
  return { goal, asker, dryRun };
}

function imageDirectory(root: string): string {
  try {
    const real = requireTrustedDirectory(root, []);
    if (real !== "/") return real;
    const hint = "that is the running system: leave --root away to install on it";
    throw new CryptoError("usage", { subject: `--root ${root}`, hint });
  } catch (cause) {
    if (cause instanceof CryptoError) throw cause;
    const hint = "make the directory of the image first";
    throw new CryptoError("config", { subject: `--root ${root}`, hint, cause });
  }
}

async function startWorker(
  context: InstallContext,
  { goal, dryRun, asker: { root, uid } }: Wish,
  { json }: InstallFlags,
): Promise<Installer> {
  requireTrustedWays(root);
  if (goal === "install" && !dryRun && uid === 0) requireWritableWays(root);
  return await RoleWorker.start<Question, Planned | undefined, Progress>({
    script: context.script,
    name: INSTALL_WORKER,
    permissions: installerPrivileges(root, Deno.execPath()).start,
    onEvent: (progress) => !json && tellProgress(context, progress),
  });
}

/** What is missing can be made: the worker, for its own places only, finds out later. */
function requireWritableWays(root: string): void {
  const missing = managedDirectories(placesBelow(root)).filter((directory) => !exists(directory));
  new Set(missing.map(nearest)).forEach(requireWritable);
}

/** A directory, or the first one above it that is there. */
function nearest(directory: string): string {
  return exists(directory) ? directory : nearest(parent(directory));
}

function bytesFree(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

/** Nobody but root can put something else on the way to a place, and no link leads elsewhere. */
function requireTrustedWays(root: string): void {
  for (const directory of managedDirectories(placesBelow(root))) {
    const way = nearest(parent(directory));
    const real = requireTrustedDirectory(way, []);
    if (real === way) continue;
    const hint = `a symbolic link leads to ${real}; the directory itself is to be there`;
    throw new CryptoError("unsafe_path", { subject: way, hint });
  }
}

async function ask(worker: Installer, question: Question): Promise<Planned> {
  return (await worker.ask(question))!;
}

function tellProgress({ say }: InstallContext, { type, title, remark }: Progress): void {
  if (type === "done") say(remark ?? title);
  else if (type === "undone") say(`undone: ${title}`);
  else if (type === "left") say(`NOT undone: ${title}`);
}

function report({ print, say }: InstallContext, { json, dryRun }: InstallFlags, plan: Plan): void {
  if (json) return print(`${JSON.stringify({ ...plan, done: !dryRun }, null, 2)}\n`);
  if (dryRun) print(describe(plan));
  else if (plan.goal === "nothing") say("nothing had to be changed");
  for (const note of plan.notes) say(note);
}

/** A plan as people read it. */
function describe({ goal, steps }: Plan): string {
  if (steps.length === 0) return "nothing to do\n";
  const lines = steps.map(({ title }, i) => `${String(i + 1).padStart(3)}. ${title}`);
  return [goal === "nothing" ? "nothing to change:" : `${goal}:`, ...lines, ""].join("\n");
}
