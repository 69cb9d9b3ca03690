/** The main thread of `crypto rewrap`: it finds the paths, starts the worker, and tells. */
import { CryptoError } from "../../core/errors.ts";
import { parent } from "../../core/layout.ts";
import { rewrapPrivileges } from "../../core/privileges.ts";
import { REWRAP_WORKER } from "../../core/roles.ts";
import { RoleWorker } from "../../platform/worker.ts";
import { findTarget } from "../bound.ts";
import type { ClientContext } from "../flags.ts";
import type { DaemonFlags } from "../identity.ts";
import { table } from "../manage.ts";
import { formatBytes, Progress } from "../terminal.ts";
import { besidePath } from "./beside.ts";
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
  const paths = files.map(realPath);
  const { context: bound, recursive, dryRun, fresh } = flags;
  const target = await findTarget(flags);
  const uid = Deno.uid() ?? 0;
  const progress = new Progress("rewrap", undefined, drawsProgress(flags), formatFiles);
  const role = await RoleWorker.start<RewrapTask, Report, Event>({
    script: context.script,
    name: REWRAP_WORKER,
    permissions: (await privilegesFor(paths)).start,
    onEvent: (event) => tell(context, progress, event),
  });
  const task = { target, paths, recursive, dryRun, fresh, context: bound, uid };
  const report = await role.ask(task).finally(() => progress.finish());
  role.terminate();
  context.print(flags.json ? `${JSON.stringify(report, null, 2)}\n` : describe(report, dryRun));
  if (report.failed.length > 0) {
    throw new CryptoError("rewrap_incomplete", { subject: `${report.failed.length} of them` });
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
    throw new CryptoError("io", { subject: path, hint: "there is no such file", cause });
  }
}

async function privilegesFor(paths: readonly string[]) {
  const beside = await Promise.all(paths.map(besidePath));
  return rewrapPrivileges(paths, { beside, parents: [...new Set(paths.map(parent))] });
}

function tell({ say }: ClientContext, progress: Progress, event: Event): void {
  if ("done" in event) return progress.update(event.done);
  progress.finish();
  say(describeFailure(event.failure));
}

function describeFailure({ message, hint }: Failure): string {
  return `${message}\n  hint: ${hint}`;
}

function describe(
  { rewrapped, current, passed, versions, failed }: Report,
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
  const parts = [done, ...failed.length > 0 ? [`${failed.length} failed`] : [], ...others];
  return [...shown, parts.join(", "), ""].join("\n");
}

const PASSED: Readonly<Record<keyof Report["passed"], string>> = {
  other: "hold no message",
  passphrase: "under a passphrase",
  fernet: "Fernet tokens",
  link: "symbolic links",
  special: "no regular files",
};
