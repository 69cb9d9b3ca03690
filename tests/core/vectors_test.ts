/** Our own vectors: everything in tests/vectors/crypto-v1.json, opened as a reader would. */
import assert from "node:assert/strict";
import { armor, unarmor } from "../../core/armor.ts";
import { fromBase64Url, toBase64Url } from "../../core/base64.ts";
import { type Bytes, concat } from "../../core/bytes.ts";
import { PREFIX_LENGTH } from "../../core/cobblestone.ts";
import { CryptoError } from "../../core/errors.ts";
import { digestOf, makeMac, readMac, verifyMac } from "../../core/mac.ts";
import { formatKeyId, keyId, readHeader } from "../../core/header.ts";
import {
  BODY_PREFIX_LENGTH,
  createBodyOpener,
  ENVELOPE_LENGTH,
  openDirect,
  openEnvelope,
} from "../../core/message.ts";
import {
  createPassphraseOpener,
  PASSPHRASE_PREFIX_LENGTH,
  type PassphraseUse,
} from "../../core/passphrase.ts";
import { encodeRing, openRing } from "../../core/ring_file.ts";
import { generate } from "../vectors/generate.ts";
import type {
  CryptoVectors,
  Expected,
  KeyedVector,
  MacVector,
  PassphraseVector,
  RingContent,
} from "../vectors/types.ts";
import { failsWith, openPieces, readVectors, rejectsWith, sameBytes } from "./support.ts";

const VECTORS = await readVectors<CryptoVectors>("crypto-v1.json");

const contextOf = ({ context }: { context: string | null }) =>
  context === null ? undefined : fromBase64Url(context);

/** What the vectors' messages hold. */
const plaintextOf = (length: number) => Uint8Array.from({ length }, (_, i) => i % 251);

async function check(entry: Expected & { comment: string }, opening: Promise<Bytes>) {
  if (entry.result === "invalid") return await rejectsWith(entry.error, opening, entry.comment);
  sameBytes(await opening, plaintextOf(entry.length), entry.comment);
}

async function readDirect(entry: KeyedVector): Promise<Bytes> {
  const message = fromBase64Url(entry.message);
  const header = readHeader(message);
  const version = { id: header.keyId, material: fromBase64Url(entry.key) };
  return await openDirect(version, header, message, { context: contextOf(entry) });
}

async function readEnveloped(entry: KeyedVector): Promise<Bytes> {
  const message = fromBase64Url(entry.message);
  const header = readHeader(message);
  const version = { id: header.keyId, material: fromBase64Url(entry.key) };
  const dataKey = await openEnvelope(version, header, message.subarray(0, ENVELOPE_LENGTH));
  assert.equal(toBase64Url(dataKey), VECTORS.dataKey);
  const bodyStart = ENVELOPE_LENGTH + BODY_PREFIX_LENGTH;
  const prefix = message.subarray(ENVELOPE_LENGTH, bodyStart);
  const opener = await createBodyOpener(dataKey, prefix, { context: contextOf(entry) });
  return concat(await opener.update(message.subarray(bodyStart)), await opener.finish());
}

async function readPassphrase(entry: PassphraseVector): Promise<Bytes> {
  const message = fromBase64Url(entry.message);
  readHeader(message);
  const start = PASSPHRASE_PREFIX_LENGTH + PREFIX_LENGTH;
  const opener = await createPassphraseOpener(
    entry.passphrase,
    message.subarray(0, PASSPHRASE_PREFIX_LENGTH),
    message.subarray(PASSPHRASE_PREFIX_LENGTH, start),
    { use: entry.use as PassphraseUse, context: contextOf(entry) },
  );
  const { plaintext, whole } = await openPieces(opener, [message.subarray(start)]);
  if (!whole) throw new CryptoError("decryption_failed");
  return plaintext;
}

Deno.test("the vectors are what their generator writes", async () => {
  const file = new URL("../vectors/crypto-v1.json", import.meta.url);
  assert.ok(await generate() === await Deno.readTextFile(file));
});

Deno.test("every key of the vectors has its id", async () => {
  for (const { key, id } of VECTORS.keyIds) {
    assert.equal(formatKeyId(await keyId(fromBase64Url(key))), id);
  }
});

Deno.test("every text of the vectors is read, or refused", () => {
  for (const entry of VECTORS.armor) {
    if ("error" in entry) {
      failsWith(entry.error, () => unarmor(entry.text), entry.comment);
    } else {
      sameBytes(unarmor(entry.text), fromBase64Url(entry.bytes));
      assert.equal(armor(fromBase64Url(entry.bytes)), entry.text);
    }
  }
});

Deno.test("every direct message of the vectors opens, or fails as it must", async () => {
  for (const entry of VECTORS.direct) await check(entry, readDirect(entry));
});

Deno.test("every enveloped message of the vectors opens, or fails as it must", async () => {
  for (const entry of VECTORS.enveloped) await check(entry, readEnveloped(entry));
});

Deno.test("every passphrase message of the vectors opens, or fails as it must", async () => {
  for (const entry of VECTORS.passphrase) await check(entry, readPassphrase(entry));
});

async function verify(entry: MacVector): Promise<void> {
  const mac = readMac(entry.mac);
  const version = { id: mac.keyId, material: fromBase64Url(entry.key) };
  const digest = await digestOf(plaintextOf(entry.length));
  await verifyMac(version, mac, digest, { context: contextOf(entry) });
  assert.equal(await makeMac(version, digest, { context: contextOf(entry) }), entry.mac);
}

Deno.test("every mac of the vectors fits and is made, or is refused as it must", async () => {
  for (const entry of VECTORS.mac) {
    if (entry.error) await rejectsWith(entry.error, verify(entry), entry.comment);
    else await verify(entry);
  }
});

Deno.test("every ring of the vectors opens, or fails as it must", async () => {
  for (const entry of VECTORS.ring) {
    const opening = openRing(fromBase64Url(entry.file), fromBase64Url(entry.sealingKey));
    if ("error" in entry) await rejectsWith(entry.error, opening, entry.comment);
    else assert.deepEqual(contentOf(encodeRing(await opening)), { ...entry.content, format: 2 });
  }
});

function contentOf(encoded: Bytes): RingContent {
  return JSON.parse(new TextDecoder().decode(encoded)) as RingContent;
}
