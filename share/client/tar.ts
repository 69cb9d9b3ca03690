/** A folder as one archive: POSIX ustar (IEEE Std 1003.1, "pax"), which every system can unpack. */
import { type Bytes, utf8 } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";

const BLOCK = 512;
const NAME_BYTES = 100;
const PREFIX_BYTES = 155;
/** What eleven octal digits hold: 8 GiB. */
const MAX_SIZE = 8 ** 11 - 1;

/** One thing in an archive. */
export interface TarEntry {
  /** Relative, with `/`; a directory's has none at its end. */
  readonly name: string;
  readonly kind: "file" | "directory";
  /** Bytes. */
  readonly size: number;
  /** Permission bits. */
  readonly mode: number;
  /** Seconds since 1970. */
  readonly time: number;
}

/** Bytes of an archive of these. */
export function tarLength(entries: readonly TarEntry[]): number {
  return entries.reduce((sum, { size }) => sum + BLOCK + size + padding(size), 2 * BLOCK);
}

/** The two empty blocks that end an archive. */
export const TAR_END: Bytes = new Uint8Array(2 * BLOCK);

/** Zeroes after a file's bytes. */
export function padding(size: number): number {
  return (BLOCK - (size % BLOCK)) % BLOCK;
}

/** An entry's header block. @throws {CryptoError} `too_large` for what the format cannot hold */
export function tarHeader({ name, kind, size, mode, time }: TarEntry): Bytes {
  if (size > MAX_SIZE) throw new CryptoError("too_large", { subject: name });
  const block = new Uint8Array(BLOCK);
  const put = (at: number, text: string) => block.set(utf8(text), at);
  const octal = (at: number, length: number, value: number) => {
    put(at, value.toString(8).padStart(length - 1, "0"));
  };
  const [prefix, last] = splitName(kind === "directory" ? `${name}/` : name);
  put(0, last);
  octal(100, 8, mode & 0o777);
  octal(108, 8, 0);
  octal(116, 8, 0);
  octal(124, 12, size);
  octal(136, 12, Math.max(0, Math.floor(time)));
  put(148, " ".repeat(8));
  put(156, kind === "directory" ? "5" : "0");
  put(257, "ustar\x0000");
  put(345, prefix);
  put(148, `${block.reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, "0")}\0 `);
  return block;
}

/** A name in the two fields that it has room in, cut at a slash. */
function splitName(name: string): [prefix: string, last: string] {
  if (utf8(name).length <= NAME_BYTES) return ["", name];
  for (let at = name.indexOf("/"); at > 0; at = name.indexOf("/", at + 1)) {
    const [prefix, last] = [name.slice(0, at), name.slice(at + 1)];
    const fits = utf8(prefix).length <= PREFIX_BYTES && utf8(last).length <= NAME_BYTES;
    if (fits && last !== "") return [prefix, last];
  }
  const hint = "the path is too long for an archive: shorten it, or send the files by name";
  throw new CryptoError("too_large", { subject: name, hint });
}
