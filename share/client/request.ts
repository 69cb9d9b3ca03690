/** Asking somebody else for a secret: the request is registered before its link is given away. */
import { type Bytes, randomBytes } from "../../core/bytes.ts";
import { CHUNK, SEALED_CHUNK } from "../../core/engine.ts";
import { hashProof } from "../../core/share/keys.ts";
import { isLink, LINK_SECRET_LENGTH, parseLink } from "../../core/share/link.ts";
import { parseReceipt, type Receipt } from "../../core/share/receipt.ts";
import { deriveRequest, deriveWriteProof, largestAnswer } from "../../core/share/request.ts";
import type { Answer, AnswerRefusal } from "../../core/share/wire.ts";
import { refusalError, type ShareApi } from "./api.ts";
import { limitsOf, requireWithin } from "./limits.ts";
import { once } from "./upload.ts";

/** What a request asks for if nobody says it, where the server allows that. */
const USUAL: { readonly ttl: number; readonly size: number } = { ttl: 604_800, size: 100_000_000 };

/** What a request asks for. */
export interface RequestTerms {
  /** Seconds for which it may be answered, and for which the answer may then be read. */
  readonly ttl?: number | undefined;
  /** Bytes of content that an answer may have. */
  readonly size?: number | undefined;
}

/** What the maker of a request gets. */
export interface Requested {
  /** 32 bytes: the own link is made of it. */
  readonly seed: Bytes;
  /** 32 bytes: the link that is given away is made of it. */
  readonly publicKey: Bytes;
  /** Until when it may be answered, in milliseconds since 1970. */
  readonly expires: number;
}

/** Makes a request. @throws {CryptoError} what the server says; `share_refused` with its limit */
export async function makeRequest(api: ShareApi, terms: RequestTerms): Promise<Requested> {
  const limits = await limitsOf(api);
  const ttl = terms.ttl ?? Math.min(USUAL.ttl, limits.ttl);
  const size = largestAnswer(terms.size ?? Math.min(USUAL.size, answerRoom(limits.size)));
  requireWithin({ ttl, size, views: 1 }, limits);
  const seed = randomBytes(LINK_SECRET_LENGTH);
  const { id, publicKey, readProof, writeProof, receipt } = await deriveRequest(seed);
  const asked = {
    ...{ id, ttl, size },
    linkProofHash: await hashProof(readProof),
    writeProofHash: await hashProof(writeProof),
    receiptHash: await hashProof(receipt),
  };
  const expires = await once(api, { id, receipt }, () => api.call("request", asked));
  return { seed, publicKey, expires };
}

/** What somebody with the request link may know before it is answered. */
export type SeenRequest = Exclude<Answer<"look-request">, AnswerRefusal>;

/** Bytes of content for which there is room in so many bytes of an answer's ciphertext. */
export function answerRoom(size: number): number {
  return Math.max(0, Math.floor((size - largestAnswer(0)) * CHUNK / SEALED_CHUNK));
}

/** Asks about a request, which changes nothing. @throws {CryptoError} why it is not to be answered */
export async function lookAtRequest(api: ShareApi, publicKey: Bytes): Promise<SeenRequest> {
  const seen = await api.call("look-request", await deriveWriteProof(publicKey));
  if ("state" in seen) throw refusalError(seen);
  return seen;
}

/**
 * What a holder shows: a receipt, or the own link of who made a request.
 * @throws {CryptoError} `bad_link`
 */
export async function receiptOf(holder: string): Promise<Receipt> {
  if (!isLink(holder)) return parseReceipt(holder);
  const { id, receipt } = await deriveRequest(parseLink(holder, ["own"]).secret);
  return { id, receipt };
}
