import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { concat, EMPTY, utf8 } from "../../core/bytes.ts";
import {
  formatKeyId,
  HEADER_LENGTH,
  KEY_ID_LENGTH,
  keyId,
  looksLikeMessage,
  makeHeader,
  readHeader,
} from "../../core/header.ts";
import { failsWith, flip, hex, pattern, sameBytes } from "./support.ts";

const ID = pattern(8, 50);

Deno.test("a header is the magic, the kind and the key id", () => {
  sameBytes(makeHeader("direct", ID).bytes, concat(utf8("CRY1\0"), ID));
  sameBytes(makeHeader("enveloped", ID).bytes, concat(utf8("CRY1\x01"), ID));
  sameBytes(makeHeader("passphrase").bytes, hex("43525931020000000000000000"));
  assert.equal(HEADER_LENGTH, 13);
});

Deno.test("a header that was made is read the same, whatever follows it", () => {
  for (const kind of ["direct", "enveloped"] as const) {
    const made = makeHeader(kind, ID);
    assert.deepEqual(readHeader(made.bytes), made);
    assert.deepEqual(readHeader(concat(made.bytes, pattern(500))), made);
  }
  assert.equal(readHeader(makeHeader("passphrase").bytes).kind, "passphrase");
});

Deno.test("a header keeps no hold on the message it was read from", () => {
  const message = concat(makeHeader("direct", ID).bytes, pattern(9));
  const header = readHeader(message);
  message.fill(0);
  sameBytes(header.bytes, makeHeader("direct", ID).bytes);
  sameBytes(header.keyId, ID);
});

Deno.test("nothing, and less than a header, is malformed", () => {
  const { bytes } = makeHeader("direct", ID);
  for (let end = 0; end < HEADER_LENGTH; end++) {
    failsWith("malformed", () => readHeader(bytes.subarray(0, end)), `${end}`);
  }
});

Deno.test("another magic or version is malformed, whichever bit differs", () => {
  const { bytes } = makeHeader("direct", ID);
  for (let bit = 0; bit < 32; bit++) {
    failsWith("malformed", () => readHeader(flip(bytes, bit >> 3, bit & 7)), `bit ${bit}`);
  }
});

Deno.test("every kind but the three is malformed", () => {
  for (let kind = 3; kind < 256; kind++) {
    const bytes = concat(utf8("CRY1"), Uint8Array.of(kind), ID);
    failsWith("malformed", () => readHeader(bytes), `kind ${kind}`);
  }
});

Deno.test("a passphrase message with a key id is malformed, whichever bit is set", () => {
  const { bytes } = makeHeader("passphrase");
  for (let bit = 5 * 8; bit < HEADER_LENGTH * 8; bit++) {
    failsWith("malformed", () => readHeader(flip(bytes, bit >> 3, bit & 7)), `bit ${bit}`);
  }
});

Deno.test("a key id is HKDF-Expand of the key, and 11 characters as text", async () => {
  const key = pattern(32, 6);
  const mac = createHmac("sha512", key).update("crypto/v1/key-id\x01").digest();
  const id = await keyId(key);
  sameBytes(id, mac.subarray(0, KEY_ID_LENGTH));
  assert.match(formatKeyId(id), /^[A-Za-z0-9_-]{11}$/);
});

Deno.test("bytes look like a message if they start with the magic", () => {
  assert.equal(looksLikeMessage(utf8("CRY1")), true);
  assert.equal(looksLikeMessage(utf8("CRY1 and anything")), true);
  assert.equal(looksLikeMessage(utf8("CRY")), false);
  assert.equal(looksLikeMessage(utf8("CRY2.............")), false);
  assert.equal(looksLikeMessage(EMPTY), false);
});
