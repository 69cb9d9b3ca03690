/**
 * Whether a path can be trusted: that nobody but the named owners could have put something else
 * in its place. Windows is asked for access lists instead, where nobody is meant but this user.
 */
import { CryptoError } from "../core/errors.ts";
import { parent } from "../core/layout.ts";
import { IS_WINDOWS } from "./library.ts";

/** Not loaded elsewhere: whatever a start loads, it takes longer for. */
const windows = IS_WINDOWS ? await import("./trust_windows.ts") : undefined;

const OTHERS_WRITE = 0o022;
const OTHERS_ANYTHING = 0o077;
const STICKY = 0o1000;
const ROOT = 0;
/** The id that stands for every user whom a user namespace does not know: nobody in particular. */
const OVERFLOW = 65_534;

/** Octal digits of a mode, as people write it. */
function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, "0");
}

function unsafe(path: string, problem: string, remedy: string): CryptoError {
  return new CryptoError("unsafe_path", { subject: path, hint: `it ${problem}; ${remedy}` });
}

function requireOwner(path: string, uid: number | null, owners: readonly number[]): void {
  const known = uid !== null && uid !== OVERFLOW;
  if (known && (uid === ROOT || owners.includes(uid))) return;
  throw unsafe(path, `belongs to user ${uid}`, "it must belong to root, the service or you");
}

/**
 * Checks a directory and every directory above it: each belongs to root or an owner, and nobody
 * else may write there. A sticky directory of root's, such as /tmp, is fine above the first: in it
 * nobody can rename what is another's.
 *
 * @param owners user ids trusted besides root
 * @returns its path without symbolic links: what was checked, and so what is to be used
 * @throws {CryptoError} `unsafe_path`
 */
export function requireTrustedDirectory(directory: string, owners: readonly number[]): string {
  const real = Deno.realPathSync(directory);
  if (windows) return windows.requireOwnDirectory(real);
  for (let path = real;; path = parent(path)) {
    const { uid, mode } = Deno.lstatSync(path);
    requireOwner(path, uid, owners);
    const shared = ((mode ?? 0) & OTHERS_WRITE) !== 0;
    const sticky = ((mode ?? 0) & STICKY) !== 0 && path !== real;
    if (shared && !sticky) {
      throw unsafe(path, `can be written by others (mode ${octal(mode ?? 0)})`, "chmod go-w it");
    }
    if (path === "/") return real;
  }
}

/**
 * Checks a file that holds secrets: a regular file of an owner that nobody else can even read.
 * @throws {CryptoError} `unsafe_path`
 */
export function requireSecretFile(path: string, owners: readonly number[]): void {
  const { uid, mode, isFile } = Deno.lstatSync(path);
  if (!isFile) throw unsafe(path, "is not a regular file", "put the file itself there");
  if (windows) return windows.requireNobodyElse(path, "read");
  requireOwner(path, uid, owners);
  if (((mode ?? 0) & OTHERS_ANYTHING) !== 0) {
    throw unsafe(path, `can be read by others (mode ${octal(mode ?? 0)})`, "chmod 0400 it");
  }
}

/**
 * Checks a file that says what is to be done: a regular file of an owner that nobody else can
 * write.
 * @throws {CryptoError} `unsafe_path`
 */
export function requireTrustedFile(path: string, owners: readonly number[]): void {
  const { uid, mode, isFile } = Deno.lstatSync(path);
  if (!isFile) throw unsafe(path, "is not a regular file", "put the file itself there");
  if (windows) return windows.requireNobodyElse(path, "written");
  requireOwner(path, uid, owners);
  if (((mode ?? 0) & OTHERS_WRITE) !== 0) {
    throw unsafe(path, `can be written by others (mode ${octal(mode ?? 0)})`, "chmod go-w it");
  }
}

/**
 * Checks a socket, its owner, and every directory above it.
 * @returns its path without symbolic links: what was checked, and so what is to be used
 * @throws {CryptoError} `unsafe_path`
 */
export function requireTrustedSocket(path: string, owners: readonly number[]): string {
  const real = Deno.realPathSync(path);
  const { uid, isSocket } = Deno.lstatSync(real);
  if (!isSocket) throw unsafe(path, "is no socket", "name the daemon's socket");
  requireOwner(real, uid, owners);
  requireTrustedDirectory(parent(real), owners);
  return real;
}
