/**
 * Fernet tokens (the specification is github.com/fernet/spec, `Spec.md`), read and written for
 * keys of that purpose, so that what the Python service before this one encrypted stays readable.
 * AES-128-CBC and HMAC-SHA-256, both from Web Crypto.
 */
import { base64url } from "@scure/base";
import { type Bytes, concat, equalSecret, randomBytes } from "./bytes.ts";
import { CryptoError } from "./errors.ts";

const VERSION = 0x80;
const TIME_LENGTH = 8;
const IV_LENGTH = 16;
const MAC_LENGTH = 32;
const BLOCK = 16;
const BODY_START = 1 + TIME_LENGTH + IV_LENGTH;
const MAX_CLOCK_SKEW = 60;

/** The time, in seconds since 1970, and what else a token depends on. */
export interface FernetOptions {
  /** Now, in seconds; the system clock's by default. */
  readonly now?: number | undefined;
  /** Tokens older than this many seconds are refused; no limit by default. */
  readonly ttl?: number | undefined;
}

const systemSeconds = () => Math.floor(Date.now() / 1000);

/**
 * Whether a text begins as every Fernet token of these centuries does: version 0x80 and a time
 * below 2^36. For telling formats apart, not for trusting them.
 */
export function looksLikeFernet(text: string): boolean {
  return text.startsWith("gAAAAA");
}

/**
 * Reads a Fernet key: base64url of 32 bytes, padded as `Fernet.generate_key` prints it.
 * @throws {CryptoError} `malformed`
 */
export function readFernetKey(text: string): Bytes {
  const key = decodePadded(text);
  if (key.length !== 32) throw new CryptoError("malformed", { subject: "Fernet key" });
  return key;
}

function decodePadded(text: string): Bytes {
  try {
    return base64url.decode(text) as Bytes;
  } catch {
    throw new CryptoError("malformed");
  }
}

async function hmac(key: Bytes, data: Bytes): Promise<Bytes> {
  const algorithm = { name: "HMAC", hash: "SHA-256" };
  const signing = key.subarray(0, 16);
  const imported = await crypto.subtle.importKey("raw", signing, algorithm, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, data));
}

function cbcKey(key: Bytes, usage: "encrypt" | "decrypt"): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", key.subarray(16), "AES-CBC", false, [usage]);
}

/**
 * Encrypts to a token.
 * @param key 32 bytes: 16 to sign, 16 to encrypt
 * @param iv 16 bytes, for test vectors only
 */
export async function sealFernet(
  key: Bytes,
  plaintext: Bytes,
  { now = systemSeconds(), iv = randomBytes(IV_LENGTH) }:
    & FernetOptions
    & { readonly iv?: Bytes | undefined } = {},
): Promise<string> {
  const time = new Uint8Array(TIME_LENGTH);
  new DataView(time.buffer).setBigUint64(0, BigInt(now));
  const cipher = await crypto.subtle.encrypt(
    { name: "AES-CBC", iv },
    await cbcKey(key, "encrypt"),
    plaintext,
  );
  const signed = concat(new Uint8Array([VERSION]), time, iv, new Uint8Array(cipher));
  return base64url.encode(concat(signed, await hmac(key, signed)));
}

/** Whether the token's time lies in what the options allow. */
function timely(token: Bytes, { now = systemSeconds(), ttl }: FernetOptions): boolean {
  if (ttl === undefined) return true;
  const made = Number(new DataView(token.buffer, token.byteOffset).getBigUint64(1));
  return made + ttl >= now && made <= now + MAX_CLOCK_SKEW;
}

/**
 * Decrypts a token.
 * @throws {CryptoError} `malformed` if it is no token, `decryption_failed` for all else.
 */
export async function openFernet(
  key: Bytes,
  text: string,
  options: FernetOptions = {},
): Promise<Bytes> {
  const token = decodePadded(text);
  const bodyLength = token.length - BODY_START - MAC_LENGTH;
  if (token[0] !== VERSION || bodyLength < BLOCK || bodyLength % BLOCK !== 0) {
    throw new CryptoError("malformed");
  }
  const signed = token.subarray(0, -MAC_LENGTH);
  const authentic = equalSecret(await hmac(key, signed), token.subarray(-MAC_LENGTH));
  if (!authentic || !timely(token, options)) throw new CryptoError("decryption_failed");
  return await decryptBody(key, signed);
}

async function decryptBody(key: Bytes, signed: Bytes): Promise<Bytes> {
  const iv = signed.subarray(1 + TIME_LENGTH, BODY_START);
  try {
    const params = { name: "AES-CBC", iv };
    const body = signed.subarray(BODY_START);
    return new Uint8Array(
      await crypto.subtle.decrypt(params, await cbcKey(key, "decrypt"), body),
    );
  } catch {
    throw new CryptoError("decryption_failed");
  }
}
