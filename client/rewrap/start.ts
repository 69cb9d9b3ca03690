/** The main thread of `crypto rewrap`: it finds the paths, starts the worker, and tells. */
import { CryptoError } from "../../core/errors.ts";
import { parent } from "../../core/layout.ts";
import { printable } from "../../core/printable.ts";
import { rewrapPrivileges } from "../../core/privileges.ts";
import { REWRAP_WORKER } from "../../core/roles.ts";
import { ifThere } from "../../platform/durable.ts";
import { requireTrustedDirectory } from "../../platform/trust.ts";
import { RoleWorker } from "../../platform/worker.ts";
import { findTarget } from "../reach.ts";
import type { ClientContext } from "../flags.ts";
import type { DaemonFlags } from "../identity.ts";
import { table } from "../manage.ts";
import { formatBytes, Progress } from "../terminal.ts";
import { besidePaths } from "./beside.ts";
import { AS_THAT_USER, asError, ENDING, ROOT } from "./walk.ts";
import type { Event, Failure, Report, RewrapTask } from "./worker.ts";

/** What `crypto rewrap` is told. */
export interface RewrapFlags extends DaemonFlags {
  readonly context?: string | undefined;
  readonly recursive: boolean;
  readonly dryRun: boolean;
  readonly fresh: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** `crypto rewrap`. @throws {CryptoError} `rewrap_incomplete` when all is done that could be */
export async function rewrap(
  context: ClientContext,
  flags: RewrapFlags,
  files: readonly string[],
): Promise<void> {
  if (files.length === 0) {
    throw new CryptoError("usage", { hint: "name files, or --recursive DIR" });
  }
  const { paths, refused } = lookAtWays(files.map(realPath));
  for (const failure of refused) context.say(describeFailure(failure));
  const report = await runWorker(context, flags, paths);
  report.failed.unshift(...refused);
  const { dryRun, json } = flags;
  context.print(json ? `${JSON.stringify(report, null, 2)}\n` : describe(report, dryRun));
  requireAll(report, dryRun);
}

async function runWorker(
  context: ClientContext,
  flags: RewrapFlags,
  paths: readonly string[],
): Promise<Report> {
  const { context: bound, recursive, dryRun, fresh } = flags;
  const target = await findTarget(flags);
  const uid = Deno.uid() ?? ROOT;
  const format = fresh ? formatBytes : formatFiles;
  const progress = new Progress("rewrap", undefined, drawsProgress(flags), format);
  const role = await RoleWorker.start<RewrapTask, Report, Event>({
    script: context.script,
    name: REWRAP_WORKER,
    permissions: (await privilegesFor(paths)).start,
    onEvent: (event) => tell(context, progress, event, fresh),
  });
  const task = { target, paths, recursive, dryRun, fresh, context: bound, uid };
  const report = await role.ask(task).finally(() => progress.finish());
  role.terminate();
  return report;
}

/** @throws {CryptoError} `rewrap_incomplete`, or what kept it from going on */
function requireAll({ failed, left }: Report, dryRun: boolean): void {
  const count = failed.length + (dryRun ? 0 : left);
  if (count === 0) return;
  const subject = `${count} of them`;
  const end = failed.find(({ code }) => ENDING.has(code));
  if (end) throw new CryptoError(end.code, { subject, hint: end.hint });
  throw new CryptoError("rewrap_incomplete", { subject });
}

/** Root works only where nobody else could have put something in a directory's place. */
function lookAtWays(all: readonly string[]): { paths: string[]; refused: Failure[] } {
  const paths: string[] = [];
  const refused: Failure[] = [];
  for (const path of all) {
    try {
      if (Deno.uid() === ROOT) requireTrustedWay(path);
      paths.push(path);
    } catch (error) {
      const { code, message, hint } = asError(path, error);
      refused.push({ path, code, message, hint });
    }
  }
  return { paths, refused };
}

function requireTrustedWay(path: string): void {
  const isDirectory = ifThere(() => Deno.lstatSync(path))?.isDirectory ?? false;
  try {
    requireTrustedDirectory(isDirectory ? path : parent(path), []);
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    const hint = `${error.subject} ${error.hint.replace(/^it /, "").replace(/;.*/, "")}; ` +
      AS_THAT_USER;
    throw new CryptoError(error.code, { subject: path, hint, cause: error });
  }
}

function drawsProgress({ quiet }: RewrapFlags): boolean {
  return !quiet && Deno.stderr.isTerminal();
}

function formatFiles(amount: number): string {
  return `${Math.round(amount)} files`;
}

/** The path with no symbolic link on its way. What it leads to itself is the worker's to look at. */
function realPath(path: string): string {
  const whole = path.startsWith("/") ? path : `${Deno.cwd()}/${path}`;
  const bare = whole.replace(/(?<=.)\/+$/, "");
  const name = bare.slice(bare.lastIndexOf("/") + 1);
  try {
    if (["", ".", ".."].includes(name)) return Deno.realPathSync(bare);
    return `${Deno.realPathSync(parent(bare)).replace(/\/$/, "")}/${name}`;
  } catch (cause) {
    const isForbidden = cause instanceof Deno.errors.PermissionDenied;
    const hint = isForbidden ? "you may not look there" : "there is no such file";
    throw new CryptoError("io", { subject: path, hint, cause });
  }
}

async function privilegesFor(paths: readonly string[]) {
  const beside = await Promise.all(paths.map(besidePaths));
  return rewrapPrivileges(paths, {
    beside: beside.flatMap(({ journal, anew }) => [journal, anew]),
    parents: [...new Set(paths.map(parent))],
  });
}

function tell(
  { say }: ClientContext,
  progress: Progress,
  event: Event,
  fresh: boolean,
): void {
  if ("done" in event) return progress.update(fresh ? event.bytes : event.done);
  progress.finish();
  say(describeFailure(event.failure));
}

function describeFailure({ message, hint }: Failure): string {
  return `${printable(message)}\n  hint: ${printable(hint)}`;
}

function describe(
  { rewrapped, current, passed, versions, failed, left }: Report,
  dryRun: boolean,
): string {
  const rows = versions.map(({ key, version, state, newest, files, bytes }) => {
    const shown = newest ? "newest" : state === "active" ? "older" : state;
    return [key, String(version), shown, String(files), formatBytes(bytes)];
  });
  const shown = rows.length > 0
    ? [table([["KEY", "VERSION", "STATE", "FILES", "BYTES"], ...rows])]
    : [];
  const others = Object.entries(passed).filter(([, count]) => count > 0).map(([what, count]) => {
    return `${count} ${PASSED[what as keyof Report["passed"]]}`;
  });
  const done = dryRun
    ? "nothing was changed"
    : `${rewrapped} rewrapped, ${current} were on the newest`;
  const counts = [[failed.length, "failed"], [dryRun ? 0 : left, "left for another run"]] as const;
  const undone = counts.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
  const parts = [done, ...undone, ...others];
  return [...shown, parts.join(", "), ""].join("\n");
}

const PASSED: Readonly<Record<keyof Report["passed"], string>> = {
  other: "hold no message",
  passphrase: "under a passphrase",
  fernet: "Fernet tokens",
  link: "symbolic links",
  special: "no regular files",
};
