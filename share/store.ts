/**
 * What a store of secrets keeps, and what may be done with it. Each operation is one write or one
 * transaction, and the rules stand in its condition: two servers over one store need no other
 * agreement. Each may be repeated after a lost answer. Times are milliseconds since 1970.
 */
import type { Bytes } from "../core/bytes.ts";
import type { CryptoError } from "../core/errors.ts";
import type { SecretKind } from "../core/share/terms.ts";
import type { Place } from "../core/share/wire.ts";

/** What a sender says of a secret. Kept exactly: the ciphertext is bound to it. */
export interface SecretTerms {
  readonly kind: SecretKind;
  /** Lifetime in seconds, as asked. */
  readonly ttl: number;
  /** How many may read it. */
  readonly views: number;
  /** Bytes of ciphertext. */
  readonly size: number;
}

/** A new secret. Of every proof and token there is only the SHA-256. */
export interface NewSecret extends SecretTerms {
  /** 16 bytes. */
  readonly id: Bytes;
  readonly linkProofHash: Bytes;
  readonly passphraseProofHash?: Bytes | undefined;
  readonly receiptHash: Bytes;
  /** Present where the body comes afterwards, in pieces. */
  readonly uploadTokenHash?: Bytes | undefined;
  /** Who pays for its bytes: something that stands for the sender's address. */
  readonly client: string;
}

/** A request for a secret: a place that one answer may take. */
export interface NewRequest {
  /** 16 bytes. */
  readonly id: Bytes;
  /** Of the proof by which the answer is taken. */
  readonly linkProofHash: Bytes;
  /** Of the proof by which the request is answered. */
  readonly writeProofHash: Bytes;
  readonly receiptHash: Bytes;
  /** Seconds for which it may be answered, and for which the answer may then be read. */
  readonly ttl: number;
  /** Bytes of ciphertext that an answer may have. */
  readonly largest: number;
  /** Who pays, for the answer's bytes too. */
  readonly client: string;
}

/** The answer to a request. */
export interface NewAnswer {
  readonly id: Bytes;
  readonly writeProofHash: Bytes;
  /** The answerer's own, beside the requester's. */
  readonly receiptHash: Bytes;
  readonly uploadTokenHash?: Bytes | undefined;
  /** Bytes of ciphertext. */
  readonly size: number;
}

/** Why a request is not to be answered, and since when that is so. */
export interface AnswerRefusal {
  readonly state: "unknown" | "uploading" | "answered" | "revoked" | "expired";
  readonly since: number;
}

/** A request as whoever may answer it sees it. */
export interface SeenRequest extends Pick<NewRequest, "ttl" | "largest"> {
  readonly state: "waiting";
  /** Until when it may be answered. */
  readonly expires: number;
}

/** What a secret is now. `unknown` also stands for whatever the caller's proof does not fit. */
export type State =
  | "unknown"
  | "waiting"
  | "uploading"
  | "live"
  | "locked"
  | "used"
  | "revoked"
  | "expired";

/** Why a secret is not given, and since when that is so. */
export interface Refusal {
  readonly state: Exclude<State, "live">;
  readonly since: number;
}

/** A secret as whoever has the link may see it. */
export interface Seen extends SecretTerms {
  readonly state: "live";
  readonly passphrase: boolean;
  readonly expires: number;
  /** Wrong passphrases that are left. */
  readonly attemptsLeft: number;
}

/** A claim to a secret. The body is there if it is kept with the record. */
export interface Taken extends Seen {
  /** When the claim ends. */
  readonly until: number;
  readonly body?: Bytes | undefined;
}

/** One who has taken a secret, as its sender sees it. */
export interface View {
  readonly at: number;
  readonly acknowledged: boolean;
}

/** A secret as its sender may see it. */
export interface Status extends SecretTerms {
  readonly state: Exclude<State, "unknown">;
  readonly since: number;
  readonly passphrase: boolean;
  readonly created: number;
  readonly expires: number;
  readonly attemptsLeft: number;
  readonly taken: readonly View[];
}

/** Why an attempt could not be paid, if it could not. */
export type Payment = Refusal | { readonly state: "paid" };

/** How far an upload has come. */
export interface Progress {
  /** Bytes that are safely there. */
  readonly offset: number;
  /** When the secret expires; present once it is complete. */
  readonly expires?: number | undefined;
  /** Where exactly so many bytes go next, if they do not go through the server. */
  readonly next?: (Place & { readonly length: number }) | undefined;
}

/** A body, or where its holder gets it. */
export type Body = { readonly stream: ReadableStream<Bytes> } | { readonly place: Place };

/** What a taker shows. */
export interface Claim {
  readonly id: Bytes;
  readonly linkProofHash: Bytes;
  readonly passphraseProofHash?: Bytes | undefined;
  readonly claimTokenHash: Bytes;
}

/** How much a store holds. */
export interface Usage {
  readonly secrets: number;
  /** Bytes charged: bodies, and something for each record. */
  readonly bytes: number;
}

/** Keeps secrets. A caller without the right hash gets what it would get for an unknown id. */
export interface Store {
  /** Whether how long a refusal takes tells what is there, as it does across a network. */
  readonly timeTells: boolean;
  /** Why it writes nothing any more, where that is so for good: who serves it is to end. */
  readonly failed?: CryptoError | undefined;
  /**
   * Sees that it can be used, where it is elsewhere; asks there not more than once in a while.
   * @throws {CryptoError} `share_storage`
   */
  check?(): Promise<void>;
  /** `exists` also over a tombstone; `full` if a quota does not allow it. */
  create(
    secret: NewSecret,
    body: Bytes | undefined,
    now: number,
  ): Promise<{ readonly state: "created" | "exists" | "full"; readonly expires: number }>;
  /** `exists` and `full` as with a secret. What comes later is an answer or nothing. */
  request(
    request: NewRequest,
    now: number,
  ): Promise<{ readonly state: "created" | "exists" | "full"; readonly expires: number }>;
  /** Writes nothing. */
  lookAtRequest(
    id: Bytes,
    writeProofHash: Bytes,
    now: number,
  ): Promise<SeenRequest | AnswerRefusal>;
  /**
   * Gives the one answer, on the condition that the request waits and its time is not over; that
   * an upload has rested for too long is the same as that there is none.
   */
  answer(
    answer: NewAnswer,
    body: Bytes | undefined,
    now: number,
  ): Promise<
    AnswerRefusal | {
      readonly state: "created" | "too_large" | "full";
      readonly expires: number;
    }
  >;
  /**
   * Adds to a body. Nothing is written where `offset` is not where the body ends, or bodies do not
   * go through the server: the progress says where to go on. A body that ends early is kept as far
   * as it came.
   */
  append(
    id: Bytes,
    uploadTokenHash: Bytes,
    offset: number,
    body: AsyncIterable<Bytes>,
    clock: () => number,
  ): Promise<Progress | undefined>;
  progress(id: Bytes, uploadTokenHash: Bytes, now: number): Promise<Progress | undefined>;
  /** Writes nothing. */
  look(id: Bytes, linkProofHash: Bytes, now: number): Promise<Seen | Refusal>;
  /** Takes one attempt before a passphrase is judged. Who holds a claim pays nothing. */
  pay(claim: Claim, now: number): Promise<Payment>;
  /** Adds this claim, or finds it again. A right passphrase gives its attempt back. */
  take(claim: Claim, now: number): Promise<Taken | Refusal | "wrong_passphrase">;
  /** The body from `offset` on, while the claim is open. */
  read(
    id: Bytes,
    claimTokenHash: Bytes,
    offset: number,
    now: number,
  ): Promise<Body | undefined>;
  /** Ends a claim. When no view is left the body is erased. */
  acknowledge(id: Bytes, claimTokenHash: Bytes, now: number): Promise<boolean>;
  /** Of an answer by either receipt: the requester's or the answerer's. */
  status(id: Bytes, receiptHash: Bytes, now: number): Promise<Status | undefined>;
  /** Erases the body at once. What is used or expired stays so. */
  revoke(id: Bytes, receiptHash: Bytes, now: number): Promise<Status | undefined>;
  /** Gives all attempts back. */
  unlock(id: Bytes, receiptHash: Bytes, now: number): Promise<Status | undefined>;
  /** Erases what has expired or whose claims have ended; gives up uploads that rest. */
  sweep(now: number): Promise<void>;
  /** Undefined if the store does not count. */
  usage(): Promise<Usage | undefined>;
  /** The one origin of all places that it gives; undefined if bodies go through the server. */
  storageOrigin(): Promise<string | undefined>;
  close(): Promise<void>;
}

/** Wrong passphrases that a secret stands. */
export const ATTEMPTS = 10;
/** How long a claim stays open: for what one answer holds, and for what takes several. */
export const CLAIM_TIME = { inline: 15 * 60_000, large: 86_400_000 } as const;
/** How long an upload may rest. */
export const UPLOAD_REST = 3_600_000;
/**
 * How long it is remembered that a secret has expired, so that who opens a link too late is told
 * so. No longer than it has lived.
 */
export const EXPIRED_MEMORY = 7 * 86_400_000;
/** What a record is charged beside its body. */
export const RECORD_BYTES = 512;

/** A body that is at hand. */
export function streamOf(bytes: Bytes): ReadableStream<Bytes> {
  return new Blob([bytes]).stream();
}
