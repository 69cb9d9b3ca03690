/** Files and directories of root's, on the disk before anything is built on them. */
import type { Bytes } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import {
  type Give,
  ifThere,
  removeIfThere,
  renameDurably,
  writeAll,
  writeNew,
} from "../platform/durable.ts";
import { SystemError } from "../platform/libc.ts";
import { unfinished } from "./places.ts";

const BLOCK = 1_048_576;
const PUBLIC_DIRECTORY = 0o755;
const PROBE_MODE = 0o600;

/** What the system refused, as an error for people; anything else is a bug, and stays. */
export function asFileError(thrown: unknown, path: string | undefined): unknown {
  const code = thrown instanceof SystemError ? `errno ${thrown.errno}` : codeOf(thrown);
  if (code === undefined) return thrown;
  const hint = `the system refused it (${code}): ${REMEDIES[code] ?? OTHER_REMEDY}`;
  return new CryptoError("io", { subject: path, hint, cause: thrown });
}

function codeOf(thrown: unknown): string | undefined {
  const code = thrown instanceof Error ? (thrown as Error & { code?: unknown }).code : undefined;
  return typeof code === "string" && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: "make room there",
  EDQUOT: "make room there",
  EROFS: "the file system is mounted read-only; mount it for writing",
};
const OTHER_REMEDY = "check the path, its file system, and what may be written there";

const PROBE_NAME = ".crypto-install.new";
const PROBE_BYTES = 4_096;

/**
 * Tries whether files can be made in a directory, and leaves none.
 * @throws {CryptoError} `io`
 */
export function requireWritable(directory: string): void {
  const path = `${directory}/${PROBE_NAME}`;
  try {
    removeIfThere(path);
    using file = Deno.openSync(path, { write: true, createNew: true, mode: PROBE_MODE });
    // At once: killed later, nothing of it is left.
    removeIfThere(path);
    writeAll(file, new Uint8Array(PROBE_BYTES));
    file.syncSync();
  } catch (error) {
    throw asFileError(error, directory);
  }
}

/** Puts a file in its place in one step. */
export function replace(path: string, bytes: Bytes, mode: number): void {
  writeNew(unfinished(path), bytes, mode);
  renameDurably(unfinished(path), path);
}

/** Puts a copy of a file in its place in one step. */
export function replaceByCopy(from: string, to: string, mode: number): void {
  const temporary = unfinished(to);
  removeIfThere(temporary);
  using source = Deno.openSync(from);
  using file = Deno.openSync(temporary, { write: true, createNew: true, mode });
  const block = new Uint8Array(BLOCK);
  for (let n; (n = source.readSync(block)) !== null;) writeAll(file, block.subarray(0, n));
  file.syncSync();
  renameDurably(temporary, to);
}

/** Makes a directory, and those above it. */
export function makeDirectory(path: string, mode: number, give?: Give): void {
  // Those above are no place of ours: the permission to make them comes with this one's.
  Deno.mkdirSync(path, { recursive: true, mode: PUBLIC_DIRECTORY });
  if (mode !== PUBLIC_DIRECTORY) {
    Deno.removeSync(path);
    Deno.mkdirSync(path, { mode });
  }
  give?.(path);
}

/** Removes a directory, if it is there and empty. */
export function removeIfEmpty(path: string): void {
  const first = ifThere(() => Deno.readDirSync(path).next().done);
  if (first) Deno.removeSync(path);
}
