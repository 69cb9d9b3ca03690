/** Opening a secret: taken under a token of one's own, decrypted here, then acknowledged. */
import type { Bytes } from "../../core/bytes.ts";
import type { Engine } from "../../core/engine.ts";
import { CryptoError, type ErrorCode } from "../../core/errors.ts";
import { BodyReader, type KeyInBody } from "../../core/share/body.ts";
import {
  deriveLinkKey,
  deriveLinkProof,
  derivePassphraseKey,
  type LinkProof,
} from "../../core/share/keys.ts";
import type { LinkKind } from "../../core/share/link.ts";
import { ANSWER_TERMS, answerKey, deriveRequest } from "../../core/share/request.ts";
import { scrypt } from "../../core/share/scrypt.ts";
import type { Terms } from "../../core/share/terms.ts";
import type { Answer, Refusal } from "../../core/share/wire.ts";
import { refusalError, type ShareApi } from "./api.ts";
import type { Claim } from "./claim.ts";
import { type BodyFrom, download, type Output, writeOut } from "./download.ts";
import type { OnProgress } from "./upload.ts";

/** What somebody with the link may know before it is taken. */
export type Seen = Exclude<Answer<"look">, Refusal>;

/** What a link is known and read by: of a secret, or of the answer to a request of one's own. */
export async function readProof(kind: LinkKind, secret: Bytes): Promise<LinkProof> {
  return kind === "own" ? await proofOf(secret) : await deriveLinkProof(secret);
}

/** Asks about a secret, which consumes nothing. @throws {CryptoError} why it is not given */
export async function lookAt(api: ShareApi, proof: LinkProof): Promise<Seen> {
  const seen = await api.call("look", proof);
  if ("state" in seen) throw refusalError(seen);
  return seen;
}

async function proofOf(seed: Bytes): Promise<LinkProof> {
  const { id, readProof: linkProof } = await deriveRequest(seed);
  return { id, linkProof };
}

/** How something is opened. */
export interface ReadOptions {
  readonly claim: Claim;
  readonly output: Output;
  readonly engine?: Engine | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** How a secret is opened. */
export interface OpenOptions extends ReadOptions {
  readonly passphrase?: string | undefined;
}

/**
 * Takes a secret, writes it and then has it erased.
 * @returns whether the server has confirmed that; if not, it erases when the claim ends
 * @throws {CryptoError} why it is not given; `wrong_passphrase`, `decryption_failed`, `malformed`
 */
export async function openSecret(
  api: ShareApi,
  secret: Bytes,
  { passphrase, ...options }: OpenOptions,
): Promise<boolean> {
  const proof = await deriveLinkProof(secret);
  const keys = passphrase === undefined
    ? await deriveLinkKey(secret)
    : await derivePassphraseKey(secret, passphrase, scrypt);
  const given = { passphrase: passphrase !== undefined };
  return await open(api, { ...proof, ...keys, terms: given }, options);
}

/** The same with the answer to the request with this seed. */
export async function openAnswer(
  api: ShareApi,
  seed: Bytes,
  options: ReadOptions,
): Promise<boolean> {
  const keys = { ...await proofOf(seed), key: answerKey(seed), terms: ANSWER_TERMS };
  return await open(api, keys, options);
}

/** What takes a body and opens it. */
interface Keys extends LinkProof {
  readonly passphraseProof?: Bytes | undefined;
  readonly key: Bytes | KeyInBody;
  /** What the reader knows by itself, whatever the server says. */
  readonly terms: Partial<Terms> & Pick<Terms, "passphrase">;
}

/** What says that nothing was taken, or that nothing is left to be asked for. */
const OVER: readonly ErrorCode[] = [
  "passphrase_needed",
  "share_expired",
  "share_locked",
  "share_opened",
  "share_revoked",
  "share_unavailable",
  "share_uploading",
  "wrong_passphrase",
];

async function open(
  api: ShareApi,
  { id, linkProof, passphraseProof, key, terms }: Keys,
  { claim, output, engine, onProgress }: ReadOptions,
): Promise<boolean> {
  const taker = { id, claimToken: claim.token };
  const taken = await api.call("take", { ...taker, linkProof, passphraseProof }).catch((error) => {
    if (error instanceof CryptoError && OVER.includes(error.code)) claim.end();
    throw error;
  });
  const { body, size } = taken;
  const from: BodyFrom = body
    ? (offset) => [body.subarray(offset)]
    : (offset) => download(api, { ...taker, offset }, size, onProgress);
  const reader = new BodyReader(key, { ...taken, ...terms }, { engine });
  await writeOut(from, { reader, output, claim });
  const erased = await api.call("acknowledge", taker).then(() => true, () => false);
  // Where that is not known, who opens the link again has it erased.
  if (erased) claim.end();
  return erased;
}
