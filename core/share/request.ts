/**
 * Requests: a link into which somebody else puts a secret for its maker. What the seed in the own
 * link gives, what the public key in the link that is given away gives, and the key of an answer,
 * by HPKE (RFC 9180). docs/sharing.md, "Requests".
 */
import { AEAD_EXPORT_ONLY, CipherSuite, KDF_HKDF_SHA256, KEM_DHKEM_X25519_HKDF_SHA256 } from "hpke";
import { type Bytes, concat, utf8 } from "../bytes.ts";
import { sealedLength } from "../cobblestone.ts";
import { webCrypto } from "../engine.ts";
import { CryptoError } from "../errors.ts";
import type { KeyInBody } from "./body.ts";
import { ID_LENGTH, LABEL, labelled, PROOF_LENGTH } from "./keys.ts";
import { LARGEST_HEAD } from "./manifest.ts";

/** Bytes of the encapsulated key, which an answer's body begins with. */
export const ENCAPSULATED_LENGTH = 32;
/** An answer is for its requester alone. */
export const ANSWER_TERMS = { kind: "answer", views: 1, passphrase: false } as const;

const INFO = utf8(`${LABEL}/answer\0\x01`);
const EXPORTER = utf8(`${LABEL}/answer-key`);
const suite = new CipherSuite(KEM_DHKEM_X25519_HKDF_SHA256, KDF_HKDF_SHA256, AEAD_EXPORT_ONLY);

/** Bytes of ciphertext that an answer with this much content may have. */
export function largestAnswer(content: number): number {
  return ENCAPSULATED_LENGTH + sealedLength(LARGEST_HEAD + content);
}

/** By what a server knows a request and who may answer it. */
export interface WriteProof {
  /** 16 bytes. */
  readonly id: Bytes;
  /** 32 bytes. */
  readonly writeProof: Bytes;
}

/** All that the maker of a request has. */
export interface RequestKeys extends WriteProof {
  /** 32 bytes: what the link that is given away is made of. */
  readonly publicKey: Bytes;
  /** 32 bytes: the link proof by which the answer is taken. */
  readonly readProof: Bytes;
  /** 32 bytes: for the state, and to revoke. */
  readonly receipt: Bytes;
}

/** Everything that a seed (32 random bytes) gives. */
export async function deriveRequest(seed: Bytes): Promise<RequestKeys> {
  const publicKey = bytesOf(await suite.SerializePublicKey((await keyPair(seed)).publicKey));
  return {
    publicKey,
    ...await deriveWriteProof(publicKey),
    readProof: await labelled(seed, "read-proof", PROOF_LENGTH),
    receipt: await labelled(seed, "request-receipt", PROOF_LENGTH),
  };
}

/** What the public key in a request link gives. */
export async function deriveWriteProof(publicKey: Bytes): Promise<WriteProof> {
  const extracted = new Uint8Array(64);
  await webCrypto.hmacSha512(utf8(`${LABEL}/request`), publicKey, extracted);
  return {
    id: await labelled(extracted, "request-id", ID_LENGTH),
    writeProof: await labelled(extracted, "write-proof", PROOF_LENGTH),
  };
}

/** The key of one answer, and what its reader gets it back from. */
export interface AnswerKey {
  /** 32 bytes, which the body begins with. */
  readonly encapsulated: Bytes;
  /** 32 bytes, for Cobblestone-256. */
  readonly key: Bytes;
}

/** A new key for an answer. @throws {CryptoError} `bad_link` for a point of low order */
export async function newAnswerKey(publicKey: Bytes): Promise<AnswerKey> {
  const info = await infoOf(publicKey);
  try {
    const key = await suite.DeserializePublicKey(publicKey);
    const sent = await suite.SendExport(key, EXPORTER, PROOF_LENGTH, { info });
    return { encapsulated: bytesOf(sent.encapsulatedSecret), key: bytesOf(sent.exportedSecret) };
  } catch {
    throw new CryptoError("bad_link");
  }
}

/** The key of the answer to the request with this seed, for a reader of its body. */
export function answerKey(seed: Bytes): KeyInBody {
  return { length: ENCAPSULATED_LENGTH, derive: (encapsulated) => openKey(seed, encapsulated) };
}

async function openKey(seed: Bytes, encapsulated: Bytes): Promise<Bytes> {
  const pair = await keyPair(seed);
  const info = await infoOf(bytesOf(await suite.SerializePublicKey(pair.publicKey)));
  try {
    return bytesOf(await suite.ReceiveExport(pair, encapsulated, EXPORTER, PROOF_LENGTH, { info }));
  } catch {
    throw new CryptoError("decryption_failed");
  }
}

async function keyPair(seed: Bytes) {
  return await suite.DeriveKeyPair(await labelled(seed, "request-key", PROOF_LENGTH));
}

async function infoOf(publicKey: Bytes): Promise<Bytes> {
  return concat(INFO, (await deriveWriteProof(publicKey)).id);
}

function bytesOf(bytes: Uint8Array): Bytes {
  return new Uint8Array(bytes);
}
