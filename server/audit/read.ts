/** Reading the files of an audit log, also while the daemon writes them. */
import { type Bytes, fromUtf8 } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";
import { exists } from "../../platform/durable.ts";
import { openRegular } from "../durable.ts";
import { type Link, readLink } from "./chain.ts";
import { olderFiles } from "./files.ts";
import type { AuditEvent } from "./events.ts";
import type { Decision } from "./log.ts";

/** A line as it is read: some of its fields are there. */
export type AuditLine =
  & Link
  & Partial<Decision>
  & Partial<Extract<AuditEvent, { event: "recovered" }>>
  & Partial<Extract<AuditEvent, { event: "rotated" }>>
  & { readonly time: string; readonly event?: AuditEvent["event"] }
  /** Who: by the kernel, or by a certificate. */
  & { readonly uid?: number; readonly certificate?: string };

/** A file of the log that is open. */
export interface OpenLog {
  readonly path: string;
  readonly file: Deno.FsFile;
}

const LINE_FEED = 0x0a;
const ATTEMPTS = 20;
// deno-lint-ignore no-control-regex -- what the daemon writes has none, and a terminal obeys them
const CONTROL = /[\0-\x1f\x7f-\x9f]/;

/**
 * Opens all files of a log, the oldest first; none, if there are none.
 * @throws {CryptoError} `unsafe_path`
 */
export function openLogs(path: string): OpenLog[] {
  for (let left = ATTEMPTS;; left--) {
    const before = pathsOf(path);
    try {
      const logs = before.map((path) => ({ path, file: openRegular(path) }));
      // Files that were rotated meanwhile would be missed, or read twice.
      if (pathsOf(path).join() === before.join() || left === 0) return logs;
      closeLogs(logs);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound) || left === 0) throw error;
    }
  }
}

/** Closes what {@link openLogs} has opened. */
export function closeLogs(logs: readonly OpenLog[]): void {
  for (const { file } of logs) file.close();
}

/**
 * Opens all files of a log and does something, such that no file was begun or removed in between.
 * @throws {CryptoError} as {@link openLogs}; what `act` throws
 */
export async function openLogsAround<T>(
  path: string,
  act: () => Promise<T>,
): Promise<{ readonly logs: OpenLog[]; readonly result: T }> {
  for (let left = ATTEMPTS;; left--) {
    const logs = openLogs(path);
    const result = await act();
    const names = logs.map((log) => log.path);
    if (pathsOf(path).join() === names.join() || left === 0) return { logs, result };
    closeLogs(logs);
  }
}

/** That there is no file of it. */
export function noLog(path: string): CryptoError {
  return new CryptoError("io", { subject: path, hint: "there is no audit log" });
}

function pathsOf(path: string): string[] {
  return [...olderFiles(path).map((older) => older.path), ...exists(path) ? [path] : []];
}

/** A line's fields. Undefined if the daemon did not write it so. */
export function readLine(line: Bytes): AuditLine | undefined {
  if (line.at(-1) !== LINE_FEED) return undefined;
  const fields = readLink(line) as AuditLine | undefined;
  return fields && !CONTROL.test(fromUtf8(line).slice(0, -1)) ? fields : undefined;
}
