/** Small secret files that are on the disk before anything relies on them. */
import { toBase64Url } from "../core/base64.ts";
import { type Bytes, randomBytes } from "../core/bytes.ts";
import { CryptoError, type ErrorCode } from "../core/errors.ts";
import { parent } from "../core/layout.ts";
import { exists, type Give, renameDurably, syncDirectory, writeNew } from "../platform/durable.ts";

/**
 * Reads a small regular file whole; undefined if it is not there. Root reads in directories that
 * are the service's: it follows no link there, waits for no pipe, and reads no more than it should.
 *
 * @param maxLength bytes
 * @throws {CryptoError} `tooLong` if it is longer; `unsafe_path` if it is something else;
 * `config`
 */
export function readSecret(
  path: string,
  maxLength: number,
  tooLong: ErrorCode = "ring_unreadable",
): Bytes | undefined {
  try {
    using file = openRegular(path);
    const { size } = file.statSync();
    if (size > maxLength) throw new CryptoError(tooLong, { subject: path });
    return readWhole(file, size);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof CryptoError) throw error;
    throw new CryptoError("config", { subject: path, cause: error });
  }
}

/**
 * Opens a regular file for reading: follows no link, waits for no pipe.
 * @throws {CryptoError} `unsafe_path`; what the system says
 */
export function openRegular(path: string): Deno.FsFile {
  const named = Deno.lstatSync(path);
  if (!named.isFile) throw noFile(path);
  const file = Deno.openSync(path);
  const { ino, dev } = file.statSync();
  // What was looked at is what was opened, whoever may have changed the name between.
  if (ino === named.ino && dev === named.dev) return file;
  file.close();
  throw noFile(path);
}

function noFile(path: string): CryptoError {
  const hint = "it is not a regular file: put the file itself there";
  return new CryptoError("unsafe_path", { subject: path, hint });
}

/** So many bytes, or fewer if it ends before. */
function readWhole(file: Deno.FsFile, size: number): Bytes {
  const bytes = new Uint8Array(size);
  let length = 0;
  for (let n; (n = file.readSync(bytes.subarray(length)) ?? 0) > 0;) length += n;
  return bytes.subarray(0, length);
}

/**
 * Writes a new file that only its owner can read, and waits until it is on the disk.
 * @throws {CryptoError} `io`; then nothing of it is left
 */
export function writeDurably(path: string, bytes: Bytes, give?: Give, mode = 0o400): void {
  try {
    writeNew(path, bytes, mode, give);
  } catch (cause) {
    throw unwritten(path, cause);
  }
}

function unwritten(path: string, cause: unknown): CryptoError {
  const hint = "it cannot be written: check the directory, its owner and the free space";
  return new CryptoError("io", { subject: path, hint, cause });
}

/**
 * Gives a file a second name, which stays with it when the first gets another, and waits until that
 * is on the disk. Nothing is read: what a link of somebody else's points to is not copied.
 */
export function linkDurably(from: string, to: string): void {
  if (!exists(to)) Deno.linkSync(from, to);
  syncDirectory(parent(to));
}

/** Writes a file beside its name and gives it the name: one good file is there at every moment. */
export function replaceDurably(path: string, bytes: Bytes, give?: Give): void {
  writeDurably(`${path}.new`, bytes, give);
  renameDurably(`${path}.new`, path);
}

/**
 * Writes a file that must not be there yet, or may be replaced: all of it, or nothing.
 * @throws {CryptoError} `file_exists`, `io`
 */
export function publishDurably(path: string, bytes: Bytes, force: boolean): void {
  const hidden = `${parent(path)}/.crypto.${toBase64Url(randomBytes(9))}`;
  try {
    writeDurably(hidden, bytes, undefined, 0o600);
    if (force) Deno.renameSync(hidden, path);
    else Deno.linkSync(hidden, path);
    syncDirectory(parent(path));
  } catch (cause) {
    if (cause instanceof Deno.errors.AlreadyExists) {
      throw new CryptoError("file_exists", { subject: path });
    }
    throw unwritten(path, cause);
  } finally {
    removeDurably(hidden);
  }
}

/** Removes a file, if it is there, and waits until that is on the disk. */
export function removeDurably(path: string): void {
  if (!exists(path)) return;
  Deno.removeSync(path);
  syncDirectory(parent(path));
}
