/** The calls of the API: what each does with what was asked. */
import type { Bytes } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { misfit } from "../core/share/codec.ts";
import { LONG_BYTES, SHORT_BYTES } from "../core/share/limits.ts";
import { INLINE_BYTES } from "../core/share/terms.ts";
import {
  type Answer,
  API,
  type Call,
  parseUploadPlace,
  type Request as Asked,
  UPLOAD_HEADER,
} from "../core/share/wire.ts";
import { inTime, readJson } from "./body.ts";
import {
  type Allowed,
  nothingHere,
  refused,
  requireAllowed,
  requireCreated,
  sha256,
} from "./rules.ts";
import type { Claim, Store } from "./store.ts";

/** What a call works with. */
export interface ApiContext {
  readonly store: Store;
  readonly allowed: Allowed;
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  /** Where bodies are kept that do not go through the server: an origin. */
  readonly storage?: string | undefined;
}

/** What is answered: JSON, a line of text, bytes, or nothing. */
export type Outcome =
  | { readonly json: unknown; readonly status?: number }
  | { readonly text: string; readonly status: number }
  | { readonly stream: ReadableStream<Bytes> }
  | undefined;

type Calls = {
  readonly [C in Call]: (api: ApiContext, asked: Asked<C>, client: string) => Promise<Outcome>;
};

const CALLS: Calls = {
  create,
  request,
  "look-request": lookAtRequest,
  answer: answerRequest,
  "upload-state": uploadState,
  storage,
  limits,
  look,
  take,
  body,
  acknowledge,
  status: bySender("status"),
  revoke: bySender("revoke"),
  unlock: bySender("unlock"),
};

/** Whether a text names a call. */
export function isCall(name: string): name is Call {
  return Object.hasOwn(CALLS, name);
}

/**
 * Reads all of what a request asks.
 * @returns what does it, and throws what the caller is to be told
 */
export async function readCall<C extends Call>(
  api: ApiContext,
  call: C,
  request: Request,
  client: string,
): Promise<() => Promise<Outcome>> {
  const withBody = call === "create" || call === "answer";
  const json = await readJson(request, withBody ? LONG_BYTES : SHORT_BYTES);
  const asked = API[call].request.read(json, "body") as Asked<C>;
  return () => CALLS[call](api, asked, client);
}

/** What a call gives, as JSON. */
function answer<C extends Call>(call: C, value: Answer<C>, status = 200): Outcome {
  const { write } = API[call].answer as { write(value: Answer<C>): unknown };
  return { json: write(value), status };
}

async function create(
  { store, allowed, clock }: ApiContext,
  asked: Asked<"create">,
  client: string,
) {
  const { body, ...secret } = asked;
  requireAllowed(secret, allowed);
  requireBody(asked);
  const { state, expires } = await store.create({ ...secret, client }, body, clock());
  requireCreated(state);
  return answer("create", { expires }, body ? 201 : 202);
}

async function request(
  { store, allowed, clock }: ApiContext,
  { size: largest, ...asked }: Asked<"request">,
  client: string,
) {
  requireAllowed({ views: 1, size: largest, ttl: asked.ttl }, allowed);
  const { state, expires } = await store.request({ ...asked, largest, client }, clock());
  requireCreated(state);
  return answer("request", { expires }, 201);
}

async function lookAtRequest({ store, clock }: ApiContext, asked: Asked<"look-request">) {
  const seen = await store.lookAtRequest(asked.id, sha256(asked.writeProof), clock());
  if (seen.state === "unknown") throw nothingHere();
  if (seen.state !== "waiting") {
    return answer("look-request", { state: seen.state, since: seen.since });
  }
  const { ttl, largest: size, expires } = seen;
  return answer("look-request", { ttl, size, expires });
}

async function answerRequest({ store, clock }: ApiContext, asked: Asked<"answer">) {
  const { body, writeProof, ...secret } = asked;
  requireBody(asked);
  const writeProofHash = sha256(writeProof);
  const given = await store.answer({ ...secret, writeProofHash }, body, clock());
  switch (given.state) {
    case "created":
      return answer("answer", { expires: given.expires }, body ? 201 : 202);
    case "full":
      throw new CryptoError("share_full");
    case "too_large": {
      const hint = "the request takes no answer of this size: see what it allows";
      throw new CryptoError("share_refused", { subject: "size", hint });
    }
    default:
      throw refused(given);
  }
}

/** A short body comes with the call, a long one afterwards. */
function requireBody(
  { size, body, uploadTokenHash }: Pick<Asked<"answer">, "size" | "body" | "uploadTokenHash">,
): void {
  const inline = size <= INLINE_BYTES;
  requireField("body", inline ? body?.length === size : body === undefined);
  requireField("uploadTokenHash", inline || uploadTokenHash !== undefined);
}

function requireField(subject: string, fits: boolean): void {
  if (!fits) throw misfit(subject);
}

/** Adds to a body: the request's own body is the bytes. */
export async function upload({ store, clock }: ApiContext, request: Request): Promise<Outcome> {
  const { id, uploadToken, offset } = parseUploadPlace(request.headers.get(UPLOAD_HEADER));
  const progress = await store.append(id, sha256(uploadToken), offset, inTime(request), clock);
  if (!progress) throw nothingHere();
  return answer("upload-state", { expires: undefined, next: undefined, ...progress });
}

async function uploadState({ store, clock }: ApiContext, asked: Asked<"upload-state">) {
  const progress = await store.progress(asked.id, sha256(asked.uploadToken), clock());
  if (!progress) throw nothingHere();
  return answer("upload-state", { expires: undefined, next: undefined, ...progress });
}

async function look({ store, clock }: ApiContext, { id, linkProof }: Asked<"look">) {
  const seen = await store.look(id, sha256(linkProof), clock());
  if (seen.state === "unknown") throw nothingHere();
  if (seen.state !== "live") return answer("look", { state: seen.state, since: seen.since });
  const { state: _, ...terms } = seen;
  return answer("look", terms);
}

async function take({ store, clock }: ApiContext, asked: Asked<"take">) {
  const claim: Claim = {
    id: asked.id,
    linkProofHash: sha256(asked.linkProof),
    passphraseProofHash: asked.passphraseProof && sha256(asked.passphraseProof),
    claimTokenHash: sha256(asked.claimToken),
  };
  // An attempt is paid before it is judged, or many at once would be judged for the price of one.
  const payment = asked.passphraseProof && await store.pay(claim, clock());
  if (payment && payment.state !== "paid") throw refused(payment);
  const taken = await store.take(claim, clock());
  if (taken === "wrong_passphrase") throw await wrongPassphrase(store, claim, clock());
  if (taken.state !== "live") throw refused(taken);
  return answer("take", { body: undefined, ...taken });
}

async function wrongPassphrase(store: Store, claim: Claim, now: number): Promise<CryptoError> {
  if (claim.passphraseProofHash) return new CryptoError("wrong_passphrase");
  const seen = await store.look(claim.id, claim.linkProofHash, now);
  return seen.state === "live" ? new CryptoError("passphrase_needed") : refused(seen);
}

async function body({ store, clock }: ApiContext, { id, claimToken, offset }: Asked<"body">) {
  const body = await store.read(id, sha256(claimToken), offset, clock());
  if (!body) throw nothingHere();
  return "place" in body ? answer("body", body.place) : body;
}

function storage({ storage: origin }: ApiContext): Promise<Outcome> {
  return Promise.resolve(answer("storage", { origin }));
}

function limits({ allowed }: ApiContext): Promise<Outcome> {
  return Promise.resolve(answer("limits", allowed));
}

async function acknowledge({ store, clock }: ApiContext, asked: Asked<"acknowledge">) {
  const { id, claimToken } = asked;
  if (!await store.acknowledge(id, sha256(claimToken), clock())) throw nothingHere();
  return undefined;
}

/** A call of the sender's, who shows the receipt. */
function bySender(call: "status" | "revoke" | "unlock") {
  return async ({ store, clock }: ApiContext, { id, receipt }: Asked<typeof call>) => {
    const status = await store[call](id, sha256(receipt), clock());
    if (!status) throw nothingHere();
    return answer(call, status);
  };
}
