import assert from "node:assert/strict";
import { fromBase64Url, fromBase64UrlScratch, toBase64Url } from "../../core/base64.ts";
import {
  type Bytes,
  concat,
  EMPTY,
  equalSecret,
  fromUtf8,
  randomBytes,
  utf8,
} from "../../core/bytes.ts";
import { failsWith, flip, LONE_SURROGATE, pattern, sameBytes, seeded } from "./support.ts";

Deno.test("byte strings are joined in order, into a buffer of their own", () => {
  const a = pattern(3);
  const joined = concat(a, EMPTY, pattern(2, 9));
  assert.deepEqual([...joined], [...pattern(3), ...pattern(2, 9)]);
  joined.fill(0);
  sameBytes(a, pattern(3));
  assert.equal(concat().length, 0);
});

Deno.test("secrets are equal only if every byte and the length are", () => {
  const secret = pattern(32);
  assert.equal(equalSecret(secret, secret.slice()), true);
  assert.equal(equalSecret(EMPTY, EMPTY), true);
  for (let i = 0; i < 32; i++) assert.equal(equalSecret(secret, flip(secret, i)), false);
  assert.equal(equalSecret(secret, secret.subarray(1)), false);
  assert.equal(equalSecret(secret, EMPTY), false);
});

Deno.test("random bytes have the length asked for and differ", () => {
  assert.equal(randomBytes(0).length, 0);
  assert.equal(randomBytes(65_536).length, 65_536);
  assert.notDeepEqual(randomBytes(32), randomBytes(32));
});

Deno.test("text becomes UTF-8 and comes back, byte order marks and zero bytes too", () => {
  for (const text of ["", "a", "\ufeffmark", "a\0b", "äöü€", "😀", "\u{10ffff}"]) {
    assert.equal(fromUtf8(utf8(text)), text);
  }
  sameBytes(utf8("€"), Uint8Array.of(0xe2, 0x82, 0xac));
});

Deno.test("a lone surrogate is refused, not replaced", () => {
  for (const text of [LONE_SURROGATE, "\ud800", "\udc00", "\udc00\ud800", "x\udbff"]) {
    failsWith("invalid_text", () => utf8(text));
  }
});

Deno.test("bytes that are not UTF-8 are refused, not replaced", () => {
  const bad = [[0xff], [0x80], [0xc3], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80]];
  for (const bytes of bad) failsWith("invalid_text", () => fromUtf8(Uint8Array.from(bytes)));
});

/** Both readers accept the same. */
const READERS = [fromBase64Url, fromBase64UrlScratch];

Deno.test("base64url of every length comes back, without padding", () => {
  for (let length = 0; length < 70; length++) {
    const text = toBase64Url(pattern(length));
    assert.match(text, /^[A-Za-z0-9_-]*$/);
    assert.equal(text.length, Math.ceil(length * 8 / 6));
    for (const read of READERS) sameBytes(read(text), pattern(length));
  }
  assert.equal(toBase64Url(Uint8Array.of(0xfb, 0xff, 0xfe)), "-__-");
});

Deno.test("every spelling of base64url but the canonical one is refused", () => {
  const bad = ["A", "AAAAA", "AA==", "AAA=", "AAAA=", "AAAA====", "=", "A=AA", "AA=A"];
  bad.push(" AAAA", "AAAA ", "AA AA", "AAAA\n", "AA\r\nAA", "\tAAAA", "AAAA\0", "AA\u00a0AA");
  bad.push("AAAA    ", "    ", "AA  ", " AAAAAAA", "AAA\nAAA", "AAA\fAA");
  bad.push("+AAA", "/AAA", "AA+A", "AA.A", "AA,A", "AA*A", "ＡAAA", "AAÄA", LONE_SURROGATE);
  for (const text of bad) refuses(text);
});

function refuses(text: string): void {
  for (const read of READERS) failsWith("malformed", () => read(text), JSON.stringify(text));
}

Deno.test("unused bits that are not zero are refused", () => {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  for (const [i, char] of [...alphabet].entries()) {
    checkTail(`A${char}`, i % 16 === 0);
    checkTail(`AA${char}`, i % 4 === 0);
  }
});

function checkTail(text: string, canonical: boolean): void {
  if (!canonical) return refuses(text);
  for (const read of READERS) assert.equal(toBase64Url(read(text)), text);
}

Deno.test("what base64url accepts, it writes the same", () => {
  const random = seeded(8);
  const characters = "AZaz09-_=+/ ";
  for (let round = 0; round < 3_000; round++) {
    const text = Array.from({ length: random(9) }, () => characters[random(12)]).join("");
    const bytes = decoded(text);
    if (!bytes) refuses(text);
    else for (const read of READERS) assert.equal(toBase64Url(read(text)), text);
  }
});

function decoded(text: string): Bytes | undefined {
  try {
    return fromBase64Url(text);
  } catch {
    return undefined;
  }
}
