import assert from "node:assert/strict";
import { createHmac, hkdfSync } from "node:crypto";
import { EMPTY, utf8 } from "../../core/bytes.ts";
import { webCrypto } from "../../core/engine.ts";
import { hkdfExpand } from "../../core/hkdf.ts";
import { hex, pattern, readVectors, sameBytes } from "./support.ts";

interface HkdfFile {
  readonly numberOfTests: number;
  readonly testGroups: readonly { readonly tests: readonly HkdfTest[] }[];
}

interface HkdfTest {
  readonly tcId: number;
  readonly ikm: string;
  readonly salt: string;
  readonly info: string;
  readonly size: number;
  readonly okm: string;
  readonly result: "valid" | "invalid";
}

/** HKDF-Extract of RFC 5869: its default salt is as many zero bytes as the hash has. */
function extract({ ikm, salt }: HkdfTest) {
  const key = salt ? hex(salt) : new Uint8Array(64);
  return new Uint8Array(createHmac("sha512", key).update(hex(ikm)).digest());
}

Deno.test("expanding what Node extracted gives Wycheproof's HKDF-SHA-512", async () => {
  const file = await readVectors<HkdfFile>("wycheproof/hkdf_sha512_test.json");
  const tests = file.testGroups.flatMap((group) => group.tests);
  assert.equal(tests.length, file.numberOfTests);
  // Lengths above 16,320 are the caller's mistake: every caller here has a constant one.
  for (const test of tests.filter(({ result }) => result === "valid")) {
    const okm = await hkdfExpand(webCrypto, extract(test), hex(test.info), test.size);
    sameBytes(okm, hex(test.okm), `tcId ${test.tcId}`);
  }
});

Deno.test("expanding a 32-byte key is HKDF without its first step", async () => {
  const key = pattern(32);
  for (const length of [1, 8, 63, 64, 65, 76, 128, 129, 1_000]) {
    const info = utf8(`length ${length}`);
    const first = createHmac("sha512", key).update(info).update(Uint8Array.of(1)).digest();
    const okm = await hkdfExpand(webCrypto, key, info, length);
    assert.equal(okm.length, length);
    const shared = Math.min(64, length);
    sameBytes(okm.subarray(0, shared), first.subarray(0, shared));
  }
});

Deno.test("an output is the start of every longer one", async () => {
  const long = await hkdfExpand(webCrypto, pattern(32), EMPTY, 500);
  for (const length of [0, 1, 64, 65, 499]) {
    sameBytes(await hkdfExpand(webCrypto, pattern(32), EMPTY, length), long.subarray(0, length));
  }
});

Deno.test("expanding agrees with Node's whole HKDF", async () => {
  const [ikm, salt, info] = [pattern(32), pattern(24, 2), pattern(50, 3)];
  const prk = new Uint8Array(createHmac("sha512", salt).update(ikm).digest());
  const expected = new Uint8Array(hkdfSync("sha512", ikm, salt, info, 200));
  sameBytes(await hkdfExpand(webCrypto, prk, info, 200), expected);
});
