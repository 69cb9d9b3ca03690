/**
 * What a link gives: the secret's id, the proofs that the server asks for, and the key of the body.
 * docs/sharing.md, "Derivations".
 */
import { type Bytes, concat, utf8 } from "../bytes.ts";
import { webCrypto } from "../engine.ts";
import { CryptoError } from "../errors.ts";
import { hkdfExpand } from "../hkdf.ts";
import { canonicalPassphrase } from "./code.ts";

/** Bytes of an id. */
export const ID_LENGTH = 16;
/** Bytes of every proof, token and receipt, and of their hashes. */
export const PROOF_LENGTH = 32;

/** What every label begins with. */
export const LABEL = "crypto/v1/share";
const SALT_LENGTH = 16;

/** By what a server knows a secret and its reader. */
export interface LinkProof {
  /** 16 bytes. */
  readonly id: Bytes;
  /** 32 bytes. */
  readonly linkProof: Bytes;
}

/** What opens a body. */
export interface BodyKey {
  /** 32 bytes, for Cobblestone-256. */
  readonly key: Bytes;
  /** 32 bytes; absent where the link is enough. */
  readonly passphraseProof?: Bytes | undefined;
}

/** scrypt with N 2^17, r 8, p 1 and 32 bytes of output: a page may run it in a worker. */
export type Scrypt = (password: Bytes, salt: Bytes) => Promise<Bytes>;

/** Id and proof of a link secret (32 bytes). */
export async function deriveLinkProof(secret: Bytes): Promise<LinkProof> {
  return {
    id: await labelled(secret, "id", ID_LENGTH),
    linkProof: await labelled(secret, "link-proof", PROOF_LENGTH),
  };
}

/** The body's key where the link is enough. */
export async function deriveLinkKey(secret: Bytes): Promise<BodyKey> {
  return { key: await labelled(secret, "key", PROOF_LENGTH) };
}

/**
 * The body's key and the second proof where a passphrase or code joins the link. Costs one scrypt.
 * @throws {CryptoError} `no_passphrase` unless it has 1 to 4,096 characters; `invalid_text`
 */
export async function derivePassphraseKey(
  secret: Bytes,
  passphrase: string,
  scrypt: Scrypt,
): Promise<Required<BodyKey>> {
  const password = utf8(canonicalPassphrase(passphrase));
  const salt = await labelled(secret, "salt", SALT_LENGTH);
  const stretched = await scrypt(password, salt);
  if (stretched.length !== PROOF_LENGTH) throw new CryptoError("internal");
  const extracted = new Uint8Array(64);
  await webCrypto.hmacSha512(utf8(LABEL), concat(secret, stretched), extracted);
  return {
    key: await labelled(extracted, "passphrase-key", PROOF_LENGTH),
    passphraseProof: await labelled(extracted, "passphrase-proof", PROOF_LENGTH),
  };
}

/** SHA-256: all that a server keeps of a proof, a token or a receipt. */
export async function hashProof(proof: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", proof));
}

/** HKDF-Expand under a label of sharing. A copy: what is derived leaves `core/`. */
export async function labelled(key: Bytes, label: string, length: number): Promise<Bytes> {
  return (await hkdfExpand(webCrypto, key, utf8(`${LABEL}/${label}`), length)).slice();
}
