/** Asking somebody else for a secret: the request is registered before its link is given away. */
import { type Bytes, randomBytes } from "../../core/bytes.ts";
import { hashProof } from "../../core/share/keys.ts";
import { LINK_SECRET_LENGTH } from "../../core/share/link.ts";
import { deriveRequest, largestAnswer } from "../../core/share/request.ts";
import type { ShareApi } from "./api.ts";
import { once } from "./upload.ts";

/** What a request asks for. */
export interface RequestTerms {
  /** Seconds for which it may be answered, and for which the answer may then be read. */
  readonly ttl: number;
  /** Bytes of content that an answer may have. */
  readonly size: number;
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

/** Makes a request. @throws {CryptoError} what the server says */
export async function makeRequest(
  api: ShareApi,
  { ttl, size }: RequestTerms,
): Promise<Requested> {
  const seed = randomBytes(LINK_SECRET_LENGTH);
  const { id, publicKey, readProof, writeProof, receipt } = await deriveRequest(seed);
  const asked = {
    ...{ id, ttl, size: largestAnswer(size) },
    linkProofHash: await hashProof(readProof),
    writeProofHash: await hashProof(writeProof),
    receiptHash: await hashProof(receipt),
  };
  const expires = await once(api, { id, receipt }, () => api.call("request", asked));
  return { seed, publicKey, expires };
}
