import assert from "node:assert/strict";
import { type Bytes, concat, EMPTY, utf8 } from "../../core/bytes.ts";
import { open, seal } from "../../core/cobblestone.ts";
import { CHUNK, SEALED_CHUNK } from "../../core/engine.ts";
import type { ErrorCode } from "../../core/errors.ts";
import { HEADER_LENGTH, keyId, makeHeader, readHeader } from "../../core/header.ts";
import {
  BODY_PREFIX_LENGTH,
  createBodyOpener,
  createBodySealer,
  createEnvelope,
  ENVELOPE_LENGTH,
  type KeyVersion,
  MAX_CONTEXT,
  openDirect,
  openEnvelope,
  openEnveloped as openWhole,
  requireContext,
  sealDirect,
  sealEnveloped as sealWhole,
} from "../../core/message.ts";
import {
  failsWith,
  flip,
  openPieces,
  pattern,
  promised,
  randomPieces,
  rejectsWith,
  sameBytes,
  sealPieces,
  seeded,
  SIZES,
} from "./support.ts";

async function version(seed: number): Promise<KeyVersion> {
  const material = pattern(32, seed);
  return { id: await keyId(material), material };
}

const KEY = await version(11);
const OTHER = await version(12);
const CONTEXT = utf8("table=users;row=7");
const CONTEXTS = [undefined, EMPTY, CONTEXT, pattern(MAX_CONTEXT)];

/** Reads a direct message as the daemon does: the header says which key. */
async function readDirect(message: Bytes, context?: Bytes, key = KEY): Promise<Bytes> {
  return await openDirect(key, readHeader(message), message, { context });
}

/** A whole enveloped message. */
async function sealEnveloped(plaintext: Bytes, context?: Bytes): Promise<Bytes> {
  const { envelope, dataKey } = await createEnvelope(KEY);
  const sealer = await createBodySealer(dataKey, { context });
  return concat(envelope, await sealPieces(sealer, [plaintext]));
}

/** Reads an enveloped message as client and daemon do between them. */
async function readEnveloped(message: Bytes, context?: Bytes, key = KEY) {
  const envelope = message.subarray(0, ENVELOPE_LENGTH);
  const dataKey = await openEnvelope(key, readHeader(message), envelope);
  const bodyStart = ENVELOPE_LENGTH + BODY_PREFIX_LENGTH;
  const prefix = message.subarray(ENVELOPE_LENGTH, bodyStart);
  const opener = await createBodyOpener(dataKey, prefix, { context });
  return await openPieces(opener, [message.subarray(bodyStart)]);
}

async function codeOf(reading: Promise<unknown>): Promise<ErrorCode | "opened"> {
  return await reading.then(() => "opened" as const, (error) => error.code);
}

Deno.test("a direct message of every size and context comes back", async () => {
  for (const size of SIZES) {
    for (const context of CONTEXTS) {
      const message = await sealDirect(KEY, pattern(size), { context });
      sameBytes(message.subarray(0, HEADER_LENGTH), makeHeader("direct", KEY.id).bytes);
      sameBytes(await readDirect(message, context), pattern(size));
    }
  }
});

Deno.test("a direct message is Cobblestone-256 bound to header and context", async () => {
  const { bytes } = makeHeader("direct", KEY.id);
  const context = concat(bytes, CONTEXT);
  const body = (await sealDirect(KEY, pattern(90), { context: CONTEXT })).subarray(HEADER_LENGTH);
  sameBytes(await open(KEY.material, body, { context }), pattern(90));
  const composed = concat(bytes, await seal(KEY.material, pattern(90), { context }));
  sameBytes(await readDirect(composed, CONTEXT), pattern(90));
});

Deno.test("every byte of a short direct message matters", async () => {
  const message = await sealDirect(KEY, pattern(20), { context: CONTEXT });
  for (let bit = 0; bit < message.length * 8; bit++) {
    const changed = flip(message, bit >> 3, bit & 7);
    const code = await codeOf((async () => await readDirect(changed, CONTEXT))());
    const unreadable = bit < 40;
    assert.equal(code, unreadable ? "malformed" : "decryption_failed", `bit ${bit}`);
  }
});

Deno.test("every byte around a long direct message's boundaries matters", async () => {
  const message = await sealDirect(KEY, pattern(CHUNK + 50), { context: CONTEXT });
  const bounds = [HEADER_LENGTH, HEADER_LENGTH + 24, HEADER_LENGTH + 56];
  bounds.push(HEADER_LENGTH + 56 + CHUNK, HEADER_LENGTH + 56 + SEALED_CHUNK, message.length);
  for (const bound of bounds) {
    for (let at = Math.max(0, bound - 18); at < Math.min(bound + 18, message.length); at++) {
      const code = await codeOf((async () => await readDirect(flip(message, at), CONTEXT))());
      assert.ok(code === "decryption_failed" || (at < 5 && code === "malformed"), `byte ${at}`);
    }
  }
});

Deno.test("a direct message cut anywhere does not open", async () => {
  const message = await sealDirect(KEY, pattern(20));
  for (let end = HEADER_LENGTH; end < message.length; end++) {
    await rejectsWith("decryption_failed", readDirect(message.subarray(0, end)), `${end}`);
  }
  await rejectsWith("decryption_failed", readDirect(concat(message, Uint8Array.of(0))));
});

Deno.test("the wrong key and the wrong context are not told apart", async () => {
  const message = await sealDirect(KEY, pattern(20), { context: CONTEXT });
  await rejectsWith("decryption_failed", readDirect(message, CONTEXT, OTHER));
  for (const context of [undefined, EMPTY, flip(CONTEXT, 3), concat(CONTEXT, Uint8Array.of(0))]) {
    await rejectsWith("decryption_failed", readDirect(message, context));
  }
});

Deno.test("a context longer than 64 KiB is refused on both sides", async () => {
  const context = pattern(MAX_CONTEXT + 1);
  failsWith("too_large", () => requireContext(context));
  const message = await sealDirect(KEY, EMPTY);
  await rejectsWith("too_large", promised(() => sealDirect(KEY, EMPTY, { context })));
  await rejectsWith("too_large", readDirect(message, context));
  failsWith("too_large", () => createBodySealer(KEY.material, { context }));
  failsWith("too_large", () => createBodyOpener(KEY.material, pattern(56), { context }));
});

Deno.test("a message of another kind is malformed, for each reader", async () => {
  const direct = await sealDirect(KEY, pattern(48));
  const { envelope } = await createEnvelope(KEY);
  const passphrase = makeHeader("passphrase");
  await rejectsWith("malformed", promised(() => openDirect(KEY, readHeader(envelope), envelope)));
  await rejectsWith("malformed", promised(() => openDirect(KEY, passphrase, direct)));
  await rejectsWith("malformed", promised(() => openEnvelope(KEY, readHeader(direct), envelope)));
  await rejectsWith("malformed", promised(() => openEnvelope(KEY, passphrase, envelope)));
});

Deno.test("a kind cannot be passed off as the other", async () => {
  // The header is part of the context, so a relabelled message fails its commitment.
  const { envelope } = await createEnvelope(KEY);
  const asDirect = envelope.slice();
  asDirect[4] = 0;
  await rejectsWith("decryption_failed", readDirect(asDirect));
  const direct = await sealDirect(KEY, pattern(32));
  assert.equal(direct.length, ENVELOPE_LENGTH);
  const asEnvelope = direct.slice();
  asEnvelope[4] = 1;
  const opening = promised(() => openEnvelope(KEY, readHeader(asEnvelope), asEnvelope));
  await rejectsWith("decryption_failed", opening);
});

Deno.test("an envelope is 117 bytes and gives back its data key", async () => {
  const { envelope, dataKey } = await createEnvelope(KEY);
  assert.equal(envelope.length, 117);
  assert.equal(dataKey.length, 32);
  sameBytes(envelope.subarray(0, HEADER_LENGTH), makeHeader("enveloped", KEY.id).bytes);
  sameBytes(await openEnvelope(KEY, readHeader(envelope), envelope), dataKey);
  const again = await createEnvelope(KEY);
  assert.notDeepEqual(again.dataKey, dataKey);
});

Deno.test("every bit of an envelope matters, and so does its length", async () => {
  const { envelope } = await createEnvelope(KEY);
  for (let bit = 0; bit < envelope.length * 8; bit++) {
    const changed = flip(envelope, bit >> 3, bit & 7);
    const opening = promised(() => openEnvelope(KEY, readHeader(changed), changed));
    assert.equal(await codeOf(opening), bit < 40 ? "malformed" : "decryption_failed", `${bit}`);
  }
  for (const bytes of [EMPTY, envelope.subarray(0, -1), concat(envelope, Uint8Array.of(0))]) {
    await rejectsWith("malformed", promised(() => openEnvelope(KEY, readHeader(envelope), bytes)));
  }
  const opening = promised(() => openEnvelope(OTHER, readHeader(envelope), envelope));
  await rejectsWith("decryption_failed", opening);
});

Deno.test("an enveloped message of every size and context comes back", async () => {
  for (const size of SIZES) {
    for (const context of CONTEXTS) {
      const message = await sealEnveloped(pattern(size), context);
      const { plaintext, whole } = await readEnveloped(message, context);
      assert.equal(whole, true);
      sameBytes(plaintext, pattern(size));
    }
  }
});

Deno.test("an enveloped message is the same one made whole and made by pieces", async () => {
  for (const size of SIZES) {
    for (const context of CONTEXTS) {
      const whole = await sealWhole(KEY, pattern(size), { context });
      const read = await readEnveloped(whole, context);
      assert.ok(read.whole);
      sameBytes(read.plaintext, pattern(size));
      const pieces = await sealEnveloped(pattern(size), context);
      assert.equal(whole.length, pieces.length);
      sameBytes(await openWhole(KEY, readHeader(pieces), pieces, { context }), pattern(size));
    }
  }
  const message = await sealWhole(KEY, pattern(20), { context: utf8("a") });
  const opening = (bytes: Bytes, context = "a", key = KEY) => {
    return promised(() => openWhole(key, readHeader(bytes), bytes, { context: utf8(context) }));
  };
  await rejectsWith("decryption_failed", opening(message, "b"));
  await rejectsWith("decryption_failed", opening(message, "a", OTHER));
  for (let i = HEADER_LENGTH; i < message.length; i++) {
    await rejectsWith("decryption_failed", opening(flip(message, i)));
  }
  for (let length = ENVELOPE_LENGTH; length < message.length; length++) {
    await rejectsWith("decryption_failed", opening(message.subarray(0, length)));
  }
  await rejectsWith("malformed", opening(message.subarray(0, ENVELOPE_LENGTH - 1)));
  const direct = await sealDirect(KEY, pattern(200));
  await rejectsWith("malformed", opening(direct));
});

Deno.test("a body is Cobblestone-256 under the data key, bound to its label and the context", async () => {
  const { dataKey } = await createEnvelope(KEY);
  const context = concat(utf8("crypto/v1/body"), CONTEXT);
  const sealer = await createBodySealer(dataKey, { context: CONTEXT });
  const body = await sealPieces(sealer, randomPieces(pattern(40_000), seeded(3)));
  sameBytes(await open(dataKey, body, { context }), pattern(40_000));
});

Deno.test("a body under another context, or another message's envelope, does not open", async () => {
  const [a, b] = [await sealEnveloped(pattern(50), CONTEXT), await sealEnveloped(pattern(50))];
  await rejectsWith("decryption_failed", readEnveloped(a, EMPTY));
  await rejectsWith("decryption_failed", readEnveloped(b, CONTEXT));
  const swapped = concat(a.subarray(0, ENVELOPE_LENGTH), b.subarray(ENVELOPE_LENGTH));
  await rejectsWith("decryption_failed", readEnveloped(swapped));
  await rejectsWith("decryption_failed", readEnveloped(swapped, CONTEXT));
});

Deno.test("a body that was cut or changed after its prefix is found out at the end", async () => {
  const message = await sealEnveloped(pattern(2 * CHUNK + 10));
  for (const end of [-1, -16, -26, -27, -26 - SEALED_CHUNK]) {
    const { plaintext, whole } = await readEnveloped(message.subarray(0, message.length + end));
    assert.equal(whole, false, `${end}`);
    sameBytes(plaintext, pattern(plaintext.length));
  }
  const { plaintext, whole } = await readEnveloped(flip(message, message.length - 20));
  assert.deepEqual([plaintext.length, whole], [2 * CHUNK, false]);
});

Deno.test("rewrapping replaces 112 bytes at offset 5 and nothing else", async () => {
  const message = await sealEnveloped(pattern(CHUNK + 1), CONTEXT);
  const header = readHeader(message);
  const dataKey = await openEnvelope(KEY, header, message.subarray(0, ENVELOPE_LENGTH));
  const to = makeHeader("enveloped", OTHER.id);
  const wrapped = await seal(OTHER.material, dataKey, { context: to.bytes });
  const rewrapped = message.slice();
  rewrapped.set(concat(to.keyId, wrapped), 5);
  assert.equal(to.keyId.length + wrapped.length, 112);
  const { plaintext, whole } = await readEnveloped(rewrapped, CONTEXT, OTHER);
  assert.equal(whole, true);
  sameBytes(plaintext, pattern(CHUNK + 1));
  await rejectsWith("decryption_failed", readEnveloped(rewrapped, CONTEXT, KEY));
});
