/** Reading the files of an audit log, also while the daemon writes them. */
import { type Bytes, concat, EMPTY, fromUtf8 } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";
import { exists } from "../../platform/durable.ts";
import { openRegular } from "../durable.ts";
import { type Link, readLink } from "./chain.ts";
import { olderFiles } from "./files.ts";
import type { AuditEvent, Decision } from "./log.ts";

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

const PIECE = 1_048_576;
const LINE_FEED = 0x0a;
const ATTEMPTS = 20;
// deno-lint-ignore no-control-regex -- what the daemon writes has none, and a terminal obeys them
const CONTROL = /[\0-\x1f\x7f-\x9f]/;

/**
 * Opens all files of a log, the oldest first.
 * @throws {CryptoError} `io` if there is none; `unsafe_path`
 */
export function openLogs(path: string): OpenLog[] {
  for (let left = ATTEMPTS;; left--) {
    const before = pathsOf(path);
    if (before.length === 0) {
      throw new CryptoError("io", { subject: path, hint: "there is no audit log" });
    }
    try {
      const logs = before.map((path) => ({ path, file: openRegular(path) }));
      // Files that were rotated meanwhile would be missed, or read twice.
      if (pathsOf(path).join() === before.join() || left === 0) return logs;
      for (const { file } of logs) file.close();
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound) || left === 0) throw error;
    }
  }
}

function pathsOf(path: string): string[] {
  return [...olderFiles(path).map((older) => older.path), ...exists(path) ? [path] : []];
}

/** The lines of a file as bytes, with their line breaks, which the last may lack. */
export function* readLines(file: Deno.FsFile): Generator<Bytes> {
  const piece = new Uint8Array(PIECE);
  let rest: Bytes = EMPTY;
  for (let n; (n = file.readSync(piece) ?? 0) > 0;) {
    const bytes = concat(rest, piece.subarray(0, n));
    let start = 0;
    for (let end; (end = bytes.indexOf(LINE_FEED, start) + 1) > 0; start = end) {
      yield bytes.subarray(start, end);
    }
    rest = bytes.subarray(start);
  }
  if (rest.length > 0) yield rest;
}

/** A line's fields. Undefined if the daemon did not write it so. */
export function readLine(line: Bytes): AuditLine | undefined {
  if (line.at(-1) !== LINE_FEED) return undefined;
  const fields = readLink(line) as AuditLine | undefined;
  return fields && !CONTROL.test(fromUtf8(line).slice(0, -1)) ? fields : undefined;
}
