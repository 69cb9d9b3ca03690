import assert from "node:assert/strict";
import { hkdfSync, scryptSync } from "node:crypto";
import { toBase64Url } from "../../../core/base64.ts";
import { type Bytes, concat, utf8 } from "../../../core/bytes.ts";
import { canonicalPassphrase, newCode } from "../../../core/share/code.ts";
import {
  deriveLinkKey,
  deriveLinkProof,
  derivePassphraseKey,
  type Scrypt,
} from "../../../core/share/keys.ts";
import { scrypt } from "../../../core/share/scrypt.ts";
import { WORDS } from "../../../core/share/words.ts";
import { failsWith, pattern, rejectsWith, sameBytes } from "../support.ts";

const SECRET = pattern(32);
const COST = { N: 2 ** 17, r: 8, p: 1, maxmem: 2 ** 28 };
/** The same in a fraction of the time: what is tested is what goes in and what is made of it. */
const quick: Scrypt = (password, salt) => {
  return Promise.resolve(new Uint8Array(scryptSync(password, salt, 32, { ...COST, N: 2 })));
};

Deno.test("a passphrase's keys are HKDF-SHA-512 of link secret and scrypt, as Node makes them", async () => {
  const { key, passphraseProof } = await derivePassphraseKey(SECRET, "ﬁne words", scrypt);
  const salt = await expandByNode(SECRET, "crypto/v1/share/salt", 16);
  const stretched = scryptSync("fine words", salt, 32, COST);
  const node = (label: string) => {
    const input = concat(SECRET, stretched);
    return new Uint8Array(hkdfSync("sha512", input, "crypto/v1/share", label, 32));
  };
  sameBytes(key, node("crypto/v1/share/passphrase-key"));
  sameBytes(passphraseProof!, node("crypto/v1/share/passphrase-proof"));
});

/** HKDF-Expand alone: Web Crypto's HMAC, one block. */
async function expandByNode(key: Bytes, info: string, length: number): Promise<Bytes> {
  const { createHmac } = await import("node:crypto");
  const block = createHmac("sha512", key).update(utf8(info)).update(new Uint8Array([1])).digest();
  return new Uint8Array(block.subarray(0, length));
}

Deno.test("id, proof and key of a link are expanded from it, each under its own label", async () => {
  const { id, linkProof } = await deriveLinkProof(SECRET);
  const { key, passphraseProof } = await deriveLinkKey(SECRET);
  assert.equal(passphraseProof, undefined);
  sameBytes(id, await expandByNode(SECRET, "crypto/v1/share/id", 16));
  sameBytes(linkProof, await expandByNode(SECRET, "crypto/v1/share/link-proof", 32));
  sameBytes(key, await expandByNode(SECRET, "crypto/v1/share/key", 32));
});

Deno.test("nothing that is derived shares a buffer with anything else", async () => {
  const { id, linkProof } = await deriveLinkProof(SECRET);
  for (const bytes of [id, linkProof]) assert.equal(bytes.buffer.byteLength, bytes.length);
});

Deno.test("another passphrase or another link gives another key and another proof", async () => {
  const all = [
    await derivePassphraseKey(SECRET, "one", quick),
    await derivePassphraseKey(SECRET, "two", quick),
    await derivePassphraseKey(pattern(32, 2), "one", quick),
  ].flatMap(({ key, passphraseProof }) => [key, passphraseProof!]);
  assert.equal(new Set(all.map(toBase64Url)).size, 6);
});

Deno.test("a passphrase has 1 to 4,096 characters and is well-formed", async () => {
  for (const passphrase of ["", "a".repeat(4_097)]) {
    await rejectsWith("no_passphrase", derivePassphraseKey(SECRET, passphrase, quick));
  }
  await rejectsWith("invalid_text", derivePassphraseKey(SECRET, "a\ud800", quick));
});

Deno.test("the list has 1,295 different words of small letters", () => {
  assert.equal(new Set(WORDS).size, 1_295);
  for (const word of WORDS) assert.match(word, /^[a-z]{2,5}$/);
});

Deno.test("a code is four words of the list, and every word comes", () => {
  const seen = new Set<string>();
  for (let i = 0; i < 6_000; i++) {
    const code = newCode();
    assert.equal(canonicalPassphrase(code), code);
    for (const word of code.split("-")) seen.add(word);
  }
  // After 24,000 words, one is missing with a chance of 1 in 80,000.
  assert.equal(seen.size, 1_295);
});

Deno.test("numbers that would favour some words are drawn again", () => {
  const drawn = [2 ** 32 - 1, 0, 1_295, 1, 2, 3];
  const code = newCode((numbers) => numbers[0] = drawn.shift()!);
  assert.equal(code, [0, 0, 1, 2].map((i) => WORDS[i]).join("-"));
});

Deno.test("a code is the same in whatever case and with whatever between its words", () => {
  const code = "acid-zoom-yoyo-sled";
  const spellings = ["Acid Zoom Yoyo Sled", " ACID  zoom-yoyo–sled\n", "acid\tzoom yoyo - sled"];
  for (const spelling of spellings) assert.equal(canonicalPassphrase(spelling), code);
});

Deno.test("what is no code is kept as it is, but for its Unicode form", () => {
  const others = [
    "acid-zoom-sled",
    "Correct Horse Battery Staple",
    " acid",
    "acid zoom sled tall go",
  ];
  for (const other of others) assert.equal(canonicalPassphrase(other), other);
  assert.equal(canonicalPassphrase("ﬁ"), "fi");
  failsWith("no_passphrase", () => canonicalPassphrase(""));
});
