/** A message as one line of text: `crypto:v1:` and base64url without padding. */
import { type Bytes, fromBase64Url, toBase64Url } from "./bytes.ts";
import { CryptoError } from "./errors.ts";

export const ARMOR_PREFIX = "crypto:v1:";

/** Writes a message as text, without a line break. */
export function armor(message: Bytes): string {
  return ARMOR_PREFIX + toBase64Url(message);
}

/**
 * Reads a message from text. Nothing but the one canonical spelling is accepted.
 * @throws {CryptoError} `malformed`
 */
export function unarmor(text: string): Bytes {
  if (!text.startsWith(ARMOR_PREFIX)) throw new CryptoError("malformed");
  return fromBase64Url(text.slice(ARMOR_PREFIX.length));
}
