/** What the tests of this folder share: assertions by error code, bytes, and ways to split them. */
import assert from "node:assert/strict";
import type { Awaitable } from "../../core/awaitable.ts";
import { type Bytes, concat } from "../../core/bytes.ts";
import { type Opener, PREFIX_LENGTH, type Sealer } from "../../core/cobblestone.ts";
import { CryptoError, type ErrorCode } from "../../core/errors.ts";

/** Sizes around the chunk boundary. */
export const SIZES = [0, 1, 16_383, 16_384, 16_385] as const;

/** A text that has no UTF-8. */
export const LONE_SURROGATE = "a\ud800b";

/** The code of what was thrown; anything but a CryptoError is thrown on. */
function codeOf(thrown: unknown): ErrorCode {
  if (thrown instanceof CryptoError) return thrown.code;
  throw thrown;
}

/** Asserts that a call throws a CryptoError of this code. */
export function failsWith(code: ErrorCode, call: () => unknown, message?: string): void {
  assert.equal(codeOfCall(call), code, message);
}

function codeOfCall(call: () => unknown): ErrorCode | "nothing thrown" {
  try {
    call();
  } catch (thrown) {
    return codeOf(thrown);
  }
  return "nothing thrown";
}

/** Asserts that a promise is rejected with a CryptoError of this code. */
export async function rejectsWith(
  code: ErrorCode,
  promise: Promise<unknown>,
  message?: string,
): Promise<void> {
  const outcome = await promise.then(() => "nothing thrown" as const, codeOf);
  assert.equal(outcome, code, message);
}

/** What comes of a call, as a promise also where it fails at once. */
export async function promised<T>(call: () => Awaitable<T>): Promise<T> {
  return await call();
}

/** `length` bytes that differ from place to place and repeat every 65,521. */
export function pattern(length: number, seed = 1): Bytes {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = (i % 65_521) * 31 + (i >> 8) + seed;
  return bytes;
}

/** Bytes of hexadecimal digits. */
export function hex(digits: string): Bytes {
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** Equality of bytes; quick and brief for megabytes, where `deepEqual` is neither. */
export function sameBytes(actual: Uint8Array, expected: Uint8Array, message = ""): void {
  assert.equal(actual.length, expected.length, `length ${message}`);
  const at = actual.findIndex((byte, i) => byte !== expected[i]);
  assert.equal(at, -1, `first difference ${message}`);
}

/** A copy with one bit changed. */
export function flip(bytes: Bytes, at: number, bit = at % 8): Bytes {
  const changed = bytes.slice();
  changed[at]! ^= 1 << bit;
  return changed;
}

/** A whole number from 0 to `below` - 1. Seeded, so that a failure can be repeated. */
export type Random = (below: number) => number;

/** A small generator (mulberry32). Not for keys. */
export function seeded(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Cuts bytes into pieces of random sizes, some of them empty. */
export function* randomPieces(bytes: Bytes, random: Random): Generator<Bytes> {
  const widest = [3, 100, 20_000, 70_000, 400_000];
  for (let at = 0; at < bytes.length;) {
    const length = random(widest[random(widest.length)]!);
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

/** Cuts bytes into pieces of one size. */
export function* pieces(bytes: Bytes, size: number): Generator<Bytes> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** A whole Cobblestone message, sealed piece by piece. */
export async function sealPieces(sealer: Sealer, parts: Iterable<Bytes>): Promise<Bytes> {
  const out: Bytes[] = [sealer.prefix];
  for (const part of parts) out.push(await sealer.update(part));
  return concat(...out, await sealer.finish());
}

/** What came out of an opener, and whether the message proved whole. */
export interface Opened {
  readonly plaintext: Bytes;
  readonly whole: boolean;
}

/** Opens piece by piece, as a reader would that stops at the first error. */
export async function openPieces(opener: Opener, parts: Iterable<Bytes>): Promise<Opened> {
  const out: Bytes[] = [];
  try {
    for (const part of parts) out.push(await opener.update(part));
    out.push(await opener.finish());
    return { plaintext: concat(...out), whole: true };
  } catch (thrown) {
    assert.equal(codeOf(thrown), "decryption_failed");
    return { plaintext: concat(...out), whole: false };
  }
}

/** A Cobblestone message in its prefix and its chunks' bytes. */
export function splitPrefix(message: Bytes): { prefix: Bytes; rest: Bytes } {
  return { prefix: message.subarray(0, PREFIX_LENGTH), rest: message.subarray(PREFIX_LENGTH) };
}

/** A data file of tests/vectors, read as JSON. The caller names its shape. */
export async function readVectors<T>(path: string): Promise<T> {
  const file = new URL(`../vectors/${path}`, import.meta.url);
  return JSON.parse(await Deno.readTextFile(file)) as T;
}
