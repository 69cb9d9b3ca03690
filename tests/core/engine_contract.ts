/** What every engine must do, as tests: by vectors, against Node's own AES-GCM, and in pieces. */
import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { type Bytes, concat } from "../../core/bytes.ts";
import { createOpener, createSealer, open, PREFIX_LENGTH } from "../../core/cobblestone.ts";
import {
  CHUNK,
  chunkCount,
  chunkNonce,
  type ChunkRun,
  type Engine,
  MAX_CHUNKS,
  SEALED_CHUNK,
  TAG,
} from "../../core/engine.ts";
import {
  flip,
  hex,
  openPieces,
  pattern,
  pieces,
  promised,
  randomPieces,
  rejectsWith,
  sameBytes,
  sealPieces,
  seeded,
  splitPrefix,
} from "./support.ts";
import { type CobblestoneVector, cobblestoneVectors, sha512 } from "./wycheproof.ts";

/** Longer vectors are not fed byte by byte: each byte costs a call, and 4 MiB have no new edge. */
const BYTEWISE_MAX = 40_000;

/** Registers every test for one engine. */
export function engineContract(name: string, engine: Engine): void {
  const test = (title: string, run: () => void | Promise<void>) => {
    Deno.test(`${name}: ${title}`, run);
  };
  primitiveTests(test, engine);
  runTests(test, engine);
  refusalTests(test, engine);
  wycheproofTests(test, engine);
}

type Register = (title: string, run: () => void | Promise<void>) => void;

function primitiveTests(test: Register, engine: Engine): void {
  test("HMAC-SHA-512 gives what RFC 4231 says", async () => {
    for (const { key, data, mac } of RFC_4231) {
      const output = new Uint8Array(64);
      await engine.hmacSha512(key, data, output);
      sameBytes(output, mac);
    }
  });

  test("AES-256-GCM gives what the vectors of its authors say", async () => {
    // Cases 13 and 14 of McGrew and Viega, "The Galois/Counter Mode of Operation".
    const zero = { key: new Uint8Array(32), baseNonce: new Uint8Array(12) };
    const empty = await seal(engine, { ...zero, first: 0, input: new Uint8Array(0) });
    sameBytes(empty, hex("530f8afbc74536b9a963b4f1c4cb738b"));
    const block = await seal(engine, { ...zero, first: 0, input: new Uint8Array(16) });
    sameBytes(block, hex("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"));
  });
}

function runTests(test: Register, engine: Engine): void {
  test("a run of any length is what Node's AES-GCM makes of each chunk", async () => {
    for (const length of [0, 1, 16, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 5 * CHUNK + 77]) {
      const run = someRun(length);
      sameBytes(await seal(engine, run), reference(run), `${length}`);
    }
  });

  test("chunk numbers count big-endian across every byte", async () => {
    for (const first of [254, 255, 65_535, 2 ** 24 - 1, 2 ** 32 - 1, MAX_CHUNKS - 3]) {
      const run = { ...someRun(2 * CHUNK + 5), first };
      sameBytes(await seal(engine, run), reference(run), `${first}`);
      sameBytes(await openOrFail(engine, { ...run, input: reference(run) }), run.input);
    }
  });

  test("a run of many chunks is the same as its chunks one by one", async () => {
    const run = someRun(40 * CHUNK + 3);
    const single = [...pieces(run.input, CHUNK)].map((input, i) => {
      return seal(engine, { ...run, first: run.first + i, input });
    });
    sameBytes(await seal(engine, run), concat(...await Promise.all(single)));
  });

  test("only the output is written, and nothing around it", async () => {
    const run = someRun(CHUNK + 100);
    const sealed = reference(run);
    const around = new Uint8Array(sealed.length + 64).fill(0xaa);
    const before = run.input.slice();
    await engine.sealChunks({ ...run, output: around.subarray(32, 32 + sealed.length) });
    sameBytes(around, framed(sealed));
    const back = new Uint8Array(run.input.length + 64).fill(0xaa);
    const output = back.subarray(32, 32 + run.input.length);
    assert.equal(await engine.openChunks({ ...run, input: sealed, output }), true);
    sameBytes(back, framed(before));
    sameBytes(run.input, before, "the input");
  });

  test("runs under different keys do not disturb each other", async () => {
    const runs = Array.from({ length: 24 }, (_, i) => someRun(i * 3_000, i));
    const sealed = await Promise.all(runs.map((run) => seal(engine, run)));
    sealed.forEach((bytes, i) => sameBytes(bytes, reference(runs[i]!), `run ${i}`));
  });
}

function refusalTests(test: Register, engine: Engine): void {
  test("a chunk with any bit changed does not open", async () => {
    const run = someRun(70);
    const sealed = reference(run);
    for (let at = 0; at < sealed.length; at++) {
      assert.equal(await opens(engine, { ...run, input: flip(sealed, at) }), false, `${at}`);
    }
  });

  test("a run with one bad chunk among good ones does not open", async () => {
    const run = someRun(4 * CHUNK + 9);
    const sealed = reference(run);
    for (const at of [0, CHUNK, SEALED_CHUNK, 3 * SEALED_CHUNK - 1, sealed.length - 1]) {
      assert.equal(await opens(engine, { ...run, input: flip(sealed, at) }), false, `${at}`);
    }
  });

  test("another key, base nonce or chunk number does not open", async () => {
    const run = someRun(CHUNK + 1);
    const input = reference(run);
    assert.equal(await opens(engine, { ...run, input }), true);
    assert.equal(await opens(engine, { ...run, input, key: flip(run.key, 31) }), false);
    assert.equal(await opens(engine, { ...run, input, baseNonce: flip(run.baseNonce, 0) }), false);
    assert.equal(await opens(engine, { ...run, input, first: run.first + 1 }), false);
  });

  test("after a run that did not open, the next ones work", async () => {
    const run = someRun(CHUNK + 1);
    const sealed = reference(run);
    for (let i = 0; i < 20; i++) {
      assert.equal(await opens(engine, { ...run, input: flip(sealed, i) }), false);
      sameBytes(await openOrFail(engine, { ...run, input: sealed }), run.input);
    }
  });
}

function wycheproofTests(test: Register, engine: Engine): void {
  test("Wycheproof's messages open whole, or do not", async () => {
    for (const vector of await cobblestoneVectors()) await checkWhole(vector, engine);
  });

  test("Wycheproof's messages open in pieces of random sizes, or do not", async () => {
    const random = seeded(1);
    for (const vector of await cobblestoneVectors()) {
      const cut = (bytes: Bytes) => randomPieces(bytes, random);
      for (let round = 0; round < 3; round++) await checkStreamed(vector, engine, cut);
    }
  });

  test("Wycheproof's messages open byte by byte, or do not", async () => {
    const cut = (bytes: Bytes) => pieces(bytes, 1);
    for (const vector of await cobblestoneVectors()) {
      if (vector.message.length <= BYTEWISE_MAX) await checkStreamed(vector, engine, cut);
    }
  });

  test("Wycheproof's chunks open under the raw keys, and seal to the same bytes", async () => {
    for (const vector of await cobblestoneVectors()) await checkRaw(vector, engine);
  });

  test("Wycheproof's plaintexts seal to the same messages under the same salt", async () => {
    for (const vector of await cobblestoneVectors()) await checkSealing(vector, engine);
  });

  test("the last chunk proves a length only where Wycheproof says it may", async () => {
    for (const vector of await cobblestoneVectors()) await checkLastChunk(vector, engine);
  });
}

/** A key of another length is a mistake of the caller's, not of the message. */
function hasBadKey({ flags }: CobblestoneVector): boolean {
  return flags.includes("InvalidKeySize");
}

async function checkWhole(vector: CobblestoneVector, engine: Engine): Promise<void> {
  const { key, context, message, title } = vector;
  const opening = promised(() => open(key, message, { context, engine }));
  if (hasBadKey(vector)) return await assert.rejects(opening, RangeError);
  if (!vector.valid) return await rejectsWith("decryption_failed", opening, title);
  const plaintext = await opening;
  assert.equal(plaintext.length, vector.length, title);
  assert.equal(sha512(plaintext), vector.sha512, title);
}

async function checkStreamed(
  vector: CobblestoneVector,
  engine: Engine,
  cut: (bytes: Bytes) => Iterable<Bytes>,
): Promise<void> {
  const { key, context, message, flags, title } = vector;
  const { prefix, rest } = splitPrefix(message);
  const opening = createOpener(key, prefix, { context, engine });
  if (hasBadKey(vector)) return await assert.rejects(opening, RangeError);
  if (flags.includes("HeaderFailure")) {
    return await rejectsWith("decryption_failed", opening, title);
  }
  const opener = await opening;
  const { plaintext, whole } = await openPieces(opener, cut(rest));
  assert.equal(whole, vector.valid, title);
  await checkPlaintext(vector, plaintext, engine);
  if (!whole) await rejectsWith("decryption_failed", opener.finish(), `${title}, once more`);
}

/** What came out is the message, or no more than the authentic start of it. */
async function checkPlaintext(vector: CobblestoneVector, plaintext: Bytes, engine: Engine) {
  const { title, length } = vector;
  if (vector.valid) assert.equal(plaintext.length, length, title);
  if (plaintext.length === length && length > 0) {
    assert.equal(sha512(plaintext), vector.sha512, title);
  }
  assert.ok(plaintext.length <= length, title);
  if (vector.valid || plaintext.length === 0) return;
  const run = { ...vector.raw!, first: 0, input: splitPrefix(vector.message).rest };
  const start = run.input.subarray(0, plaintext.length / CHUNK * SEALED_CHUNK);
  sameBytes(plaintext, await openOrFail(engine, { ...run, input: start }), title);
}

async function checkRaw(
  { raw, message, valid, sha512: hash, title }: CobblestoneVector,
  e: Engine,
) {
  if (!raw || !valid) return;
  const input = message.subarray(PREFIX_LENGTH);
  const plaintext = await openOrFail(e, { ...raw, first: 0, input });
  assert.equal(sha512(plaintext), hash, title);
  // The empty chunk after a full one is the format's business; a run does not have it.
  const sealed = await seal(e, { ...raw, first: 0, input: plaintext });
  sameBytes(sealed, input.subarray(0, sealed.length), title);
}

async function checkSealing(vector: CobblestoneVector, engine: Engine): Promise<void> {
  const { key, context, message, valid, title } = vector;
  if (!valid) return;
  const plaintext = await open(key, message, { context, engine });
  const salt = message.slice(0, 24);
  const random = seeded(2);
  for (const parts of [[plaintext], randomPieces(plaintext, random)]) {
    const sealer = await createSealer(key, { context, engine, salt });
    sameBytes(await sealPieces(sealer, parts), message, title);
  }
}

async function checkLastChunk({ raw, message, valid, flags, title }: CobblestoneVector, e: Engine) {
  if (!raw) return;
  const chunks = message.subarray(PREFIX_LENGTH);
  const number = Math.floor(chunks.length / SEALED_CHUNK);
  const input = chunks.subarray(number * SEALED_CHUNK);
  const opened = input.length >= TAG && await opens(e, { ...raw, first: number, input });
  assert.equal(opened, valid || flags.includes("ValidFinalChunk"), title);
}

type Run = Omit<ChunkRun, "output">;

function someRun(length: number, seed = 7): Run {
  const key = pattern(32, seed);
  return { key, baseNonce: pattern(12, seed + 1), first: 3, input: pattern(length, seed + 2) };
}

async function seal(engine: Engine, run: Run): Promise<Bytes> {
  const tags = chunkCount(run.input.length, CHUNK) * TAG;
  const output = new Uint8Array(run.input.length + tags);
  await engine.sealChunks({ ...run, output });
  return output;
}

function openedLength({ input }: Run): number {
  return input.length - chunkCount(input.length, SEALED_CHUNK) * TAG;
}

async function opens(engine: Engine, run: Run): Promise<boolean> {
  return await engine.openChunks({ ...run, output: new Uint8Array(openedLength(run)) });
}

async function openOrFail(engine: Engine, run: Run): Promise<Bytes> {
  const output = new Uint8Array(openedLength(run));
  assert.equal(await engine.openChunks({ ...run, output }), true);
  return output;
}

/** The same by Node's AES-GCM, chunk by chunk. */
function reference({ key, baseNonce, first, input }: Run): Bytes {
  const count = chunkCount(input.length, CHUNK);
  const chunks = Array.from({ length: count }, (_, i) => {
    const cipher = createCipheriv("aes-256-gcm", key, chunkNonce(baseNonce, first + i));
    const body = cipher.update(input.subarray(i * CHUNK, (i + 1) * CHUNK));
    return concat(body, cipher.final(), cipher.getAuthTag());
  });
  return concat(...chunks);
}

function framed(bytes: Bytes): Bytes {
  const edge = new Uint8Array(32).fill(0xaa);
  return concat(edge, bytes, edge);
}

const text = (value: string) => new TextEncoder().encode(value);

/** RFC 4231, section 4, without the truncated case. */
const RFC_4231 = [
  {
    key: new Uint8Array(20).fill(0x0b),
    data: text("Hi There"),
    mac: hex(
      "87aa7cdea5ef619d4ff0b4241a1d6cb02379f4e2ce4ec2787ad0b30545e17cde" +
        "daa833b7d6b8a702038b274eaea3f4e4be9d914eeb61f1702e696c203a126854",
    ),
  },
  {
    key: text("Jefe"),
    data: text("what do ya want for nothing?"),
    mac: hex(
      "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554" +
        "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
    ),
  },
  {
    key: new Uint8Array(20).fill(0xaa),
    data: new Uint8Array(50).fill(0xdd),
    mac: hex(
      "fa73b0089d56a284efb0f0756c890be9b1b5dbdd8ee81a3655f83e33b2279d39" +
        "bf3e848279a722c806b485a47e67c807b946a337bee8942674278859e13292fb",
    ),
  },
  {
    key: Uint8Array.from({ length: 25 }, (_, i) => i + 1),
    data: new Uint8Array(50).fill(0xcd),
    mac: hex(
      "b0ba465637458c6990e5a8c5f61d4af7e576d97ff94b872de76f8050361ee3db" +
        "a91ca5c11aa25eb4d679275cc5788063a5f19741120c4f2de2adebeb10a298dd",
    ),
  },
  {
    key: new Uint8Array(131).fill(0xaa),
    data: text("Test Using Larger Than Block-Size Key - Hash Key First"),
    mac: hex(
      "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f352" +
        "6b56d037e05f2598bd0fd2215d6a1e5295e64f73f63f0aec8b915a985d786598",
    ),
  },
];
