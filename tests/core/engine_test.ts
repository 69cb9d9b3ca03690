import assert from "node:assert/strict";
import { type Bytes } from "../../core/bytes.ts";
import {
  CHUNK,
  chunkCount,
  chunkNonce,
  MAX_CHUNKS,
  SEALED_CHUNK,
  webCrypto,
} from "../../core/engine.ts";
import { engineContract } from "./engine_contract.ts";
import { hex, sameBytes } from "./support.ts";

engineContract("webcrypto", webCrypto);

Deno.test("the base nonce is XORed with the chunk number, big-endian", () => {
  const base = hex("0102030405060708090a0b0c");
  const expected: Record<number, string> = {
    [0]: "0102030405060708090a0b0c",
    [1]: "0102030405060708090a0b0d",
    [255]: "0102030405060708090a0bf3",
    [256]: "0102030405060708090a0a0c",
    [65_535]: "0102030405060708090af4f3",
    [65_536]: "0102030405060708090b0b0c",
    [2 ** 32]: "0102030405060709090a0b0c",
    [MAX_CHUNKS - 1]: "0102030405060737f6f5f4f3",
  };
  for (const [number, nonce] of Object.entries(expected)) {
    sameBytes(chunkNonce(base, Number(number)), hex(nonce), number);
  }
});

Deno.test("the chunk nonce is the same as with 96-bit arithmetic, and the base is left alone", () => {
  const base: Bytes = new Uint8Array(12).fill(0xff);
  for (const number of [0, 1, 2 ** 16 + 3, 2 ** 31, 2 ** 32 + 7, 2 ** 37 + 2 ** 20, MAX_CHUNKS]) {
    const xored = (2n ** 96n - 1n) ^ BigInt(number);
    sameBytes(chunkNonce(base, number), hex(xored.toString(16).padStart(24, "0")));
  }
  sameBytes(base, new Uint8Array(12).fill(0xff));
});

Deno.test("chunks are counted, and an empty run is one chunk", () => {
  const counts = [0, 1, CHUNK, CHUNK + 1, 2 * CHUNK].map((length) => chunkCount(length, CHUNK));
  assert.deepEqual(counts, [1, 1, 1, 2, 2]);
  assert.equal(chunkCount(SEALED_CHUNK + 16, SEALED_CHUNK), 2);
});
