/** What the contract of stores is tested with. */
import assert from "node:assert/strict";
import { type Bytes, randomBytes } from "../../core/bytes.ts";
import type { Claim, NewSecret, Store, Taken } from "../../share/store.ts";

/** A store to be tested, and how to be rid of it. */
export interface Subject extends AsyncDisposable {
  readonly store: Store;
  /** Whether any file of the store holds these bytes. */
  holds(bytes: Bytes): boolean;
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

/** A body that must be there. */
export async function bytesOf(stream: ReadableStream<Bytes> | undefined): Promise<Bytes> {
  assert.ok(stream);
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Registers one test of a store. */
export type StoreTest = (
  what: string,
  body: (store: Store, subject: Subject) => Promise<void>,
) => void;
