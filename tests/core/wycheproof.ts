/** Wycheproof's vectors for Cobblestone-256, read as its documentation says. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { inflateSync } from "node:zlib";
import type { Bytes } from "../../core/bytes.ts";
import { hex, readVectors } from "./support.ts";

interface RawTest {
  readonly tcId: number;
  readonly comment: string;
  readonly key: string;
  readonly ctx: string;
  /** Hexadecimal of a zlib stream. */
  readonly ct: string;
  readonly aeadKey?: string;
  readonly baseNonce?: string;
  readonly msgLength?: number;
  readonly msgSha512?: string;
  readonly result: "valid" | "invalid";
  readonly flags: readonly string[];
}

interface RawFile {
  readonly numberOfTests: number;
  readonly testGroups: readonly { readonly tests: readonly RawTest[] }[];
}

/** One vector. */
export interface CobblestoneVector {
  /** For messages of a failed assertion. */
  readonly title: string;
  readonly key: Bytes;
  readonly context: Bytes;
  readonly message: Bytes;
  readonly valid: boolean;
  readonly flags: readonly string[];
  /** The keys that the message is encrypted with; absent where the prefix is already wrong. */
  readonly raw: { readonly key: Bytes; readonly baseNonce: Bytes } | undefined;
  /** Of the plaintext; of an invalid message, of the longest authentic start of it. */
  readonly length: number;
  readonly sha512: string | undefined;
}

function readVector(test: RawTest): CobblestoneVector {
  const { aeadKey, baseNonce } = test;
  return {
    title: `tcId ${test.tcId}: ${test.comment}`,
    key: hex(test.key),
    context: hex(test.ctx),
    message: new Uint8Array(inflateSync(hex(test.ct))),
    valid: test.result === "valid",
    flags: test.flags,
    raw: aeadKey && baseNonce ? { key: hex(aeadKey), baseNonce: hex(baseNonce) } : undefined,
    length: test.msgLength ?? 0,
    sha512: test.msgSha512,
  };
}

/** All vectors. */
export async function cobblestoneVectors(): Promise<CobblestoneVector[]> {
  const file = await readVectors<RawFile>(
    "wycheproof/c2sp_chunked_encryption_aes_256_gcm_test.json",
  );
  const vectors = file.testGroups.flatMap(({ tests }) => tests.map(readVector));
  assert.equal(vectors.length, file.numberOfTests);
  return vectors;
}

/** SHA-512 in hexadecimal. */
export function sha512(bytes: Uint8Array): string {
  return createHash("sha512").update(bytes).digest("hex");
}
