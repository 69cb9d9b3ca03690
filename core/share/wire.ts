/**
 * The HTTP API: every request and answer as a codec, which both sides use. Ids, proofs and tokens
 * travel in bodies and one header, never in an address. docs/sharing.md, "API".
 */
import { fromBase64Url, toBase64Url } from "../base64.ts";
import { type Bytes, concat } from "../bytes.ts";
import {
  bytes,
  type Codec,
  either,
  flag,
  integer,
  list,
  misfit,
  object,
  oneOf,
  optional,
} from "./codec.ts";
import { ID_LENGTH, PROOF_LENGTH } from "./keys.ts";
import { INLINE_BYTES, TTL_RANGE, VIEWS_RANGE } from "./terms.ts";

const id = bytes(ID_LENGTH);
const proof = bytes(PROOF_LENGTH);
const kind = oneOf("secret", "answer");
const ttl = integer(TTL_RANGE.least, TTL_RANGE.most);
const views = integer(VIEWS_RANGE.least, VIEWS_RANGE.most);
const size = integer(0);
/** Milliseconds since 1970. */
const time = integer(0);
const empty = object({});

/** The longest address of a place, in characters. */
const MAX_URL = 4_096;
/** The longest piece that a server may ask for: whoever sends keeps it until it has arrived. */
const MAX_PIECE = 67_108_864;

/** A request that the client makes itself, to where bodies are kept; and the headers it may have. */
const place = {
  url: text(MAX_URL),
  headers: object({ "if-none-match": optional(oneOf("*")), range: optional(text()) }),
};

/** Why a secret is not given, to who has the link; and since when. */
const refusal = object({
  state: oneOf("waiting", "uploading", "locked", "used", "revoked", "expired"),
  since: time,
});

/** Why a request is not to be answered, to who has its link; and since when. */
const answerRefusal = object({
  state: oneOf("uploading", "answered", "revoked", "expired"),
  since: time,
});

const seen = object({
  kind,
  ttl,
  views,
  size,
  passphrase: flag,
  expires: time,
  attemptsLeft: integer(0),
});

const holder = object({ id, receipt: proof });

/** A secret as its sender may see it. */
const status = object({
  state: oneOf("waiting", "uploading", "live", "locked", "used", "revoked", "expired"),
  since: time,
  kind,
  ttl,
  views,
  size,
  passphrase: flag,
  created: time,
  expires: time,
  attemptsLeft: integer(0),
  taken: list(object({ at: time, acknowledged: flag }), VIEWS_RANGE.most),
});

/** Every call with a JSON body, by the last part of its path `/api/…`. */
export const API = {
  create: {
    request: object({
      id,
      linkProofHash: proof,
      passphraseProofHash: optional(proof),
      receiptHash: proof,
      uploadTokenHash: optional(proof),
      kind: oneOf("secret"),
      ttl,
      views,
      size,
      body: optional(bytes(INLINE_BYTES, 0)),
    }),
    answer: object({ expires: time }),
  },
  request: {
    request: object({
      id,
      /** Of the reading proof. */
      linkProofHash: proof,
      writeProofHash: proof,
      receiptHash: proof,
      ttl,
      /** Of the largest answer. */
      size: integer(1),
    }),
    answer: object({ expires: time }),
  },
  "look-request": {
    request: object({ id, writeProof: proof }),
    answer: either(object({ ttl, size, expires: time }), "state", answerRefusal),
  },
  answer: {
    request: object({
      id,
      writeProof: proof,
      receiptHash: proof,
      uploadTokenHash: optional(proof),
      size: integer(1),
      body: optional(bytes(INLINE_BYTES, 0)),
    }),
    answer: object({ expires: time }),
  },
  "upload-state": {
    request: object({ id, uploadToken: proof }),
    answer: object({
      offset: size,
      expires: optional(time),
      next: optional(object({ ...place, length: integer(1, MAX_PIECE) })),
    }),
  },
  look: {
    request: object({ id, linkProof: proof }),
    answer: either(seen, "state", refusal),
  },
  take: {
    request: object({
      id,
      linkProof: proof,
      passphraseProof: optional(proof),
      claimToken: proof,
    }),
    answer: object({
      kind,
      ttl,
      views,
      passphrase: flag,
      size,
      until: time,
      body: optional(bytes(INLINE_BYTES, 0)),
    }),
  },
  body: {
    request: object({ id, claimToken: proof, offset: size }),
    /** Where it is; or not JSON, but the bytes themselves. */
    answer: object(place),
  },
  storage: { request: empty, answer: object({ origin: optional(text()) }) },
  /** What new secrets may have at most. */
  limits: { request: empty, answer: object({ ttl, views, size: integer(1) }) },
  acknowledge: { request: object({ id, claimToken: proof }), answer: empty },
  status: { request: holder, answer: status },
  revoke: { request: holder, answer: status },
  unlock: { request: holder, answer: status },
} as const;

/** The calls with a JSON body. */
export type Call = keyof typeof API;
type Value<C> = C extends Codec<infer T> ? T : never;
/** What a call is asked. */
export type Request<C extends Call> = Value<(typeof API)[C]["request"]>;
/** What a call answers. */
export type Answer<C extends Call> = Value<(typeof API)[C]["answer"]>;
/** A request that the client makes itself. */
export type Place = Answer<"body">;
/** Why a secret is not given. */
export type Refusal = Value<typeof refusal>;
/** Why a request is not to be answered. */
export type AnswerRefusal = Value<typeof answerRefusal>;

/** What comes with a piece of an upload, whose body is bytes. */
export interface UploadPlace {
  readonly id: Bytes;
  readonly uploadToken: Bytes;
  /** Bytes that are there already. */
  readonly offset: number;
}

/** The header of `/api/upload`. */
export const UPLOAD_HEADER = "crypto-share";
const OFFSET_AT = ID_LENGTH + PROOF_LENGTH;
const PLACE_LENGTH = OFFSET_AT + 8;

/** Writes the header's value. */
export function formatUploadPlace({ id, uploadToken, offset }: UploadPlace): string {
  const end = new DataView(new ArrayBuffer(8));
  end.setBigUint64(0, BigInt(offset));
  return toBase64Url(concat(id, uploadToken, new Uint8Array(end.buffer)));
}

/** Reads the header's value. @throws {CryptoError} `invalid_params` */
export function parseUploadPlace(text: string | null): UploadPlace {
  const all = decode(text ?? "");
  if (all.length !== PLACE_LENGTH) throw misfit(UPLOAD_HEADER);
  const offset = Number(new DataView(all.buffer, all.byteOffset).getBigUint64(OFFSET_AT));
  if (!Number.isSafeInteger(offset)) throw misfit(UPLOAD_HEADER);
  return { id: all.slice(0, ID_LENGTH), uploadToken: all.slice(ID_LENGTH, OFFSET_AT), offset };
}

function decode(text: string): Bytes {
  try {
    return fromBase64Url(text);
  } catch {
    throw misfit(UPLOAD_HEADER);
  }
}

/** An error answer's JSON. `since` (milliseconds since 1970) where the caller may know it. */
export const FAILURE = object({
  error: text(),
  message: text(),
  hint: text(),
  since: optional(time),
});

function text(longest = 1_024): Codec<string> {
  return {
    read(json, field) {
      if (typeof json === "string" && json.length <= longest) return json;
      throw misfit(field);
    },
    write: (value) => value,
  };
}

/** What each state is called when it is the reason of a refusal. */
export const REFUSED = {
  waiting: "share_waiting",
  answered: "share_answered",
  uploading: "share_uploading",
  locked: "share_locked",
  used: "share_opened",
  revoked: "share_revoked",
  expired: "share_expired",
} as const;
