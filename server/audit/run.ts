/** The main thread of `crypto audit`: finds the log, opens what was named, and prints. */
import { CryptoError } from "../../core/errors.ts";
import { RoleWorker } from "../../platform/worker.ts";
import { daemonLayout } from "../administer.ts";
import { isLogId } from "./chain.ts";
import { type AuditAnswer, type AuditQuestion, auditRole } from "./worker.ts";

/** What the program hands to these subcommands. */
export interface AuditContext {
  readonly script: string;
  /** Writes on standard output; false if nobody reads it. */
  readonly print: (text: string) => boolean;
}

/** What `crypto audit verify` is told. */
export interface VerifyFlags {
  /** A file of published heads, or `-` for standard input. */
  readonly heads?: string | undefined;
  /** Ids of logs that were there before. */
  readonly former?: readonly string[] | undefined;
}

/** What `crypto audit tail` is told. */
export interface TailFlags {
  readonly lines: number;
  readonly follow: boolean;
  readonly json: boolean;
  /** A name or a number. */
  readonly user?: string | undefined;
  readonly key?: string | undefined;
  readonly op?: string | undefined;
  readonly errors: boolean;
}

/** @throws {CryptoError} `log_broken` if it is not what was written */
export async function verify(context: AuditContext, flags: VerifyFlags): Promise<void> {
  const layout = daemonLayout();
  const { heads, former = [] } = flags;
  for (const log of former) requireLogId(log);
  using file = heads === undefined || heads === "-" ? undefined : openHeads(heads);
  using worker = await start(context, layout);
  const source = file ?? (heads === "-" ? Deno.stdin : undefined);
  const name = file ? heads! : "standard input";
  const journal = source && { name, text: await readText(source) };
  if (await worker.ask({ type: "verify", layout, journal, former })) return;
  throw new CryptoError("log_broken", { subject: layout.auditLog });
}

/** Prints lines, with `--follow` until nobody reads them any more. */
export async function tail(context: AuditContext, flags: TailFlags): Promise<void> {
  const layout = daemonLayout();
  const { lines, json, follow, user, key, op, errors } = flags;
  const unread = Promise.withResolvers<void>();
  using worker = await start(context, layout, unread.resolve);
  const filter = { key, op, errors };
  const told = worker.ask({ type: "tail", layout, lines, json, follow, user, filter });
  await Promise.race([told, unread.promise]);
}

async function start(
  { script, print }: AuditContext,
  layout: ReturnType<typeof daemonLayout>,
  onUnread: () => void = () => {},
) {
  const onLine = (line: string) => print(`${line}\n`) || onUnread();
  const role = auditRole(script, layout, onLine);
  const worker = await RoleWorker.start<AuditQuestion, AuditAnswer, string>(role);
  return Object.assign(worker, { [Symbol.dispose]: () => worker.terminate() });
}

function requireLogId(text: string): void {
  if (isLogId(text)) return;
  const hint = "a log's id is 16 digits and letters a to f, as `crypto audit verify` shows it";
  throw new CryptoError("usage", { subject: text, hint });
}

function openHeads(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path);
  } catch (cause) {
    throw new CryptoError("io", { subject: path, hint: "it cannot be read", cause });
  }
}

async function readText({ readable }: Pick<Deno.FsFile, "readable">): Promise<string> {
  return await new Response(readable).text();
}
