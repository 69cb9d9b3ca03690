/** Byte strings as text. */
import { base64url } from "@scure/base";
import { type Bytes, scratch } from "./bytes.ts";
import { CryptoError } from "./errors.ts";

/** base64url without padding (RFC 4648, section 5). */
export function toBase64Url(bytes: Uint8Array): string {
  const padded = base64url.encode(bytes);
  const end = padded.indexOf("=");
  return end < 0 ? padded : padded.slice(0, end);
}

/**
 * Reads base64url without padding. Only the one canonical spelling is accepted: no padding, no
 * white space, unused bits zero.
 * @throws {CryptoError} `malformed`; the error quotes nothing of the input.
 */
export function fromBase64Url(text: string): Bytes {
  try {
    return base64url.decode(padded(text)) as Bytes;
  } catch {
    throw new CryptoError("malformed");
  }
}

/**
 * The same for what stays inside; see {@link scratch}. Where the platform can write to bytes that
 * are there, that takes a third of the time.
 */
export function fromBase64UrlScratch(text: string): Bytes {
  if (!Uint8Array.prototype.setFromBase64) return fromBase64Url(text);
  try {
    const encoded = padded(text);
    const bytes = scratch(Math.floor(text.length * 3 / 4));
    // White space is passed over, and then there is less.
    if (bytes.setFromBase64(encoded, STRICT).written === bytes.length) return bytes;
  } catch {
    // Then it is none.
  }
  throw new CryptoError("malformed");
}

const STRICT = { alphabet: "base64url", lastChunkHandling: "strict" } as const;

/** @throws {Error} if it has padding, or no length that could have any */
function padded(text: string): string {
  const rest = text.length % 4;
  if (text.includes("=") || rest === 1) throw new Error("padding");
  return rest === 0 ? text : text + (rest === 2 ? "==" : "=");
}
