/**
 * Message authentication codes under keys of the purpose `mac`: who may verify one learns that
 * somebody who might make it did, of these data in this context. docs/format.md, section 14.
 */
import { fromBase64Url, toBase64Url } from "./base64.ts";
import { type Bytes, concat, concatScratch, EMPTY, equalSecret, scratch, utf8 } from "./bytes.ts";
import { webCrypto } from "./engine.ts";
import { CryptoError } from "./errors.ts";
import { KEY_ID_LENGTH } from "./header.ts";
import { type KeyVersion, type MessageOptions, requireContext } from "./message.ts";

export const MAC_PREFIX = "crypto:mac:v1:";
/** Bytes of SHA-512. */
export const DIGEST_LENGTH = 64;

const TAG_LENGTH = 32;
/** The zero byte ends it: no other label of this key's HMAC can begin like this one. */
const LABEL = utf8("crypto/v1/mac\0");

/** A mac, read. */
export interface Mac {
  /** 8 bytes: the key version that made it, or so it says. */
  readonly keyId: Bytes;
  /** 32 bytes. */
  readonly tag: Bytes;
}

/** What a mac is of: the SHA-512 of the data, so that data of any length stay where they are. */
export async function digestOf(data: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-512", data));
}

/**
 * Makes the mac of some data, as text.
 * @param digest of the data, 64 bytes
 */
export async function makeMac(
  version: KeyVersion,
  digest: Bytes,
  options: MessageOptions = {},
): Promise<string> {
  return MAC_PREFIX + toBase64Url(concat(version.id, await tagOf(version, digest, options)));
}

/**
 * Reads a mac from text. Nothing but the one canonical spelling is accepted.
 * @throws {CryptoError} `malformed`
 */
export function readMac(text: string): Mac {
  if (!text.startsWith(MAC_PREFIX)) throw new CryptoError("malformed");
  const bytes = fromBase64Url(text.slice(MAC_PREFIX.length));
  if (bytes.length !== KEY_ID_LENGTH + TAG_LENGTH) throw new CryptoError("malformed");
  return { keyId: bytes.subarray(0, KEY_ID_LENGTH), tag: bytes.subarray(KEY_ID_LENGTH) };
}

/**
 * Makes sure that a mac was made by this key version, of the data with this digest, in this context.
 * @throws {CryptoError} `verification_failed`, whatever is another
 */
export async function verifyMac(
  version: KeyVersion,
  { tag }: Mac,
  digest: Bytes,
  options: MessageOptions = {},
): Promise<void> {
  if (equalSecret(tag, await tagOf(version, digest, options))) return;
  throw new CryptoError("verification_failed");
}

async function tagOf(
  { material }: KeyVersion,
  digest: Bytes,
  { context = EMPTY, engine = webCrypto }: MessageOptions,
): Promise<Bytes> {
  if (digest.length !== DIGEST_LENGTH) throw new RangeError("a digest has 64 bytes");
  const output = scratch(DIGEST_LENGTH);
  const input = concatScratch(LABEL, digest, requireContext(context));
  await engine.hmacSha512(material, input, output);
  return output.subarray(0, TAG_LENGTH);
}
