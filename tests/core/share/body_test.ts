import assert from "node:assert/strict";
import { type Bytes, concat, EMPTY, utf8 } from "../../../core/bytes.ts";
import { createSealer } from "../../../core/cobblestone.ts";
import { bodyLength, BodyReader, createBodySealer } from "../../../core/share/body.ts";
import { decodeManifest, encodeManifest, type Manifest } from "../../../core/share/manifest.ts";
import { bodyContext, type Terms } from "../../../core/share/terms.ts";
import {
  failsWith,
  flip,
  pattern,
  pieces,
  randomPieces,
  rejectsWith,
  sameBytes,
  sealPieces,
  seeded,
  SIZES,
} from "../support.ts";

const KEY = pattern(32, 3);
const TERMS: Terms = { kind: "secret", ttl: 86_400, views: 1, passphrase: false };
const TEXT: Manifest = { kind: "text" };

async function sealBody(content: Bytes, manifest: Manifest = TEXT, terms = TERMS): Promise<Bytes> {
  const { head, sealer } = await createBodySealer(KEY, terms, manifest);
  return await sealPieces(sealer, [head, ...pieces(content, 50_000)]);
}

async function openBody(body: Iterable<Bytes>, terms = TERMS) {
  const reader = new BodyReader(KEY, terms);
  const parts: Bytes[] = [];
  for (const piece of body) parts.push(await reader.update(piece));
  parts.push(await reader.finish());
  return { manifest: reader.manifest, content: concat(...parts) };
}

Deno.test("a text of any size comes back byte for byte, however it is cut", async () => {
  const random = seeded(7);
  for (const size of [...SIZES, 200_000]) {
    const content = pattern(size);
    const body = await sealBody(content);
    assert.equal(body.length, bodyLength(TEXT, size));
    for (const cut of [[body], pieces(body, 16_400), randomPieces(body, random)]) {
      const opened = await openBody(cut);
      assert.deepEqual(opened.manifest, TEXT);
      sameBytes(opened.content, content);
    }
  }
});

Deno.test("texts that look like something else are bytes like all others", async () => {
  const texts = [
    '{"file_name":"x"}',
    "[]",
    "null",
    "__proto__",
    "a&lt;b&amp;",
    "\u001b[31m",
    "\r\n",
  ];
  for (const text of texts) {
    sameBytes((await openBody([await sealBody(utf8(text))])).content, utf8(text));
  }
});

Deno.test("byte by byte is a way to read, too", async () => {
  const { content } = await openBody(pieces(await sealBody(utf8("hello")), 1));
  sameBytes(content, utf8("hello"));
});

Deno.test("files come back one after the other, with hostile names as they were", async () => {
  const files = ["../x", "/etc/x", "C:\\x", "a\0b", "\u202Etxt.exe", "a\r\n", "ü".repeat(300), ""]
    .map((name, i) => ({ name, type: "text/html", size: i }));
  const content = pattern(28);
  const opened = await openBody([await sealBody(content, { kind: "files", files })]);
  assert.deepEqual(opened.manifest, { kind: "files", files });
  sameBytes(opened.content, content);
});

Deno.test("a body opens under its own terms only", async () => {
  const body = await sealBody(utf8("x"));
  const others: Partial<Terms>[] = [
    { kind: "answer" },
    { ttl: 86_401 },
    { views: 2 },
    { passphrase: true },
  ];
  for (const other of others) {
    await rejectsWith("decryption_failed", openBody([body], { ...TERMS, ...other }));
  }
});

Deno.test("a body that was changed or cut does not open", async () => {
  const body = await sealBody(pattern(40_000));
  for (const at of [0, 30, 60, 16_500, body.length - 1]) {
    await rejectsWith("decryption_failed", openBody([flip(body, at)]));
  }
  for (const end of [0, 55, 56, 71, 72, 16_456, body.length - 1]) {
    await rejectsWith("decryption_failed", openBody([body.subarray(0, end)]), String(end));
  }
  await rejectsWith("decryption_failed", openBody([concat(body, new Uint8Array(1))]));
});

/** A body whose plaintext some other program wrote. */
async function foreign(plaintext: Bytes): Promise<Bytes> {
  const sealer = await createSealer(KEY, { context: bodyContext(TERMS) });
  return await sealPieces(sealer, [plaintext]);
}

Deno.test("what is authentic but not of this format is malformed", async () => {
  const length = (n: number) => new Uint8Array([n >> 24, n >> 16, n >> 8, n]);
  const json = utf8('{"kind":"files","files":[{"name":"a","type":"","size":3}]}');
  const plaintexts = [
    EMPTY,
    length(2).subarray(0, 3),
    concat(length(65_537), new Uint8Array(65_537)),
    concat(length(100), json),
    concat(length(-1), json),
    concat(length(json.length), json, utf8("ab")),
    concat(length(json.length), json, utf8("abcd")),
  ];
  for (const plaintext of plaintexts) {
    await rejectsWith("malformed", openBody([await foreign(plaintext)]));
  }
});

Deno.test("a manifest has its fields and no other", () => {
  const bad = [
    "",
    "null",
    "[]",
    "7",
    "{}",
    '{"kind":"text","x":1}',
    '{"kind":"code"}',
    '{"kind":"files"}',
    '{"kind":"files","files":{}}',
    '{"kind":"files","files":[null]}',
    '{"kind":"files","files":[{"name":"a","type":""}]}',
    '{"kind":"files","files":[{"name":1,"type":"","size":1}]}',
    '{"kind":"files","files":[{"name":"a","type":"","size":-1}]}',
    '{"kind":"files","files":[{"name":"a","type":"","size":1.5}]}',
    '{"kind":"files","files":[{"name":"a","type":"","size":"1"}]}',
    '{"kind":"files","files":[{"name":"a","type":"","size":1,"__proto__":{}}]}',
    `{"kind":"files","files":[${'{"name":"","type":"","size":9007199254740991},'.repeat(2)}`
      .replace(/,$/, "]}"),
    `{"kind":"files","files":[${'{"name":"","type":"","size":0},'.repeat(1_001)}`
      .replace(/,$/, "]}"),
  ];
  for (const json of bad) failsWith("malformed", () => decodeManifest(utf8(json)), json);
  failsWith("malformed", () => decodeManifest(new Uint8Array([0xff])));
});

Deno.test("too many files, or too long names, are refused when they are sent", () => {
  const file = { name: "", type: "", size: 0 };
  const many = (length: number, name = "") => Array.from({ length }, () => ({ ...file, name }));
  failsWith("too_large", () => encodeManifest({ kind: "files", files: many(1_001) }));
  failsWith(
    "too_large",
    () => encodeManifest({ kind: "files", files: many(1, "a".repeat(65_536)) }),
  );
  encodeManifest({ kind: "files", files: many(1_000) });
});

Deno.test("the context is the label and 15 bytes", () => {
  const context = bodyContext({ kind: "answer", ttl: 2 ** 33 + 1, views: 258, passphrase: true });
  const label = utf8("crypto/v1/share/body\0");
  sameBytes(context.subarray(0, label.length), label);
  const fixed = [1, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 1, 2, 1];
  assert.deepEqual([...context.subarray(label.length)], fixed);
});
