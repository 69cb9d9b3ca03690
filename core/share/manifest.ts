/** What is inside: before the bytes, a description of them that only the reader sees. */
import { type Bytes, concat, fromUtf8, utf8 } from "../bytes.ts";
import { CryptoError } from "../errors.ts";

/** One file of a secret. */
export interface SharedFile {
  /** Data, not to be trusted: see `safeName`. */
  readonly name: string;
  /** Media type as the sender says; may be empty. */
  readonly type: string;
  /** Bytes. */
  readonly size: number;
}

/** A text, or files one after the other. */
export type Manifest =
  | { readonly kind: "text" }
  | { readonly kind: "files"; readonly files: readonly SharedFile[] };

/** Bytes of the length before a manifest. */
export const MANIFEST_PREFIX = 4;
const MAX_MANIFEST = 65_536;
/** Bytes of the longest manifest with its length. */
export const LARGEST_HEAD = MANIFEST_PREFIX + MAX_MANIFEST;
const MAX_FILES = 1_000;

/** The first bytes of the plaintext. @throws {CryptoError} `too_large` */
export function encodeManifest(manifest: Manifest): Bytes {
  const json = utf8(JSON.stringify(manifest));
  const tooMany = manifest.kind === "files" && manifest.files.length > MAX_FILES;
  if (tooMany || json.length > MAX_MANIFEST) {
    throw new CryptoError("too_large", { hint: "send fewer files, or a folder, at once" });
  }
  const length = new DataView(new ArrayBuffer(MANIFEST_PREFIX));
  length.setUint32(0, json.length);
  return concat(new Uint8Array(length.buffer), json);
}

/** Bytes of the manifest that its first four bytes announce. @throws {CryptoError} `malformed` */
export function manifestLength(prefix: Bytes): number {
  const length = new DataView(prefix.buffer, prefix.byteOffset, MANIFEST_PREFIX).getUint32(0);
  if (length > MAX_MANIFEST) throw new CryptoError("malformed");
  return length;
}

/** Reads a manifest, without its length. @throws {CryptoError} `malformed` */
export function decodeManifest(json: Bytes): Manifest {
  const value = parse(json);
  if (isRecord(value, "kind") && value["kind"] === "text") return { kind: "text" };
  if (!isRecord(value, "kind", "files") || value["kind"] !== "files") throw unreadable();
  const files = value["files"];
  if (!Array.isArray(files) || files.length > MAX_FILES) throw unreadable();
  const read = files.map(readFile);
  if (!Number.isSafeInteger(totalSize(read))) throw unreadable();
  return { kind: "files", files: read };
}

/** Bytes of some files together. */
export function totalSize(files: readonly SharedFile[]): number {
  return files.reduce((sum, { size }) => sum + size, 0);
}

function readFile(value: unknown): SharedFile {
  if (!isRecord(value, "name", "type", "size")) throw unreadable();
  const { name, type, size } = value;
  const fits = typeof name === "string" && typeof type === "string" && typeof size === "number" &&
    Number.isSafeInteger(size) && size >= 0;
  if (!fits) throw unreadable();
  return { name, type, size };
}

function parse(json: Bytes): unknown {
  try {
    return JSON.parse(fromUtf8(json));
  } catch {
    throw unreadable();
  }
}

/** Whether a value is an object with just these fields. */
function isRecord(value: unknown, ...names: string[]): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const own = Object.keys(value);
  return own.length === names.length && names.every((name) => Object.hasOwn(value, name));
}

function unreadable(): CryptoError {
  return new CryptoError("malformed");
}
