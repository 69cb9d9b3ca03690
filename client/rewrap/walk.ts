/** Finding the files that are to be rewrapped. No symbolic link is followed. */
import { CryptoError, type ErrorCode } from "../../core/errors.ts";
import { parent } from "../../core/layout.ts";
import { Errno, SystemError } from "../../platform/libc.ts";
import { besidePaths, isBesideName } from "./beside.ts";

/** A regular file, or why a path is none or cannot be looked at. */
export type Walked =
  | { readonly path: string }
  | { readonly path: string; readonly error: CryptoError }
  | { readonly path: string; readonly passed: "link" | "special" };

/** What keeps all that is left from being done: a quota of the day is used up, the daemon is gone. */
export const ENDING: ReadonlySet<ErrorCode> = new Set<ErrorCode>(["quota_exceeded", "unavailable"]);

/** The user id that may everything. */
export const ROOT = 0;
const OTHERS_WRITE = 0o022;
/** What stands in a name for bytes that are no UTF-8. */
const REPLACEMENT = "\uFFFD";

/** What root is told to do where it does not work. */
export const AS_THAT_USER =
  "somebody could lead root elsewhere there: run this as the user whose files these are";
const NOT_ALLOWED = "you may not read or change it, or what is beside it";
const NOT_UTF8 = "its name is no UTF-8, so it cannot be opened here: rename it";
const HINTS: ReadonlyMap<number, string> = new Map([
  [Errno.EACCES, NOT_ALLOWED],
  [Errno.EPERM, NOT_ALLOWED],
  [Errno.ELOOP, "it has become a symbolic link: name what it leads to"],
  [Errno.EROFS, "the file system is read-only"],
  [Errno.ENOSPC, "the disk is full: free some space and try again"],
  [Errno.EDQUOT, "the quota is used up: free some space and try again"],
]);

/** How files are looked for. */
export interface WalkOptions {
  readonly recursive: boolean;
  /** Who looks. */
  readonly uid: number;
}

/** The files that were named, or are in the directories that were. */
export async function* walk(
  paths: readonly string[],
  options: WalkOptions,
): AsyncGenerator<Walked, void> {
  for (const path of paths) yield* look(path, options, true);
}

async function* look(
  path: string,
  options: WalkOptions,
  named: boolean,
): AsyncGenerator<Walked, void> {
  try {
    const { isFile, isDirectory, isSymlink } = await Deno.lstat(path);
    if (isFile) {
      if (named) requireOwnDirectory(parent(path), options);
      yield { path };
    } else if (isDirectory) {
      yield* lookInside(path, options);
    } else if (named) {
      throw unfit(path, isSymlink ? "a symbolic link: name what it leads to" : "no regular file");
    } else {
      yield { path, passed: isSymlink ? "link" : "special" };
    }
  } catch (error) {
    yield { path, error: asError(path, error) };
  }
}

async function* lookInside(path: string, options: WalkOptions): AsyncGenerator<Walked, void> {
  if (!options.recursive) throw unfit(path, "a directory: --recursive takes all files in it");
  requireOwnDirectory(path, options);
  const names = (await Array.fromAsync(Deno.readDir(path))).map(({ name }) => name).sort();
  const own = names.filter((name) => !isBesideName(name));
  for (const name of own) yield* look(`${path}/${name}`, options, false);
  const left = names.filter(isBesideName).map((name) => `${path}/${name}`);
  const known = left.length > 0 ? await besideAll(path, own) : undefined;
  for (const orphan of left.filter((one) => !known?.has(one))) {
    yield { path: orphan, error: noFileOf(orphan) };
  }
}

function unfit(path: string, what: string): CryptoError {
  return new CryptoError("io", { subject: path, hint: `this is ${what}` });
}

/** The paths beside all of some names. */
async function besideAll(path: string, names: readonly string[]): Promise<Set<string>> {
  const paths = await Promise.all(names.map((name) => besidePaths(`${path}/${name}`)));
  return new Set(paths.flatMap(({ journal, anew }) => [journal, anew]));
}

function noFileOf(path: string): CryptoError {
  const hint = "a killed run has left this, and its file is gone or has another name: if it was " +
    "renamed, give it back its name and run this again; else remove this";
  return new CryptoError("io", { subject: path, hint });
}

/**
 * Whose directory it is, and who may write there, can put anything in its place at any moment: root,
 * for whom nothing is out of reach, works only where nobody else can. What is above the directories
 * that were named, the main thread looks at.
 */
function requireOwnDirectory(path: string, { uid }: WalkOptions): void {
  const { uid: owner, mode } = Deno.lstatSync(path);
  const isShared = ((mode ?? 0) & OTHERS_WRITE) !== 0;
  if (uid !== ROOT || owner === ROOT && !isShared) return;
  const whose = owner === ROOT ? "others may write there" : `it belongs to user ${owner}`;
  throw new CryptoError("unsafe_path", { subject: path, hint: `${whose}; ${AS_THAT_USER}` });
}

/** What went wrong with a path, in words of ours. */
export function asError(path: string, thrown: unknown): CryptoError {
  if (thrown instanceof CryptoError) {
    if (thrown.subject !== undefined) return thrown;
    const { code, hint, retryAfter } = thrown;
    return new CryptoError(code, { subject: path, hint, retryAfter, cause: thrown });
  }
  return new CryptoError("io", { subject: path, hint: hintOf(path, thrown), cause: thrown });
}

function hintOf(path: string, error: unknown): string | undefined {
  const errno = error instanceof SystemError ? error.errno : undefined;
  if (error instanceof Deno.errors.NotFound || errno === Errno.ENOENT) {
    return path.includes(REPLACEMENT) ? NOT_UTF8 : "it is not there any more";
  }
  if (error instanceof Deno.errors.PermissionDenied) return NOT_ALLOWED;
  return errno === undefined ? undefined : HINTS.get(errno);
}
