/** What the contract of stores is tested with. */
import assert from "node:assert/strict";
import { type Bytes, randomBytes } from "../../core/bytes.ts";
import type { Place } from "../../core/share/wire.ts";
import type {
  Body,
  Claim,
  NewAnswer,
  NewRequest,
  NewSecret,
  Store,
  Taken,
} from "../../share/store.ts";

/** A store to be tested, and how to be rid of it. */
export interface Subject extends AsyncDisposable {
  readonly store: Store;
  /** Whether any file or item of the store holds these bytes. */
  holds(bytes: Bytes): Promise<boolean>;
}

/** What a store under test allows: a total, and a part of it for each client. */
export const TEST_QUOTAS = { total: 4_000_000, perClient: 2_000_000 } as const;

/** When each test begins. */
export const T0 = 1_800_000_000_000;

/** A new secret with random hashes. */
export function newSecret(more: Partial<NewSecret> = {}): NewSecret {
  const [id, linkProofHash, receiptHash] = [randomBytes(16), randomBytes(32), randomBytes(32)];
  const terms = { kind: "secret", ttl: 3600, views: 1, size: 1024 } as const;
  return { id, linkProofHash, receiptHash, client: "192.0.2.1", ...terms, ...more };
}

/** A new request with random hashes. */
export function newRequest(more: Partial<NewRequest> = {}): NewRequest {
  const [linkProofHash, writeProofHash, receiptHash] = [1, 2, 3].map(() => randomBytes(32)) as [
    Bytes,
    Bytes,
    Bytes,
  ];
  const proofs = { id: randomBytes(16), linkProofHash, writeProofHash, receiptHash };
  return { ...proofs, ttl: 3600, largest: 2_000_000, client: "192.0.2.1", ...more };
}

/** An answer to it by somebody. */
export function answerTo(
  { id, writeProofHash }: NewRequest,
  more: Partial<NewAnswer> = {},
): NewAnswer {
  return { id, writeProofHash, receiptHash: randomBytes(32), size: 1024, ...more };
}

/** What may be claimed: a secret, or the answer to a request. */
type Claimable = Pick<NewSecret, "id" | "linkProofHash" | "passphraseProofHash">;

/** A claim with a token of its own. */
export function claimTo(
  { id, linkProofHash, passphraseProofHash }: Claimable,
  more: Partial<Claim> = {},
): Claim {
  return { id, linkProofHash, passphraseProofHash, claimTokenHash: randomBytes(32), ...more };
}

/** Random bytes, also more than the system gives at once. */
export function manyBytes(length: number): Bytes {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  }
  return bytes;
}

/** A claim that must have been given. */
export function taken(result: Awaited<ReturnType<Store["take"]>>): Taken {
  assert.ok(typeof result === "object" && result.state === "live", JSON.stringify(result));
  return result;
}

/** What an operation says, in a word. */
export function stateOf(result: { state: string } | string): string {
  return typeof result === "string" ? result : result.state;
}

/** A body as it comes. */
export async function* pieces(bytes: Bytes, length = 100_000) {
  for (let at = 0; at < bytes.length; at += length) {
    yield await Promise.resolve(bytes.subarray(at, at + length));
  }
}

/** A body that must be there, from the store or from where it says. */
export async function bytesOf(body: Body | undefined): Promise<Bytes> {
  assert.ok(body);
  return "place" in body ? await got(body.place) : await new Response(body.stream).bytes();
}

async function got({ url, headers }: Place): Promise<Bytes> {
  const response = await fetch(url, { headers: headersOf(headers) });
  assert.ok(response.ok, `${response.status}`);
  return await response.bytes();
}

/** Puts bytes where a store says. */
export async function put({ url, headers }: Place, body: Bytes): Promise<number> {
  const response = await fetch(url, { method: "PUT", headers: headersOf(headers), body });
  await response.body?.cancel();
  return response.status;
}

function headersOf(headers: Place["headers"]): Record<string, string> {
  const entries = Object.entries(headers).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Record<string, string>;
}

/** Whose body comes later. */
interface Uploading {
  readonly id: Bytes;
  readonly uploadTokenHash: Bytes;
}

/** Brings a body, or what is missing of it, to where the store takes it. */
export async function send(
  store: Store,
  { id, uploadTokenHash }: Uploading,
  body: Bytes,
  now: number,
) {
  const clock = () => now;
  let progress = await store.progress(id, uploadTokenHash, now);
  while (progress?.expires === undefined && progress) {
    const { offset, next } = progress;
    const rest = body.subarray(offset);
    if (next) assert.equal(await put(next, rest.subarray(0, next.length)), 200);
    progress = next
      ? await store.progress(id, uploadTokenHash, now)
      : await store.append(id, uploadTokenHash, offset, pieces(rest), clock);
  }
  return progress;
}

/** Brings some of a body, without asking what has become of it. */
export async function sendSome(
  store: Store,
  { id, uploadTokenHash }: Uploading,
  body: Bytes,
  now: number,
) {
  const { next, offset } = (await store.progress(id, uploadTokenHash, now))!;
  if (next) assert.equal(await put(next, body.subarray(offset, next.length)), 200);
  else await store.append(id, uploadTokenHash, 0, pieces(body.subarray(0, 300_000)), () => now);
}

/** Compares what is charged with what a store counts, if it is of a kind that counts. */
export async function assertCharged(store: Store, bytes: number): Promise<void> {
  const usage = await store.usage();
  if (usage) assert.equal(usage.bytes, bytes);
}

/** Registers one test of a store. */
export type StoreTest = (
  what: string,
  body: (store: Store, subject: Subject) => Promise<void>,
) => void;
