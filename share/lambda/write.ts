/** `crypto share-lambda`: writes the folder that deploys the service, all of it or nothing. */
import { basename, dirname, join, resolve } from "node:path";
import { CryptoError } from "../../core/errors.ts";
import { requireOrigin } from "../../core/share/origin.ts";
import { syncDirectory, writeNew } from "../../platform/durable.ts";
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

/** Writes beside the place that it is for, and renames it there. */
function publish(directory: string, files: Deployment["files"]): void {
  const fresh = join(dirname(directory), `.${basename(directory)}.${crypto.randomUUID()}`);
  try {
    for (const [path, bytes] of files) {
      Deno.mkdirSync(dirname(join(fresh, path)), { recursive: true });
      writeNew(join(fresh, path), bytes, FILE_MODE);
    }
    Deno.renameSync(fresh, directory);
    syncDirectory(dirname(directory));
  } catch (cause) {
    throw failure(directory, cause);
  } finally {
    removeAll(fresh);
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
  const isThere = cause instanceof Error && "code" in cause && IN_THE_WAY.has(cause.code);
  if (!isThere) return new CryptoError("io", { subject, cause });
  const hint = "name a directory that is not there, or an empty one";
  return new CryptoError("file_exists", { subject, hint, cause });
}
