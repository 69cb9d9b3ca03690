/** Files and directories of root's, on the disk before anything is built on them. */
import type { Bytes } from "../core/bytes.ts";
import { parent } from "../core/layout.ts";
import { unfinished } from "./places.ts";

/** Whom something is given to. */
export interface Ids {
  readonly uid: number;
  readonly gid: number;
}

const ROOT: Ids = { uid: 0, gid: 0 };
const BLOCK = 1_048_576;

/** What a call gives, or undefined if the file is not there. */
export function ifThere<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Whether anything has this name. */
export function exists(path: string): boolean {
  return ifThere(() => Deno.lstatSync(path)) !== undefined;
}

/** Writes a new file and waits until it is on the disk. What had this name is removed first. */
export function writeNew(path: string, bytes: Bytes, mode: number, { uid, gid }: Ids = ROOT): void {
  removeIfThere(path);
  using file = Deno.openSync(path, { write: true, createNew: true, mode });
  writeAll(file, bytes);
  finish(file, path, mode, { uid, gid });
}

function finish(file: Deno.FsFile, path: string, mode: number, { uid, gid }: Ids): void {
  // The file mode creation mask of whoever installs does not matter.
  Deno.chmodSync(path, mode);
  Deno.chownSync(path, uid, gid);
  file.syncSync();
}

function writeAll(file: Deno.FsFile, bytes: Bytes): void {
  for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
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
  finish(file, temporary, mode, ROOT);
  renameDurably(temporary, to);
}

/** Renames; the new name is on the disk when it returns. */
export function renameDurably(from: string, to: string): void {
  Deno.renameSync(from, to);
  syncDirectory(parent(to));
}

/** Waits until the names in a directory are on the disk. */
export function syncDirectory(path: string): void {
  using directory = Deno.openSync(path);
  directory.syncSync();
}

/** Removes a file, if it is there. */
export function removeIfThere(path: string): void {
  ifThere(() => Deno.removeSync(path));
}

/** Makes a directory, unless it is there: it has been looked at before. */
export function makeDirectory(path: string, mode: number, { uid, gid }: Ids): void {
  if (exists(path)) return;
  Deno.mkdirSync(path, { recursive: true });
  Deno.chmodSync(path, mode);
  Deno.chownSync(path, uid, gid);
}

/** Removes a directory, if it is there and empty. */
export function removeIfEmpty(path: string): void {
  const first = ifThere(() => Deno.readDirSync(path).next().done);
  if (first) Deno.removeSync(path);
}
