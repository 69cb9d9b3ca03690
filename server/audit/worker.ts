/**
 * `crypto audit`: a worker that may read the daemon's state directory and the names of users, and ask
 * the journal. It changes nothing.
 */
import { fromUtf8 } from "../../core/bytes.ts";
import { asCryptoError, CryptoError } from "../../core/errors.ts";
import type { Layout } from "../../core/layout.ts";
import { AUDIT_WORKER } from "../../core/roles.ts";
import { loadSha256, type Sha256 } from "../../platform/libcrypto.ts";
import { dropLibraryPermission } from "../../platform/permissions.ts";
import { mustRun, programPaths } from "../../platform/programs.ts";
import { type RoleOptions, runRole } from "../../platform/worker.ts";
import { portableSha256 } from "./chain.ts";
import { readHeads } from "./heads.ts";
import { readLines } from "./lines.ts";
import { closeLogs, noLog, type OpenLog, openLogs, openLogsAround } from "./read.ts";
import { type Filter, readNames, showReport } from "./show.ts";
import { follow, latest, type Selection } from "./tail.ts";
import { Verifier } from "./verify.ts";

const PASSWD = "/etc/passwd";
const SERVICE = "crypto.service";

/** What the worker is asked. */
export type AuditQuestion =
  | {
    readonly type: "verify";
    readonly layout: Layout;
    /** What a journal says, if somebody gives it. */
    readonly journal?: { readonly name: string; readonly text: string } | undefined;
    /** Ids of logs that are known to have been there before. */
    readonly former: readonly string[];
  }
  | {
    readonly type: "tail";
    readonly layout: Layout;
    readonly lines: number;
    readonly filter: Omit<Filter, "uid">;
    /** Only this user's lines: a name or a number. */
    readonly user?: string | undefined;
    readonly json: boolean;
    /** Goes on telling lines, for ever. */
    readonly follow: boolean;
  };

/** Whether all is right. Lines for people or programs are told, not answered. */
export type AuditAnswer = boolean;

/** The worker, and all that it may do. */
export function auditRole(
  script: string,
  { mode, stateDirectory }: Layout,
  onEvent: (line: string) => void,
): RoleOptions<string> {
  const run = mode === "system" ? programPaths("journalctl") : [];
  const permissions = { read: [stateDirectory, PASSWD, ...run], run, ffi: true };
  return { script, name: AUDIT_WORKER, permissions, onEvent };
}

/** Runs in the worker. */
export function runAuditRole(): void {
  const sha256 = loadSha256() ?? portableSha256;
  dropLibraryPermission();
  runRole<AuditQuestion, AuditAnswer, string>(async (question, tell) => {
    if (question.type === "tail") return await tail(question, tell);
    return await verify(question, sha256, tell);
  });
}

async function verify(
  { layout, journal: given, former }: Extract<AuditQuestion, { type: "verify" }>,
  sha256: Sha256,
  tell: (line: string) => void,
): Promise<AuditAnswer> {
  // The heads are of lines that are read afterwards, or of files that were removed before.
  const { logs, result: journal } = await openLogsAround(layout.auditLog, async () => {
    return given ?? await readJournal(layout);
  });
  const verifier = new Verifier({ sha256, heads: readHeads(journal?.text ?? ""), former });
  readAll(logs, verifier);
  const report = verifier.finish();
  if (logs.length === 0 && report.findings.length === 0) throw noLog(layout.auditLog);
  for (const line of showReport(report, { heads: journal?.name })) tell(line);
  return report.findings.length === 0;
}

/** What the service has said to the journal. Undefined where there is no journal. */
async function readJournal({ mode }: Layout) {
  if (mode !== "system") return undefined;
  try {
    const args = ["--unit", SERVICE, "--output", "cat", "--no-pager", "--quiet"];
    const said = await mustRun("journalctl", args);
    // Somebody else's bytes may be anything; heads are ASCII.
    return { name: "the journal", text: new TextDecoder().decode(said) };
  } catch (error) {
    if (asCryptoError(error).code === "config") return undefined;
    throw error;
  }
}

function readAll(logs: readonly OpenLog[], verifier: Verifier): void {
  for (const { path, file } of logs) {
    verifier.begin(path.slice(path.lastIndexOf("/") + 1));
    for (const line of readLines(file)) verifier.take(line);
  }
  closeLogs(logs);
}

async function tail(
  question: Extract<AuditQuestion, { type: "tail" }>,
  tell: (line: string) => void,
): Promise<AuditAnswer> {
  const { layout, lines, json, user } = question;
  const names = readNames(passwd());
  const filter = { ...question.filter, uid: user === undefined ? undefined : uidOf(user, names) };
  const selection: Selection = { filter, names: json ? undefined : names };
  const logs = openLogs(layout.auditLog);
  if (logs.length === 0) throw noLog(layout.auditLog);
  for (const line of latest(logs, lines, selection)) tell(line);
  if (question.follow) await follow(layout.auditLog, logs.at(-1)!, selection, tell);
  closeLogs(logs);
  return true;
}

function uidOf(user: string, names: ReadonlyMap<number, string>): number {
  const [uid] = [...names].find(([, name]) => name === user) ?? [];
  if (uid !== undefined) return uid;
  if (/^\d{1,10}$/.test(user)) return Number(user);
  const hint = "no user has this name (see /etc/passwd): give a name or a number";
  throw new CryptoError("usage", { subject: user, hint });
}

function passwd(): string {
  try {
    return fromUtf8(Deno.readFileSync(PASSWD));
  } catch {
    return "";
  }
}
