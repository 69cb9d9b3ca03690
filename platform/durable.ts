/**
 * Files and names that are on the disk before anything relies on them. The runtime's `sync` waits for
 * the disk itself on macOS, too: it is Rust's, which asks F_FULLFSYNC there.
 */
import type { Bytes } from "../core/bytes.ts";
import { parent } from "../core/layout.ts";
import { IS_WINDOWS } from "./library.ts";

/** Gives a new file or directory its owner, before anything relies on it. */
export type Give = (path: string) => void;

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

/** Removes a file, if it is there. */
export function removeIfThere(path: string): void {
  ifThere(() => Deno.removeSync(path));
}

/**
 * Writes a new file and waits until it is on the disk. What had this name is removed first. It is
 * made with its mode, and changed by its path never: in a directory of somebody else's that path
 * may lead anywhere a moment later. Where it fails nothing is left: a torn file must not wait for
 * a start that could take it for a good one.
 */
export function writeNew(path: string, bytes: Bytes, mode: number, give?: Give): void {
  removeIfThere(path);
  using file = Deno.openSync(path, { write: true, createNew: true, mode });
  try {
    writeAll(file, bytes);
    give?.(path);
    file.syncSync();
  } catch (error) {
    Deno.removeSync(path);
    throw error;
  }
}

/** Writes all of it, in as many calls as that takes. */
export function writeAll(file: Deno.FsFile, bytes: Bytes): void {
  for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
}

/** Gives a file another name, replacing what has it, and waits until that is on the disk. */
export function renameDurably(from: string, to: string): void {
  Deno.renameSync(from, to);
  if (IS_WINDOWS) syncNameOf(to);
  else syncDirectory(parent(to));
}

/** Waits until a file is on the disk, and with it what NTFS has noted of its name. */
function syncNameOf(path: string): void {
  syncAndClose(Deno.openSync(path, { write: true }));
}

/**
 * Waits until the names in a directory are on the disk. Windows knows nothing of the kind: there it
 * is NTFS that brings names to the disk in their order.
 */
export function syncDirectory(path: string): void {
  if (IS_WINDOWS) return;
  syncAndClose(Deno.openSync(path));
}

function syncAndClose(file: Deno.FsFile): void {
  try {
    file.syncSync();
  } finally {
    file.close();
  }
}
