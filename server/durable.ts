/** Small secret files that are on the disk before anything relies on them. */
import type { Bytes } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { parent } from "../core/layout.ts";

/** Who a new file belongs to; the process's own user if absent. */
export interface FileOwner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Reads a small file whole; undefined if it is not there.
 * @param maxLength bytes
 * @throws {CryptoError} `ring_unreadable` if it is longer; `config`
 */
export function readSecret(path: string, maxLength: number): Bytes | undefined {
  try {
    const { size } = Deno.statSync(path);
    if (size > maxLength) throw new CryptoError("ring_unreadable", { subject: path });
    return Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof CryptoError) throw error;
    throw new CryptoError("config", { subject: path, cause: error });
  }
}

/** Whether something has this name. */
export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Writes a new file that only its owner can read, and waits until it is on the disk. */
export function writeDurably(path: string, bytes: Bytes, owner?: FileOwner, mode = 0o400): void {
  if (exists(path)) Deno.removeSync(path);
  const file = Deno.openSync(path, { write: true, createNew: true, mode });
  try {
    for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
    if (owner) Deno.chownSync(path, owner.uid, owner.gid);
    file.syncSync();
  } catch (error) {
    // A torn file must not wait here for a start that could take it for a good one.
    Deno.removeSync(path);
    throw error;
  } finally {
    file.close();
  }
}

/** Gives a file another name, replacing what has it, and waits until that is on the disk. */
export function renameDurably(from: string, to: string): void {
  Deno.renameSync(from, to);
  syncDirectory(parent(to));
}

/** Writes a file beside its name and gives it the name: one good file is there at every moment. */
export function replaceDurably(path: string, bytes: Bytes, owner?: FileOwner): void {
  writeDurably(`${path}.new`, bytes, owner);
  renameDurably(`${path}.new`, path);
}

/** Removes a file, if it is there, and waits until that is on the disk. */
export function removeDurably(path: string): void {
  if (!exists(path)) return;
  Deno.removeSync(path);
  syncDirectory(parent(path));
}

function syncDirectory(path: string): void {
  const directory = Deno.openSync(path);
  try {
    directory.syncSync();
  } finally {
    directory.close();
  }
}
