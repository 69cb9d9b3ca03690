/** Files and folders that are sent. */
import type { Bytes } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";
import { type Content, type Part, partsContent } from "./content.ts";
import { padding, TAR_END, type TarEntry, tarHeader, tarLength } from "./tar.ts";

/** One named file or folder. */
export interface NamedPath {
  /** Where it is, with no link left to follow. */
  readonly path: string;
  /** What its reader is told. */
  readonly name: string;
}

/** Files, and folders as archives. @throws {CryptoError} `io` */
export async function fileContent(paths: readonly NamedPath[]): Promise<Content> {
  return partsContent(await Promise.all(paths.map(openPart)));
}

async function openPart({ path, name }: NamedPath): Promise<Part> {
  const { isFile, isDirectory, size } = await reading(name, () => Deno.stat(path));
  if (isDirectory) return await folderPart(path, name);
  const hint = "this is neither a file nor a folder: pipe it in";
  if (!isFile) throw new CryptoError("io", { subject: name, hint });
  return { name, type: "", size, read: () => readFile(path, name, size) };
}

async function folderPart(root: string, name: string): Promise<Part> {
  const entries = await reading(name, () => Array.fromAsync(walk(root, name)));
  const read = async function* () {
    for (const { path, entry } of entries) {
      yield tarHeader(entry);
      if (entry.kind === "file") yield* readFile(path, entry.name, entry.size);
      yield new Uint8Array(padding(entry.size));
    }
    yield TAR_END;
  };
  const headers = entries.map(({ entry }) => entry);
  // What cannot be in an archive is refused before anything is sent.
  headers.forEach(tarHeader);
  return { name: `${name}.tar`, type: "application/x-tar", size: tarLength(headers), read };
}

/** A folder and all in it, in order. Links and devices are left out: they would lead elsewhere. */
async function* walk(
  path: string,
  name: string,
): AsyncGenerator<{ path: string; entry: TarEntry }> {
  const { isFile, isDirectory, size, mode, mtime } = await reading(name, () => Deno.lstat(path));
  if (!isFile && !isDirectory) return;
  const meta = { name, mode: mode ?? 0o600, time: (mtime?.getTime() ?? 0) / 1000 };
  if (isFile) return yield { path, entry: { ...meta, kind: "file", size } };
  yield { path, entry: { ...meta, kind: "directory", size: 0 } };
  const names = (await Array.fromAsync(Deno.readDir(path))).map((entry) => entry.name).sort();
  for (const child of names) yield* walk(`${path}/${child}`, `${name}/${child}`);
}

/** Bytes that are read at once: they stay in a core's cache with what becomes of them. */
const PIECE = 262_144;

/** Exactly `size` bytes of a file, all in one buffer that is filled again. @throws {CryptoError} `io` if it has become shorter */
async function* readFile(path: string, name: string, size: number): AsyncGenerator<Bytes> {
  using file = await reading(name, () => Deno.open(path));
  const buffer = new Uint8Array(Math.min(PIECE, size));
  for (let left = size; left > 0;) {
    // On this thread: each hand-over to another takes as long as the reading.
    // deno-lint-ignore require-await -- what it throws is to come as the promise's failure
    const read = await reading(name, async () => file.readSync(buffer.subarray(0, left)));
    if (read === null) {
      throw new CryptoError("io", {
        subject: name,
        hint: "the file became shorter: send it again",
      });
    }
    yield buffer.subarray(0, read);
    left -= read;
  }
}

/** A directory gives names that are no UTF-8 with U+FFFD, by which they are not found. */
function absent(name: string): string {
  return name.includes("\ufffd") ? "its name is not UTF-8: rename it" : "there is no such file";
}

async function reading<T>(name: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof CryptoError) throw cause;
    const hint = cause instanceof Deno.errors.NotFound ? absent(name) : undefined;
    throw new CryptoError("io", { subject: name, hint, cause });
  }
}
