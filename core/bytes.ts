/** Byte strings: joining, comparing, and the text that is in them. */
import { CryptoError } from "./errors.ts";

/** Bytes that own an ordinary buffer, which is what Web Crypto accepts. */
export type Bytes = Uint8Array<ArrayBuffer>;

export const EMPTY: Bytes = new Uint8Array(0);

const SLAB_LENGTH = 16_384;
let slab: Bytes = EMPTY;
let slabUsed = SLAB_LENGTH;

/**
 * Zeroed bytes for what stays inside: a small array of its own costs ten times as much as a view
 * of a larger one. A view must not reach a caller, who could look at its whole buffer.
 */
export function scratch(length: number): Bytes {
  if (length > SLAB_LENGTH / 8) return new Uint8Array(length);
  if (slabUsed + length > SLAB_LENGTH) [slab, slabUsed] = [new Uint8Array(SLAB_LENGTH), 0];
  return slab.subarray(slabUsed, slabUsed += length);
}

/** Joins byte strings in the order given. */
export function concat(...parts: readonly Uint8Array[]): Bytes {
  return join(parts, (length) => new Uint8Array(length));
}

/** The same for what stays inside; see {@link scratch}. */
export function concatScratch(...parts: readonly Uint8Array[]): Bytes {
  return join(parts, scratch);
}

function join(parts: readonly Uint8Array[], allocate: (length: number) => Bytes): Bytes {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = allocate(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/**
 * Compares two byte strings in time that depends on their lengths only.
 * For secrets and for whatever proves one; lengths are taken to be public.
 */
export function equalSecret(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

/** Cryptographically random bytes. `getRandomValues` gives at most 64 KiB, and so does this. */
export function randomBytes(length: number): Bytes {
  return crypto.getRandomValues(new Uint8Array(length));
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const quickDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
/** What {@link quickDecoder} puts where bytes are not UTF-8. */
const REPLACEMENT = "\uFFFD";

/**
 * UTF-8 of a text.
 * @throws {CryptoError} `invalid_text` for a lone surrogate, which UTF-8 cannot hold and
 * `TextEncoder` would silently replace.
 */
export function utf8(text: string): Bytes {
  if (!text.isWellFormed()) throw new CryptoError("invalid_text");
  return encoder.encode(text);
}

/** The same for what stays inside; see {@link scratch}. @throws {CryptoError} `invalid_text` */
export function utf8Scratch(text: string): Bytes {
  // Mostly each character is one byte.
  const bytes = scratch(text.length);
  const { read, written } = encoder.encodeInto(text, bytes);
  return read === text.length && written === read ? bytes : utf8(text);
}

/**
 * The text that some bytes are the UTF-8 of.
 * @throws {CryptoError} `invalid_text` if they are not UTF-8.
 */
export function fromUtf8(bytes: Uint8Array): string {
  // The decoder that only replaces is several times faster, and mostly there is nothing to doubt.
  const text = quickDecoder.decode(bytes);
  if (!text.includes(REPLACEMENT)) return text;
  try {
    return decoder.decode(bytes);
  } catch {
    throw new CryptoError("invalid_text");
  }
}
