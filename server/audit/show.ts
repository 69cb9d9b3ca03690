/** Lines of the audit log, as people read them. */
import { printable } from "../../core/printable.ts";
import type { AuditLine } from "./read.ts";
import type { Report } from "./verify.ts";

const MAX_FINDINGS = 20;

/** Which lines are wanted; what is absent matters not. */
export interface Filter {
  readonly uid?: number | undefined;
  readonly key?: string | undefined;
  readonly op?: string | undefined;
  /** Only what was not done. */
  readonly errors: boolean;
}

/** Whether a line is wanted. */
export function matches({ uid, key, op, errors }: Filter, line: AuditLine): boolean {
  return (uid === undefined || line.uid === uid) && (key === undefined || line.key === key) &&
    (op === undefined || line.op === op) && (!errors || line.error !== undefined);
}

/** User ids to names, as passwd(5) has them. */
export function readNames(passwd: string): Map<number, string> {
  const rows = passwd.split("\n").map((row) => row.split(":"));
  return new Map(rows.flatMap(([name, , uid]) => name && uid ? [[Number(uid), name]] : []));
}

/** One line in columns: when, who, what, with which key, how much, and what came of it. */
export function showLine(line: AuditLine, names: ReadonlyMap<number, string>): string {
  return printable(columns(line, names));
}

function columns(line: AuditLine, names: ReadonlyMap<number, string>): string {
  const time = line.time.replace("T", " ");
  if (line.event) return `${time}  ${"-".padEnd(12)}  ${line.event}${detail(line)}`;
  const { uid, certificate, address = "?" } = line;
  const who = uid === undefined ? certificate ?? address : names.get(uid) ?? `${uid}`;
  const { key = "-", version } = line;
  return [
    time,
    who.padEnd(12),
    (line.op ?? "?").padEnd(16),
    (version === undefined ? key : `${key} v${version}`).padEnd(20),
    amount(line).padStart(12),
    outcome(line) + particulars(line),
  ].join("  ");
}

function amount({ bytes, declaredBytes, requests }: AuditLine): string {
  if (bytes !== undefined) return `${bytes} B`;
  if (declaredBytes !== undefined) return `says ${declaredBytes} B`;
  return requests === undefined ? "" : `${requests} requests`;
}

function outcome({ error, stage }: AuditLine): string {
  if (error) return error;
  return stage === "intent" ? "about to" : "done";
}

/** What only some methods are about. */
function particulars(line: AuditLine): string {
  const { unit, credential, rotateAfter, minVersion, grace } = line;
  const all = [
    unit !== undefined && `${credential} for ${unit}`,
    rotateAfter !== undefined && `rotated after ${rotateAfter} s`,
    minVersion !== undefined && `from version ${minVersion} on`,
    grace !== undefined && `in ${grace} s`,
  ].filter((one) => one !== false);
  return all.length > 0 ? ` (${all.join(", ")})` : "";
}

function detail({ torn, missing, refused, first }: AuditLine): string {
  const details = [
    torn && `${torn.bytes} bytes were cut off`,
    missing && `${missing} lines are gone`,
    refused && `${refused} requests were refused`,
    first && `kept from line ${first}`,
  ].filter((one) => one);
  return details.length > 0 ? `: ${details.join(", ")}` : "";
}

/** What a log was found to be, a line each. */
export function showReport(report: Report, sources: ReportSources): string[] {
  const { log, first, last, lines, torn, heads, former, findings } = report;
  const more = findings.length - MAX_FINDINGS;
  return [
    first && last
      ? `lines     ${first.seq} to ${last.seq} (${lines}), ${first.time} to ${last.time}`
      : "lines     none",
    ...log === undefined ? [] : [`log       ${log}`],
    ...findings.slice(0, MAX_FINDINGS).map(({ where, problem }) =>
      `NOT RIGHT ${where}: ${problem}`
    ),
    ...more > 0 ? [`NOT RIGHT ${more} more`] : [],
    ...findings.length === 0 ? ["chain     unbroken"] : [],
    ...torn > 0 ? [`torn      ${torn} times a line was cut off as it was written, and closed`] : [],
    `heads     ${headsFrom(heads, sources)}`,
    ...former.map((one) => `former    ${one.heads} heads of ${one.log}, set aside`),
    `not seen  ${unseen(report, sources)}`,
  ];
}

/** Where published heads came from, for people; undefined if there were none to ask. */
export interface ReportSources {
  readonly heads: string | undefined;
}

function headsFrom({ all, agreed, older }: Report["heads"], { heads }: ReportSources): string {
  if (heads === undefined) return "none were compared: give those that were published with --heads";
  if (all === 0) return `there is none of this log in ${heads}`;
  const before = older > 0 ? `, ${older} are of lines before the oldest that is kept` : "";
  return `${agreed} of ${all} in ${heads} agree${before}`;
}

function unseen({ first, heads: { all, last } }: Report, { heads }: ReportSources): string {
  if (all === 0) {
    const before = first && first.seq > 1
      ? `whether rotation has removed the lines before ${first.seq}, as the log says; `
      : "";
    return `${before}lines cut off at the end, and a chain that was made anew, from whichever line on`;
  }
  return `what was changed or cut off after line ${last}, and what somebody changed here and in ` +
    `${heads} alike, as root can`;
}
