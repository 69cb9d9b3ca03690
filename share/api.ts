/** The operations of the API: what a request must bring, and what it gets. */
import { createHash } from "node:crypto";
import { type Bytes, fromBase64Url, toBase64Url } from "../core/bytes.ts";
import { CryptoError, type ErrorCode } from "../core/errors.ts";
import { inTime } from "./body.ts";
import { Fields } from "./fields.ts";
import { type Claim, INLINE_BYTES, type Refusal, type State, type Store } from "./store.ts";

/** What a server allows in new secrets. */
export interface Allowed {
  /** Longest lifetime, in seconds. */
  readonly ttl: number;
  readonly views: number;
  /** Largest ciphertext, in bytes. */
  readonly size: number;
}

/** What an operation works with. */
export interface ApiContext {
  readonly store: Store;
  readonly allowed: Allowed;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
}

/** An answer: JSON unless it is a stream. */
export interface Answer {
  readonly status: number;
  readonly json?: object;
  readonly stream?: ReadableStream<Bytes>;
}

/** An error whose answer also says since when. For callers with a proof. */
export class Refused extends CryptoError {
  constructor(code: ErrorCode, readonly details: Readonly<Record<string, number>>) {
    super(code);
  }
}

/** An operation on fields that were sent as JSON. */
export interface Operation {
  /** Bytes that a request may have. */
  readonly limit: number;
  /** Whether the rate for new secrets counts it too. */
  readonly creates?: boolean;
  readonly run: (context: ApiContext, fields: Fields, client: string) => Promise<Answer>;
}

const SHORT = 4_096;
const ID = 16;
const HASH = 32;
const TOKEN = 32;
/** Bounds of the format itself: what a server allows lies within them. */
const TTL = { least: 60, most: 2_592_000 } as const;
const VIEWS = { least: 1, most: 100 } as const;

const CODES = {
  unknown: "share_unavailable",
  uploading: "share_uploading",
  locked: "share_locked",
  used: "share_opened",
  revoked: "share_revoked",
  expired: "share_expired",
} as const satisfies Record<Exclude<State, "live">, ErrorCode>;

/** Operations by their paths. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  "/api/create": { limit: SHORT + Math.ceil(INLINE_BYTES * 4 / 3), creates: true, run: create },
  "/api/upload-state": { limit: SHORT, run: uploadState },
  "/api/look": { limit: SHORT, run: look },
  "/api/take": { limit: SHORT, run: take },
  "/api/body": { limit: SHORT, run: body },
  "/api/acknowledge": { limit: SHORT, run: acknowledge },
  "/api/status": { limit: SHORT, run: bySender("status") },
  "/api/revoke": { limit: SHORT, run: bySender("revoke") },
  "/api/unlock": { limit: SHORT, run: bySender("unlock") },
};

/** The one operation whose body is not JSON. */
export const UPLOAD = "/api/upload";
/** Its header: id, upload token and offset, as base64url. */
export const UPLOAD_HEADER = "crypto-share";

function sha256(bytes: Bytes): Bytes {
  return new Uint8Array(createHash("sha256").update(bytes).digest());
}

function nothingHere(): CryptoError {
  return new CryptoError("share_unavailable");
}

function refused({ state, since }: Refusal): CryptoError {
  return state === "unknown" ? nothingHere() : new Refused(CODES[state], { since });
}

async function create({ store, allowed, clock }: ApiContext, fields: Fields, client: string) {
  const size = fields.integer("size", 1, Number.MAX_SAFE_INTEGER);
  const inline = size <= INLINE_BYTES;
  const secret = {
    client,
    size,
    id: fields.bytes("id", ID),
    linkProofHash: fields.bytes("linkProofHash", HASH),
    passphraseProofHash: fields.optionalBytes("passphraseProofHash", HASH),
    receiptHash: fields.bytes("receiptHash", HASH),
    uploadTokenHash: inline
      ? fields.optionalBytes("uploadTokenHash", HASH)
      : fields.bytes("uploadTokenHash", HASH),
    kind: fields.oneOf("kind", ["secret", "answer"]),
    ttl: fields.integer("ttl", TTL.least, TTL.most),
    views: fields.integer("views", VIEWS.least, VIEWS.most),
  };
  const content = inline ? fields.bytes("body", size) : undefined;
  fields.end();
  requireAllowed(secret, allowed);
  const { state, expires } = await store.create(secret, content, clock());
  if (state === "exists") throw new CryptoError("share_exists");
  if (state === "full") throw new CryptoError("share_full");
  return { status: inline ? 201 : 202, json: { expires } };
}

/** What is not allowed is refused, never changed: the ciphertext is bound to what was asked. */
function requireAllowed(asked: Allowed, allowed: Allowed): void {
  for (const what of ["ttl", "views", "size"] as const) {
    if (asked[what] <= allowed[what]) continue;
    const hint = `this server allows at most ${allowed[what]}`;
    throw new CryptoError("share_refused", { subject: what, hint });
  }
}

/** Adds to a body; the request's own body is the bytes. */
export async function upload({ store, clock }: ApiContext, request: Request): Promise<Answer> {
  const header = readUploadHeader(request.headers.get(UPLOAD_HEADER) ?? "");
  const { id, token, offset } = header;
  const pieces = inTime(request);
  const progress = await store.append(id, sha256(token), offset, pieces, clock);
  if (!progress) throw nothingHere();
  return { status: 200, json: progress };
}

function readUploadHeader(text: string): { id: Bytes; token: Bytes; offset: number } {
  const bytes = text.length === 75 ? fromBase64Url(text) : undefined;
  if (bytes?.length !== ID + TOKEN + 8) {
    throw new CryptoError("invalid_params", { subject: UPLOAD_HEADER });
  }
  const offset = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(ID + TOKEN));
  return { id: bytes.slice(0, ID), token: bytes.slice(ID, ID + TOKEN), offset };
}

async function uploadState({ store, clock }: ApiContext, fields: Fields) {
  const [id, token] = [fields.bytes("id", ID), fields.bytes("uploadToken", TOKEN)];
  fields.end();
  const progress = await store.progress(id, sha256(token), clock());
  if (!progress) throw nothingHere();
  return { status: 200, json: progress };
}

async function look({ store, clock }: ApiContext, fields: Fields) {
  const [id, proof] = [fields.bytes("id", ID), fields.bytes("linkProof", HASH)];
  fields.end();
  const seen = await store.look(id, sha256(proof), clock());
  if (seen.state === "unknown") throw nothingHere();
  return { status: 200, json: seen };
}

async function take({ store, clock }: ApiContext, fields: Fields) {
  const id = fields.bytes("id", ID);
  const linkProofHash = sha256(fields.bytes("linkProof", HASH));
  const proof = fields.optionalBytes("passphraseProof", HASH);
  const claimTokenHash = sha256(fields.bytes("claimToken", TOKEN));
  fields.end();
  const passphraseProofHash = proof && sha256(proof);
  const claim: Claim = { id, linkProofHash, passphraseProofHash, claimTokenHash };
  // An attempt is paid before it is judged, or many at once would be judged for the price of one.
  const payment = proof && await store.pay(claim, clock());
  if (payment && payment.state !== "paid") throw refused(payment);
  const taken = await store.take(claim, clock());
  if (taken === "wrong_passphrase") throw await wrongPassphrase(store, claim, clock());
  if (taken.state !== "live") throw refused(taken);
  const { body, ...rest } = taken;
  return { status: 200, json: body ? { ...rest, body: toBase64Url(body) } : rest };
}

async function wrongPassphrase(store: Store, claim: Claim, now: number): Promise<CryptoError> {
  const seen = await store.look(claim.id, claim.linkProofHash, now);
  const attemptsLeft = seen.state === "live" ? seen.attemptsLeft : 0;
  if (claim.passphraseProofHash) return new Refused("wrong_passphrase", { attemptsLeft });
  return seen.state === "live" ? new Refused("passphrase_needed", { attemptsLeft }) : refused(seen);
}

async function body({ store, clock }: ApiContext, fields: Fields) {
  const [id, token] = [fields.bytes("id", ID), fields.bytes("claimToken", TOKEN)];
  const offset = fields.integer("offset", 0, Number.MAX_SAFE_INTEGER);
  fields.end();
  const stream = await store.read(id, sha256(token), offset, clock());
  if (!stream) throw nothingHere();
  return { status: 200, stream };
}

async function acknowledge({ store, clock }: ApiContext, fields: Fields) {
  const [id, token] = [fields.bytes("id", ID), fields.bytes("claimToken", TOKEN)];
  fields.end();
  if (!await store.acknowledge(id, sha256(token), clock())) throw nothingHere();
  return { status: 204 };
}

/** An operation of the sender's, who shows the receipt. */
function bySender(act: "status" | "revoke" | "unlock"): Operation["run"] {
  return async ({ store, clock }, fields) => {
    const [id, receipt] = [fields.bytes("id", ID), fields.bytes("receipt", TOKEN)];
    fields.end();
    const status = await store[act](id, sha256(receipt), clock());
    if (!status) throw nothingHere();
    return { status: 200, json: status };
  };
}
