/**
 * One file out of an npm package.
 *
 * @module
 */
import { join } from "node:path";
import { mustDeno, reason } from "./process.ts";

/** A file in a release of a package, and what the package must be. */
export interface PackagedFile {
  readonly package: string;
  readonly release: string;
  readonly file: string;
  /** Of the archive, as npm states it: `sha512-…`. */
  readonly integrity: string;
  /** For which machines the package says that it is. */
  readonly os: string;
  readonly cpu: string;
}

/**
 * Reads it.
 *
 * Deno itself fetches the package: it knows the registry, its proxies and credentials, and it
 * refuses an archive whose hash is not the one in a frozen lock file.
 *
 * @throws {Error} when it cannot be had, or is another
 */
export async function packagedFile(wanted: PackagedFile): Promise<Uint8Array<ArrayBuffer>> {
  const folder = await Deno.makeTempDir({ prefix: "crypto-package-" });
  try {
    await Deno.writeTextFile(join(folder, "deno.json"), JSON.stringify(installation(wanted)));
    await Deno.writeTextFile(join(folder, "deno.lock"), JSON.stringify(lock(wanted)));
    await mustDeno(["install", "--frozen"], { cwd: folder });
    return await Deno.readFile(join(folder, "node_modules", wanted.package, wanted.file));
  } catch (error) {
    throw new Error(`${specifier(wanted)} cannot be had: ${reason(error)}`, { cause: error });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function specifier(wanted: PackagedFile): string {
  return `npm:${wanted.package}@${wanted.release}`;
}

function installation(wanted: PackagedFile): unknown {
  return { nodeModulesDir: "auto", imports: { [wanted.package]: specifier(wanted) } };
}

function lock(wanted: PackagedFile): unknown {
  const { integrity, os, cpu } = wanted;
  const locked = { integrity, os: [os], cpu: [cpu], bin: true };
  return {
    version: "5",
    specifiers: { [specifier(wanted)]: wanted.release },
    npm: { [`${wanted.package}@${wanted.release}`]: locked },
    workspace: { dependencies: [specifier(wanted)] },
  };
}
