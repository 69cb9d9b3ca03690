/** Finding the files that are to be rewrapped. No symbolic link is followed. */
import { CryptoError } from "../../core/errors.ts";
import { parent } from "../../core/layout.ts";
import { besidePath, isBesideName } from "./beside.ts";

/** A regular file, or why a path is none or cannot be looked at. */
export type Walked =
  | { readonly path: string }
  | { readonly path: string; readonly error: CryptoError }
  | { readonly path: string; readonly passed: "link" | "special" };

const ROOT = 0;

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
  const beside = await Promise.all(own.map((name) => besidePath(`${path}/${name}`)));
  for (const name of names.filter(isBesideName)) {
    if (!beside.includes(`${path}/${name}`)) {
      yield { path: `${path}/${name}`, error: orphan(path, name) };
    }
  }
}

function unfit(path: string, what: string): CryptoError {
  return new CryptoError("io", { subject: path, hint: `this is ${what}` });
}

function orphan(path: string, name: string): CryptoError {
  const hint = "a killed run has left this, and its file is gone or has another name: if it was " +
    "renamed, give it back its name and run this again; else remove this";
  return new CryptoError("io", { subject: `${path}/${name}`, hint });
}

/**
 * Whose directory it is can put anything in its place at any moment: root, for whom nothing is out
 * of reach, works in its own only.
 */
function requireOwnDirectory(path: string, { uid }: WalkOptions): void {
  const owner = Deno.lstatSync(path).uid;
  if (uid !== ROOT || owner === ROOT) return;
  const hint = `it belongs to user ${owner}, who could lead root elsewhere: run this as that user`;
  throw new CryptoError("unsafe_path", { subject: path, hint });
}

/** What went wrong with a path, in words of ours. */
export function asError(path: string, thrown: unknown): CryptoError {
  if (thrown instanceof CryptoError) {
    if (thrown.subject !== undefined) return thrown;
    return new CryptoError(thrown.code, { subject: path, hint: thrown.hint, cause: thrown });
  }
  return new CryptoError("io", { subject: path, hint: hintOf(thrown), cause: thrown });
}

function hintOf(error: unknown): string | undefined {
  if (error instanceof Deno.errors.NotFound) return "it is not there any more";
  if (error instanceof Deno.errors.PermissionDenied) return "you may not read or change it";
  return undefined;
}
