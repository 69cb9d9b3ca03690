/**
 * What install wrote down of itself, root's own: by it the files of ours are known from others'.
 * It is written before what it lists is done, so that an interrupted install is found.
 */
import { CryptoError } from "../core/errors.ts";

const FORMAT = 1;
const SHA256 = /^[0-9a-f]{64}$/;

/** The record of an installation. */
export interface Manifest {
  readonly version: string;
  /** Whether all of it has been done. */
  readonly complete: boolean;
  /** Paths to the SHA-256 of what install wrote there: of two versions during an upgrade. */
  readonly files: Readonly<Record<string, readonly string[]>>;
  /** Directories that were not there before. */
  readonly directories: readonly string[];
}

/**
 * A manifest as its file. That says where things are when its image runs.
 * @param root the directory of the image, or ""
 */
export function formatManifest(manifest: Manifest, root: string): string {
  const inside = renamed(manifest, (path) => path.slice(root.length));
  return JSON.stringify({ format: FORMAT, ...inside }, null, 2) + "\n";
}

/**
 * Reads a manifest's file.
 * @param root the directory of the image, or ""
 * @throws {CryptoError} `occupied` if it is none.
 */
export function parseManifest(
  text: string,
  { path, root }: { readonly path: string; readonly root: string },
): Manifest {
  const manifest = parse(text);
  if (manifest) return renamed(manifest, (inside) => root + inside);
  const hint = "this is not what `crypto install` wrote there, or a newer one did: move it away";
  throw new CryptoError("occupied", { subject: path, hint });
}

function renamed(
  { version, complete, files, directories }: Manifest,
  rename: (path: string) => string,
): Manifest {
  const entries = Object.entries(files).map(([path, hashes]) => [rename(path), hashes]);
  return {
    ...{ version, complete },
    files: Object.fromEntries(entries),
    directories: directories.map(rename),
  };
}

function parse(text: string): Manifest | undefined {
  try {
    const { format, version, complete, files, directories } = JSON.parse(text);
    const fits = format === FORMAT && typeof version === "string" &&
      typeof complete === "boolean" && isPathList(directories) &&
      isPathList(Object.keys(files)) && Object.values(files).every(isHashList);
    return fits ? { version, complete, files, directories } : undefined;
  } catch {
    return undefined;
  }
}

function isPathList(value: unknown): boolean {
  return Array.isArray(value) && value.every((path) => /^\/[^\0]*$/.test(path));
}

function isHashList(value: unknown): boolean {
  return Array.isArray(value) && value.every((hash) => SHA256.test(hash));
}
