/** `crypto share-lambda`: writes the folder that deploys the service, all of it or nothing. */
import { basename, dirname, join, resolve } from "node:path";
import { CryptoError } from "../../core/errors.ts";
import { requireOrigin } from "../../core/share/origin.ts";
import { exists, syncDirectory, writeNew } from "../../platform/durable.ts";
import { dropAllButFiles, dropAllPermissions } from "../../platform/permissions.ts";
import { type Deployment, deployment } from "./files.ts";

/** What the program hands to its subcommand. */
export interface LambdaContext {
  /** Prints on standard output. */
  readonly print: (text: string) => void;
}

/** What the command line says. */
export interface LambdaFlags {
  /** The directory to be made. */
  readonly output: string;
  /** Where the page finds the API. */
  readonly origin?: string;
}

const FILE_MODE = 0o644;
/** What a rename says of a directory with something in it, or of a file. */
const IN_THE_WAY = new Set<unknown>(["ENOTEMPTY", "EEXIST", "ENOTDIR"]);

/** Writes, and prints the hash of what the function runs. @throws {CryptoError} */
export async function writeLambda(
  { print }: LambdaContext,
  { output, origin }: LambdaFlags,
): Promise<void> {
  dropAllButFiles();
  const api = origin === undefined ? undefined : requireOrigin(origin);
  const { files, hash } = await deployment(api);
  publish(resolve(output), files);
  dropAllPermissions();
  print(`${hash}  index.mjs\n`);
}

/**
 * Writes beside the place that it is for, and renames it there. An empty directory stays the one that
 * it is, with its owner and its mode, and whoever is in it stays there: what it gets is made within.
 */
function publish(directory: string, files: Deployment["files"]): void {
  const isThere = isEmptyDirectory(directory);
  const place = isThere ? directory : dirname(directory);
  const fresh = join(place, `.${basename(directory)}.${crypto.randomUUID()}`);
  try {
    for (const [path, bytes] of files) {
      Deno.mkdirSync(dirname(join(fresh, path)), { recursive: true });
      writeNew(join(fresh, path), bytes, FILE_MODE);
    }
    if (isThere) moveUp(fresh, directory);
    else Deno.renameSync(fresh, directory);
    syncDirectory(place);
  } catch (cause) {
    throw failure(directory, cause);
  } finally {
    removeAll(fresh);
  }
}

function isEmptyDirectory(path: string): boolean {
  try {
    return Deno.readDirSync(path)[Symbol.iterator]().next().done === true;
  } catch {
    // Making it, or renaming to it, tells what is the matter.
    return false;
  }
}

/** Moves what one directory has into an empty one: all of it, or what was moved goes again. */
function moveUp(from: string, to: string): void {
  const moved: string[] = [];
  try {
    for (const name of Array.from(Deno.readDirSync(from), ({ name }) => name)) {
      const place = join(to, name);
      if (exists(place)) throw new Deno.errors.AlreadyExists();
      Deno.renameSync(join(from, name), place);
      moved.push(place);
    }
  } catch (error) {
    moved.forEach(removeAll);
    throw error;
  }
}

function removeAll(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch {
    // It has been renamed, or was never made.
  }
}

function failure(subject: string, cause: unknown): CryptoError {
  const isInTheWay = cause instanceof Deno.errors.AlreadyExists ||
    (cause instanceof Error && "code" in cause && IN_THE_WAY.has(cause.code));
  if (!isInTheWay) return new CryptoError("io", { subject, cause });
  const hint = "name a directory that is not there, or an empty one";
  return new CryptoError("file_exists", { subject, hint, cause });
}
