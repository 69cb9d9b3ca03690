/** Sending a secret, or the answer to a request: encrypted here, in constant memory. */
import { type Bytes, EMPTY, randomBytes } from "../../core/bytes.ts";
import { CHUNK, type Engine, SEALED_CHUNK } from "../../core/engine.ts";
import { CryptoError } from "../../core/errors.ts";
import { bodyLength, type BodySealer, createBodySealer } from "../../core/share/body.ts";
import {
  deriveLinkKey,
  deriveLinkProof,
  derivePassphraseKey,
  hashProof,
  PROOF_LENGTH,
} from "../../core/share/keys.ts";
import { LINK_SECRET_LENGTH } from "../../core/share/link.ts";
import { ANSWER_TERMS, deriveWriteProof, newAnswerKey } from "../../core/share/request.ts";
import { scrypt } from "../../core/share/scrypt.ts";
import type { Terms } from "../../core/share/terms.ts";
import type { ShareApi } from "./api.ts";
import type { Content } from "./content.ts";
import { limitsOf, withLimit } from "./limits.ts";
import { regroup } from "./pieces.ts";
import { lookAtRequest } from "./request.ts";
import { type Beginning, type OnProgress, sendBody } from "./upload.ts";

/** How something is sent. */
export interface SealOptions {
  readonly engine?: Engine | undefined;
  readonly onProgress?: OnProgress | undefined;
}

/** Seconds that a secret is kept if nobody says how long, where the server allows it. */
const USUAL_TTL = 86_400;

/** What is asked for. */
export interface SendOptions extends SealOptions {
  readonly terms: Pick<Terms, "views"> & { readonly ttl?: number | undefined };
  /** Joins the link; a code is one, too. */
  readonly passphrase?: string | undefined;
}

/** What an answerer gets. */
export interface Answered {
  /** 16 bytes. */
  readonly id: Bytes;
  /** 32 bytes. */
  readonly receipt: Bytes;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

/** What a sender gets. */
export interface Sent extends Answered {
  /** 32 bytes: what the link is made of. */
  readonly secret: Bytes;
}

/**
 * Sends.
 * @throws {CryptoError} what the server says, `io`, `no_passphrase`; `share_refused` with its limit
 */
export async function sendSecret(
  api: ShareApi,
  content: Content,
  { terms: asked, passphrase, engine, onProgress }: SendOptions,
): Promise<Sent> {
  const [secret, receipt] = [randomBytes(LINK_SECRET_LENGTH), randomBytes(PROOF_LENGTH)];
  const size = bodyLength(content.manifest, content.length);
  const ttl = asked.ttl ?? Math.min(USUAL_TTL, (await limitsOf(api)).ttl);
  const terms = { ...asked, ttl, kind: "secret", passphrase: passphrase !== undefined } as const;
  const { id, linkProof } = await deriveLinkProof(secret);
  const { key, passphraseProof } = passphrase === undefined
    ? await deriveLinkKey(secret)
    : await derivePassphraseKey(secret, passphrase, scrypt);
  const sealing = await createBodySealer(key, terms, content.manifest, { engine });
  const record = {
    id,
    linkProofHash: await hashProof(linkProof),
    passphraseProofHash: passphraseProof && await hashProof(passphraseProof),
    receiptHash: await hashProof(receipt),
    kind: terms.kind,
    ttl,
    views: terms.views,
    size,
  };
  const creation = {
    ...{ id, receipt, size },
    create: async (beginning: Beginning) => {
      return await api.call("create", { ...record, ...beginning }).catch(async (error) => {
        throw await withLimit(error, api, record);
      });
    },
    abandon: () => api.callOnce("revoke", { id, receipt }),
  };
  const expires = await sendBody(api, creation, sealed(sealing, content.read()), onProgress);
  return { secret, id, receipt, expires };
}

/**
 * Answers a request. Only who has its seed can read that.
 * @param publicKey 32 bytes, out of the request link
 * @throws {CryptoError} what the server says, `bad_link`, `share_refused` if it is too large
 */
export async function sendAnswer(
  api: ShareApi,
  publicKey: Bytes,
  content: Content,
  { engine, onProgress }: SealOptions = {},
): Promise<Answered> {
  const { id, writeProof } = await deriveWriteProof(publicKey);
  const request = await lookAtRequest(api, publicKey);
  const { encapsulated, key } = await newAnswerKey(publicKey);
  const size = encapsulated.length + bodyLength(content.manifest, content.length);
  requireRoom(size, request.size);
  const terms = { ...ANSWER_TERMS, ttl: request.ttl };
  const sealing = await createBodySealer(key, terms, content.manifest, { engine });
  const receipt = randomBytes(PROOF_LENGTH);
  const record = { id, writeProof, receiptHash: await hashProof(receipt), size };
  const creation = {
    ...{ id, receipt, size },
    // Not to be abandoned: to revoke it would end the request, which waits again in an hour.
    create: (beginning: Beginning) => api.call("answer", { ...record, ...beginning }),
  };
  const body = sealed(sealing, content.read(), encapsulated);
  return { id, receipt, expires: await sendBody(api, creation, body, onProgress) };
}

function requireRoom(size: number, largest: number): void {
  if (size <= largest) return;
  const hint = `the request takes at most ${largest} bytes, encrypted; this has ${size}`;
  throw new CryptoError("share_refused", { hint });
}

/** The ciphertext, each piece to be used before the next is asked for. */
export async function* sealed(
  { head, sealer }: BodySealer,
  content: AsyncIterable<Bytes>,
  beginning: Bytes = EMPTY,
) {
  const { chunksAtOnce } = sealer;
  const room = new Uint8Array(chunksAtOnce * SEALED_CHUNK);
  yield beginning;
  yield sealer.prefix;
  for await (const piece of regroup(plaintext(head, content), chunksAtOnce * CHUNK)) {
    yield await sealer.update(piece, room);
  }
  yield await sealer.finish();
}

async function* plaintext(head: Bytes, content: AsyncIterable<Bytes>) {
  yield head;
  yield* content;
}
