/** What a record says at some time: its state, why it is not given, and what its holders see. */
import { type Bytes, equalSecret } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import type { SecretKind } from "../core/share/terms.ts";
import {
  type AnswerRefusal,
  ATTEMPTS,
  type Claim,
  type NewAnswer,
  type NewRequest,
  type NewSecret,
  type Progress,
  type Refusal,
  type Seen,
  type SeenRequest,
  type State,
  type Status,
  UPLOAD_REST,
  type View,
} from "./store.ts";

/** What a record says. A sweep may set `expired`; until then it follows from the time. */
export type RowState = "waiting" | "uploading" | "live" | "used" | "revoked" | "expired";

/** A record: a secret, or a request and its answer. A body is inline, in a file, not yet whole, or erased. */
export interface Row {
  readonly id: Bytes;
  readonly linkProof: Bytes;
  readonly passphraseProof: Bytes | null;
  readonly receipt: Bytes;
  readonly uploadToken: Bytes | null;
  readonly kind: SecretKind;
  readonly ttl: number;
  readonly views: number;
  readonly size: number;
  readonly created: number;
  readonly expires: number;
  readonly attempts: number;
  readonly lockedAt: number;
  readonly state: RowState;
  readonly since: number;
  readonly taken: number;
  readonly received: number;
  /** When it expires, or while it is uploaded, when it is given up. */
  readonly ends: number;
  /** When nothing is remembered of it any more. */
  readonly forgotten: number;
  readonly file: string | null;
  readonly erased: number;
  readonly client: string;
  /** Of a request: who may answer it. */
  readonly writeProof: Bytes | null;
  /** Of an answer: the answerer's receipt, beside the requester's. */
  readonly answerReceipt: Bytes | null;
  /** Of a request: bytes that its answer may have. */
  readonly largest: number;
}

/** What an answer, or its being given up, changes of a record. */
export type Answered = Pick<
  Row,
  | keyof Advanced
  | "size"
  | "file"
  | "uploadToken"
  | "answerReceipt"
>;

/** What changes of a record when more of its body has come. */
export type Advanced = Pick<
  Row,
  "received" | "ends" | "state" | "since" | "expires" | "forgotten"
>;

/** A record as it is made. */
export type NewRow = Omit<Row, "lockedAt" | "taken" | "erased" | "answerReceipt">;

/** What is the same in every new record. */
const NEW = {
  passphraseProof: null,
  uploadToken: null,
  attempts: ATTEMPTS,
  received: 0,
  file: null,
  writeProof: null,
  largest: 0,
} as const;

/** A new secret's record. @param file the name for a body that comes later */
export function newRow(secret: NewSecret, body: boolean, now: number, file: string): NewRow {
  const { id, linkProofHash, receiptHash, kind, ttl, views, size, client } = secret;
  return {
    ...NEW,
    ...{ id, linkProof: linkProofHash, receipt: receiptHash, kind, ttl, views, size, client },
    passphraseProof: secret.passphraseProofHash ?? null,
    uploadToken: secret.uploadTokenHash ?? null,
    created: now,
    ...(body ? whole(secret, now) : coming(secret, now, file)),
  };
}

/** A new request's record. Its body has no bytes before it is answered. */
export function newRequestRow(request: NewRequest, now: number): NewRow {
  const { id, linkProofHash, writeProofHash, receiptHash, ttl, largest, client } = request;
  return {
    ...NEW,
    ...{ id, linkProof: linkProofHash, receipt: receiptHash, writeProof: writeProofHash },
    ...{ kind: "answer", ttl, views: 1, size: 0, largest, client, created: now },
    ...lasting({ ttl }, now),
    state: "waiting",
  };
}

/** What an answer changes of its request's record. */
export function answered(
  { ttl }: Row,
  answer: NewAnswer,
  body: boolean,
  now: number,
  file: string,
) {
  const secret = { ttl, size: answer.size };
  return {
    size: answer.size,
    uploadToken: answer.uploadTokenHash ?? null,
    answerReceipt: answer.receiptHash,
    ...(body ? whole(secret, now) : coming(secret, now, file)),
  } satisfies Answered;
}

/** What a request's record becomes again when the upload of an answer was given up. */
export function unanswered({ ttl, created }: Row): Answered {
  const nothing = { size: 0, received: 0, file: null, uploadToken: null, answerReceipt: null };
  return { ...nothing, ...lasting({ ttl }, created), state: "waiting" };
}

type Measured = Readonly<Record<"ttl" | "size", number>>;

function whole(secret: Measured, now: number) {
  return { ...live(secret, now), received: secret.size, file: null };
}

function coming(secret: Measured, now: number, file: string) {
  const state = { state: "uploading", ends: now + UPLOAD_REST } as const;
  return { ...live(secret, now), ...state, received: 0, file };
}

/** What a secret is from the moment on that its body is whole. */
export function live(terms: Pick<Row, "ttl">, now: number) {
  return { ...lasting(terms, now), state: "live" as const };
}

function lasting({ ttl }: Pick<Row, "ttl">, now: number) {
  const expires = now + ttl * 1000;
  return { since: now, expires, ends: expires, forgotten: expires };
}

function stateOf(row: Row, now: number): Exclude<State, "unknown"> {
  const { state, ends, attempts } = row;
  if (state !== "live" && state !== "uploading" && state !== "waiting") return state;
  if (ends <= now) return isOpenAgain(row, now) ? "waiting" : "expired";
  return state === "live" && attempts === 0 ? "locked" : state;
}

/** Whether this is a request whose answer's upload was given up, while its own time goes on. */
function isOpenAgain({ kind, state, created, ttl }: Row, now: number): boolean {
  return kind === "answer" && state === "uploading" && created + ttl * 1000 > now;
}

/** Why a secret cannot be taken, if it cannot. */
export function refusalOf(row: Row, now: number): Refusal | undefined {
  const state = stateOf(row, now);
  switch (state) {
    case "live":
      return undefined;
    case "locked":
      return { state, since: row.lockedAt };
    case "expired":
      return { state, since: row.ends };
    case "waiting":
      return { state, since: row.created };
    default:
      return { state, since: row.since };
  }
}

/** Why a request cannot be answered, if it cannot. */
export function answerRefusalOf(row: Row, now: number): AnswerRefusal | undefined {
  const { size, received, expires, ttl } = row;
  // Once it is whole it stays the answer, whatever becomes of it. It lives from then on.
  if (size > 0 && received === size) return { state: "answered", since: expires - ttl * 1000 };
  const refusal = refusalOf(row, now);
  if (!refusal || refusal.state === "waiting") return undefined;
  const { state, since } = refusal;
  const known = state === "uploading" || state === "revoked" || state === "expired";
  return { state: known ? state : "answered", since };
}

/** A request as who may answer it sees it. */
export function seenRequest({ ttl, largest, created }: Row): SeenRequest {
  return { state: "waiting", ttl, largest, expires: created + ttl * 1000 };
}

/** Whether more of the body may come, or all of it is there. */
export function isUpload(row: Row, now: number): boolean {
  const state = stateOf(row, now);
  return state !== "expired" && state !== "waiting";
}

/** A secret as whoever has its link sees it. */
export function seen(row: Row): Seen {
  const { kind, ttl, views, size, expires, attempts: attemptsLeft } = row;
  const passphrase = row.passphraseProof !== null;
  return { state: "live", kind, ttl, views, size, passphrase, expires, attemptsLeft };
}

/** A secret as its sender sees it. */
export function statusOf(row: Row, taken: readonly View[], now: number): Status {
  const { kind, ttl, views, size, created, expires, attempts } = row;
  const { state, since } = refusalOf(row, now) ?? { state: "live", since: row.since };
  const terms = { kind, ttl, views, size, passphrase: row.passphraseProof !== null };
  if (state === "unknown") throw new CryptoError("internal");
  return { ...terms, state, since, created, expires, attemptsLeft: attempts, taken };
}

/** Whether a claim has the passphrase, or none where there is none. */
export function passphraseFits({ passphraseProof }: Row, { passphraseProofHash }: Claim): boolean {
  if (passphraseProof === null) return passphraseProofHash === undefined;
  return passphraseProofHash !== undefined && equalSecret(passphraseProof, passphraseProofHash);
}

/** How far an upload has come. */
export function progressOf({ state, received, expires }: Row): Progress {
  return state === "uploading" ? { offset: received } : { offset: received, expires };
}
