/**
 * The files of the audit log: the one that lines are added to, and older ones beside it. An older
 * one is named after the number of its last line, so that names stay and sort.
 */
import { type Bytes, concat, EMPTY } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";
import { parent } from "../../core/layout.ts";
import { syncDirectory } from "../../platform/durable.ts";
import type { Sha256 } from "../../platform/libcrypto.ts";
import { type WatchedName, watchName } from "../../platform/named.ts";
import { type Head, isLogId, NO_LINE, readLink } from "./chain.ts";
import { readLines } from "./lines.ts";

/** How long a file gets, and how many older ones stay. */
export interface AuditLimits {
  /** A file that has so many bytes is closed, and the next one begun. */
  readonly fileBytes: number;
  /** Older files that are kept. */
  readonly files: number;
}

export const DEFAULT_AUDIT_LIMITS: AuditLimits = { fileBytes: 67_108_864, files: 16 };

/** What was found where lines are to be added. */
export interface Found {
  /** The log's id, if there is a log. */
  readonly log?: string | undefined;
  /** The last whole line, here or in the file before. */
  readonly head: Head;
  /** What comes after it in this file: a line that was cut off, or what others wrote. */
  readonly torn: Bytes;
  /** Whether the file does not end with a line break. */
  readonly unended: boolean;
}

/** A write that failed after some bytes. */
export class TornWrite extends Error {
  constructor(readonly written: number, cause: unknown) {
    super("not all of the lines were written", { cause });
  }
}

const LINE_FEED = 0x0a;
const LINE_BREAK: Bytes = new Uint8Array([LINE_FEED]);
const DIGITS = 16;
const PIECE = 65_536;

/** The older files of a log in the order of their lines: their names and last lines' numbers. */
export function olderFiles(path: string): { readonly path: string; readonly last: number }[] {
  const directory = parent(path);
  const prefix = `${path.slice(directory.length + 1)}.`;
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name);
  const numbers = names.filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length))
    .filter((ending) => new RegExp(`^\\d{${DIGITS}}$`).test(ending));
  return numbers.sort().map((digits) => ({ path: `${path}.${digits}`, last: Number(digits) }));
}

/** The file that lines are added to. */
export class AuditFiles {
  readonly #name: WatchedName;
  #file: Deno.FsFile | undefined;
  #length = 0;
  /** A pipe to somebody who collects the lines can neither be synced nor rotated. */
  #isPipe = false;
  /** Settles when the file before is on the disk. */
  #older: Promise<void> = Promise.resolve();

  /** Prepares; {@link resume} opens. It needs `ffi` now and not later. */
  constructor(private readonly path: string, private readonly sha256: Sha256) {
    this.#name = watchName(path);
  }

  /**
   * Opens the file that has the name now, or makes it, and finds where lines are to go on.
   * @throws {CryptoError} `io`
   */
  resume(): Found {
    this.#file?.close();
    this.#file = undefined;
    try {
      this.#file = Deno.openSync(this.path, {
        read: true,
        append: true,
        create: true,
        mode: 0o600,
      });
      this.#name.remember();
      const { size, isFile } = this.#file.statSync();
      this.#length = size;
      this.#isPipe = !isFile;
      return this.#find(this.#file);
    } catch (cause) {
      const hint = "the audit log cannot be opened: check the directory's owner and free space";
      throw new CryptoError("io", { subject: this.path, hint, cause });
    }
  }

  #find(file: Deno.FsFile): Found {
    const { head, ...rest } = lastLine(file, this.sha256);
    if (head) return { head, log: logId(file), ...rest };
    for (const { path } of olderFiles(this.path).reverse()) {
      using older = Deno.openSync(path);
      const found = lastLine(older, this.sha256).head;
      if (found) return { head: found, log: logId(older), ...rest };
    }
    return { head: NO_LINE, ...rest };
  }

  /**
   * Adds bytes.
   * @throws {TornWrite} also if they are in a file that no longer has the name: somebody removed it
   */
  write(bytes: Bytes): void {
    let done = 0;
    try {
      while (done < bytes.length) done += this.#file!.writeSync(bytes.subarray(done));
    } catch (cause) {
      throw new TornWrite(done, cause);
    } finally {
      this.#length += done;
    }
    if (!this.#name.isSame()) throw new TornWrite(0, "the file is not there any more");
  }

  /** Whether the next file is due. */
  isFull({ fileBytes }: AuditLimits): boolean {
    return !this.#isPipe && this.#length >= fileBytes;
  }

  /**
   * Goes on in a new file. Where the file cannot be renamed or the new one not made, it stays in use.
   * @param last the number of the last line
   * @returns the number of the first line that is to be kept, if there are too many files: once the
   * log says so, {@link removeBefore} may remove what is before
   */
  rotate(last: number, { files }: AuditLimits): number | undefined {
    const older = `${this.path}.${String(last).padStart(DIGITS, "0")}`;
    Deno.renameSync(this.path, older);
    try {
      this.#replace(Deno.openSync(this.path, { append: true, createNew: true, mode: 0o600 }));
    } catch (error) {
      Deno.renameSync(older, this.path);
      throw error;
    }
    syncDirectory(parent(this.path));
    const surplus = olderFiles(this.path).slice(0, -files).at(-1);
    return surplus && surplus.last + 1;
  }

  /** Removes the older files whose lines are all before one. */
  removeBefore(first: number): void {
    // The oldest first: what a kill leaves is without a gap.
    const surplus = olderFiles(this.path).filter(({ last }) => last < first);
    for (const { path } of surplus) Deno.removeSync(path);
    syncDirectory(parent(this.path));
  }

  #replace(file: Deno.FsFile): void {
    const before = this.#file!;
    this.#older = Promise.all([this.#older, before.syncData()]).then(() => {});
    // Whether it worked is for who waits for `sync`.
    this.#older.catch(() => {}).finally(() => before.close());
    this.#file = file;
    this.#name.remember();
    this.#length = 0;
  }

  /** Settles when all that was written is on the disk. */
  async sync(): Promise<void> {
    if (this.#isPipe) return;
    await Promise.all([this.#older, this.#file?.syncData()]);
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}

/** The id that the first line of a file names; what was torn may stand before that. */
function logId(file: Deno.FsFile): string | undefined {
  file.seekSync(0, Deno.SeekMode.Start);
  for (const line of readLines(file)) {
    const id = readLink(line)?.log;
    if (isLogId(id)) return id;
  }
  return undefined;
}

/** The last line of a file that is one of the log's, and what comes after it. */
function lastLine(file: Deno.FsFile, sha256: Sha256) {
  const { size } = file.statSync();
  for (let length = PIECE;; length *= 2) {
    const start = Math.max(0, size - length);
    const end = readFrom(file, start, size);
    const unended = end.length > 0 && end.at(-1) !== LINE_FEED;
    const whole = unended ? concat(end, LINE_BREAK) : end;
    // What begins before this piece is read again, with more before it.
    const first = start === 0 ? 0 : whole.indexOf(LINE_FEED) + 1;
    const found = lastLink(whole, first);
    if (!found && start > 0) continue;
    const after = found?.end ?? 0;
    const head = found && { seq: found.seq, hash: sha256(found.line).toHex() };
    return { head, torn: end.slice(after), unended };
  }
}

/** The last line of some that is one of the log's. */
function lastLink(lines: Bytes, first: number) {
  for (let end = lines.length; end > first;) {
    const begin = end < 2 ? 0 : lines.lastIndexOf(LINE_FEED, end - 2) + 1;
    const line = lines.subarray(begin, end);
    const link = readLink(line);
    if (link) return { seq: link.seq, line, end };
    end = begin;
  }
  return undefined;
}

function readFrom(file: Deno.FsFile, start: number, end: number): Bytes {
  if (end === start) return EMPTY;
  const bytes = new Uint8Array(end - start);
  file.seekSync(start, Deno.SeekMode.Start);
  let done = 0;
  for (let n; done < bytes.length && (n = file.readSync(bytes.subarray(done)) ?? 0) > 0;) {
    done += n;
  }
  return bytes.subarray(0, done);
}
