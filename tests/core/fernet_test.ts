import assert from "node:assert/strict";
import { base64url } from "@scure/base";
import { type Bytes, EMPTY, utf8 } from "../../core/bytes.ts";
import type { ErrorCode } from "../../core/errors.ts";
import { looksLikeFernet, openFernet, readFernetKey, sealFernet } from "../../core/fernet.ts";
import { failsWith, flip, pattern, readVectors, rejectsWith, sameBytes } from "./support.ts";

interface FernetVector {
  readonly desc?: string;
  readonly token: string;
  readonly now: string;
  readonly secret: string;
  readonly ttl_sec?: number;
  readonly iv?: readonly number[];
  readonly src?: string;
}

const KEY = pattern(32, 77);
const seconds = (time: string) => Date.parse(time) / 1_000;
const encode = (bytes: Uint8Array) => base64url.encode(bytes);
const decode = (text: string) => base64url.decode(text) as Bytes;

function openVector({ secret, token, now, ttl_sec: ttl }: FernetVector): Promise<Bytes> {
  return openFernet(readFernetKey(secret), token, { now: seconds(now), ttl });
}

Deno.test("the specification's tokens are written byte for byte", async () => {
  for (const vector of await readVectors<FernetVector[]>("fernet/generate.json")) {
    const options = { now: seconds(vector.now), iv: Uint8Array.from(vector.iv!) };
    const token = await sealFernet(readFernetKey(vector.secret), utf8(vector.src!), options);
    assert.equal(token, vector.token);
  }
});

Deno.test("the specification's tokens are read", async () => {
  for (const vector of await readVectors<FernetVector[]>("fernet/verify.json")) {
    sameBytes(await openVector(vector), utf8(vector.src!));
  }
});

Deno.test("the specification's invalid tokens are refused", async () => {
  const malformed = ["too short", "invalid base64", "payload size not multiple of block size"];
  const vectors = await readVectors<FernetVector[]>("fernet/invalid.json");
  assert.equal(vectors.length, 8);
  for (const vector of vectors) {
    const code: ErrorCode = malformed.includes(vector.desc!) ? "malformed" : "decryption_failed";
    await rejectsWith(code, openVector(vector), vector.desc);
  }
});

Deno.test("a plaintext of every size around a block comes back", async () => {
  for (const size of [0, 1, 15, 16, 17, 31, 32, 33, 1_000, 70_000]) {
    const token = await sealFernet(KEY, pattern(size));
    sameBytes(await openFernet(KEY, token), pattern(size));
    assert.equal(decode(token).length, 57 + 16 * (Math.floor(size / 16) + 1));
  }
});

Deno.test("two tokens of one plaintext differ", async () => {
  const options = { now: 1_000 };
  assert.notEqual(await sealFernet(KEY, EMPTY, options), await sealFernet(KEY, EMPTY, options));
});

Deno.test("every bit of a token matters", async () => {
  const token = decode(await sealFernet(KEY, pattern(20)));
  for (let bit = 0; bit < token.length * 8; bit++) {
    const changed = encode(flip(token, bit >> 3, bit & 7));
    const code = bit < 8 ? "malformed" : "decryption_failed";
    await rejectsWith(code, openFernet(KEY, changed), `bit ${bit}`);
  }
});

Deno.test("a token under another key is refused, whichever half differs", async () => {
  const token = await sealFernet(KEY, pattern(20));
  await rejectsWith("decryption_failed", openFernet(flip(KEY, 0), token));
  const opened = openFernet(flip(KEY, 31), token);
  // The second half only encrypts: the padding may come out right by chance, the text cannot.
  const text = await opened.then((bytes) => bytes, () => EMPTY);
  assert.notDeepEqual(text, pattern(20));
});

Deno.test("a token that was cut or made longer is refused", async () => {
  const token = decode(await sealFernet(KEY, pattern(40)));
  for (let length = 0; length < token.length; length++) {
    await assert.rejects(openFernet(KEY, encode(token.subarray(0, length))), `${length}`);
  }
  for (const extra of [1, 16, 32]) {
    await assert.rejects(openFernet(KEY, encode(new Uint8Array([...token, ...pattern(extra)]))));
  }
});

Deno.test("a token that is spelled in another way is refused", async () => {
  const token = await sealFernet(KEY, pattern(10));
  assert.ok(token.endsWith("=="), "the tests below need unused bits");
  const otherBits = token.slice(0, -3) + nextCharacter(token.at(-3)!) + "==";
  const bad = [
    "",
    "=",
    `${token}\n`,
    ` ${token}`,
    token.replace(/=+$/, ""),
    `${token}=`,
    otherBits,
  ];
  bad.push(
    token.replaceAll("=", "%3D"),
    `+${token.slice(1)}`,
    `${token.slice(0, 20)}\n${token.slice(20)}`,
  );
  for (const text of bad) await rejectsWith("malformed", openFernet(KEY, text), text);
});

/** The character after it in base64url's alphabet: other unused bits, the same bytes. */
function nextCharacter(char: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return alphabet[alphabet.indexOf(char) + 1]!;
}

Deno.test("a token's age is judged only if asked, and a minute of skew is allowed", async () => {
  const now = 1_700_000_000;
  const token = await sealFernet(KEY, EMPTY, { now });
  const at = (offset: number, ttl?: number) => openFernet(KEY, token, { now: now + offset, ttl });
  for (const offset of [-1e9, 0, 1e9]) assert.equal((await at(offset)).length, 0);
  for (const offset of [-60, 0, 100]) assert.equal((await at(offset, 100)).length, 0);
  for (const offset of [-61, 101]) await rejectsWith("decryption_failed", at(offset, 100));
});

Deno.test("a time above 2^53 is too new, not a crash", async () => {
  const token = decode(await sealFernet(KEY, EMPTY, { now: Number.MAX_SAFE_INTEGER }));
  await rejectsWith("decryption_failed", openFernet(KEY, encode(token), { now: 0, ttl: 60 }));
  sameBytes(await openFernet(KEY, encode(token)), EMPTY);
});

Deno.test("a key is 32 bytes in padded base64url", () => {
  sameBytes(readFernetKey(encode(KEY)), KEY);
  const bad = [encode(KEY).slice(0, -1), encode(KEY) + "\n", encode(pattern(31)), ""];
  bad.push(encode(pattern(33)), encode(KEY).replaceAll("-", "+") + "+", "not a key");
  for (const text of bad) failsWith("malformed", () => readFernetKey(text), JSON.stringify(text));
});

Deno.test("tokens of these centuries look like Fernet, and messages do not", async () => {
  for (const now of [0, 1_700_000_000, 2 ** 32 - 1]) {
    assert.equal(looksLikeFernet(await sealFernet(KEY, EMPTY, { now })), true);
  }
  for (const text of ["", "gAAAA", "crypto:v1:gAAAAA", "CRY1"]) {
    assert.equal(looksLikeFernet(text), false, text);
  }
});
