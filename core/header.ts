/** The 13 bytes that every message starts with, and the ids of key versions in them. */
import type { Awaitable } from "./awaitable.ts";
import { toBase64Url } from "./base64.ts";
import { type Bytes, concatScratch, scratch, utf8 } from "./bytes.ts";
import { type Engine, webCrypto } from "./engine.ts";
import { CryptoError } from "./errors.ts";
import { hkdfExpand } from "./hkdf.ts";

const MAGIC = utf8("CRY1");
const KINDS = ["direct", "enveloped", "passphrase"] as const;

export const KEY_ID_LENGTH = 8;
export const HEADER_LENGTH = MAGIC.length + 1 + KEY_ID_LENGTH;

/** Under what a message is encrypted, and so what follows its header. */
export type MessageKind = (typeof KINDS)[number];

/** A header, read. */
export interface Header {
  readonly kind: MessageKind;
  /** 8 bytes; zero for a passphrase message. */
  readonly keyId: Bytes;
  /** The 13 bytes themselves, which the message's context starts with. */
  readonly bytes: Bytes;
}

/**
 * The public name of a key version: HKDF-Expand(key, "crypto/v1/key-id", 8).
 * @param key 32 bytes
 */
export function keyId(key: Bytes, engine: Engine = webCrypto): Awaitable<Bytes> {
  return hkdfExpand(engine, key, utf8("crypto/v1/key-id"), KEY_ID_LENGTH);
}

/** A key id as people and logs see it: 11 characters of base64url. */
export function formatKeyId(id: Bytes): string {
  return toBase64Url(id);
}

/** Makes a header. A passphrase message has no key id, and so eight zero bytes. */
export function makeHeader(kind: MessageKind, id: Bytes = new Uint8Array(KEY_ID_LENGTH)): Header {
  const bytes = scratch(HEADER_LENGTH);
  bytes.set(MAGIC);
  bytes[MAGIC.length] = KINDS.indexOf(kind);
  bytes.set(id, MAGIC.length + 1);
  return { kind, keyId: id, bytes };
}

/** Whether bytes begin as a message does; for telling formats apart, not for trusting them. */
export function looksLikeMessage(start: Uint8Array): boolean {
  return start.length >= MAGIC.length && MAGIC.every((byte, i) => start[i] === byte);
}

/**
 * Reads the header at the start of some bytes.
 * @throws {CryptoError} `malformed` if it is none of this version.
 */
export function readHeader(message: Bytes): Header {
  const bytes = concatScratch(message.subarray(0, HEADER_LENGTH));
  const kind = KINDS[bytes[MAGIC.length] ?? KINDS.length];
  if (bytes.length < HEADER_LENGTH || !looksLikeMessage(bytes) || kind === undefined) {
    throw new CryptoError("malformed");
  }
  const id = bytes.subarray(MAGIC.length + 1);
  if (kind === "passphrase" && id.some((byte) => byte !== 0)) throw new CryptoError("malformed");
  return { kind, keyId: id, bytes };
}
