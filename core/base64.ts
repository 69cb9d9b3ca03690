/** Byte strings as text. */
import { base64url } from "@scure/base";
import type { Bytes } from "./bytes.ts";
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
    if (text.includes("=")) throw new Error("padding");
    return base64url.decode(text + "=".repeat((4 - (text.length % 4)) % 4)) as Bytes;
  } catch {
    throw new CryptoError("malformed");
  }
}
