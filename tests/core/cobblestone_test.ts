import assert from "node:assert/strict";
import { type Bytes, concat, EMPTY } from "../../core/bytes.ts";
import {
  createOpener,
  createSealer,
  KEY_LENGTH,
  open,
  type Opener,
  PREFIX_LENGTH,
  seal,
  sealedLength,
} from "../../core/cobblestone.ts";
import {
  CHUNK,
  type ChunkRun,
  type Engine,
  MAX_CHUNKS,
  SEALED_CHUNK,
  TAG,
  webCrypto,
} from "../../core/engine.ts";
import {
  flip,
  openPieces,
  pattern,
  pieces,
  promised,
  randomPieces,
  rejectsWith,
  sameBytes,
  sealPieces,
  seeded,
  SIZES,
  splitPrefix,
} from "./support.ts";

const KEY = pattern(KEY_LENGTH, 3);
const CONTEXT = pattern(40, 9);

/** A message of three full chunks and a short one, in its parts. */
async function fourChunks() {
  const message = await seal(KEY, pattern(3 * CHUNK + 100), { context: CONTEXT });
  const { prefix, rest } = splitPrefix(message);
  return { message, prefix, chunks: [...pieces(rest, SEALED_CHUNK)] };
}

async function refuses(message: Bytes, title: string): Promise<void> {
  await rejectsWith(
    "decryption_failed",
    promised(() => open(KEY, message, { context: CONTEXT })),
    title,
  );
}

Deno.test("a message of every size around a chunk opens to what was sealed", async () => {
  for (const size of [...SIZES, 2 * CHUNK - 1, 2 * CHUNK, 100_000]) {
    const plaintext = pattern(size);
    const message = await seal(KEY, plaintext, { context: CONTEXT });
    assert.equal(message.length, sealedLength(size));
    sameBytes(await open(KEY, message, { context: CONTEXT }), plaintext, `${size}`);
  }
});

Deno.test("no context and an empty context are the same", async () => {
  sameBytes(await open(KEY, await seal(KEY, CONTEXT), { context: EMPTY }), CONTEXT);
  sameBytes(await open(KEY, await seal(KEY, CONTEXT, { context: EMPTY })), CONTEXT);
});

Deno.test("two messages of the same plaintext share neither salt nor ciphertext", async () => {
  const [a, b] = [await seal(KEY, pattern(100)), await seal(KEY, pattern(100))];
  assert.notDeepEqual(a.subarray(0, 24), b.subarray(0, 24));
  assert.notDeepEqual(a.subarray(PREFIX_LENGTH), b.subarray(PREFIX_LENGTH));
});

Deno.test("any split of any size seals and opens to the same as the whole", async () => {
  const random = seeded(4);
  for (let round = 0; round < 60; round++) {
    const plaintext = pattern(random(random(2) ? 200 : 150_000), round);
    const salt = pattern(24, round);
    const sealer = await createSealer(KEY, { salt });
    const whole = await sealPieces(sealer, [plaintext]);
    const again = await createSealer(KEY, { salt });
    sameBytes(await sealPieces(again, randomPieces(plaintext, random)), whole, `round ${round}`);
    const { prefix, rest } = splitPrefix(whole);
    const opened = await openPieces(await createOpener(KEY, prefix), randomPieces(rest, random));
    assert.equal(opened.whole, true);
    sameBytes(opened.plaintext, plaintext, `round ${round}`);
    sameBytes(await open(KEY, whole), plaintext, `round ${round}`);
  }
});

Deno.test("a piece's buffer may be used again once its call has returned", async () => {
  const plaintext = pattern(3 * CHUNK + 50);
  const sealer = await createSealer(KEY);
  const buffer = new Uint8Array(1_000);
  const out: Bytes[] = [sealer.prefix];
  for (const piece of pieces(plaintext, buffer.length)) {
    buffer.set(piece);
    out.push((await sealer.update(buffer.subarray(0, piece.length))).slice());
    buffer.fill(0);
  }
  out.push(await sealer.finish());
  sameBytes(await open(KEY, concat(...out)), plaintext);
});

Deno.test("a result goes to the buffer given, if it fits there", async () => {
  const plaintext = pattern(2 * CHUNK);
  const [large, small] = [new Uint8Array(3 * CHUNK), new Uint8Array(2 * CHUNK)];
  const sealer = await createSealer(KEY);
  const first = await sealer.update(plaintext, large);
  assert.equal(first.buffer, large.buffer);
  const message = concat(sealer.prefix, first, await sealer.finish());
  const second = await (await createSealer(KEY)).update(plaintext, small);
  assert.notEqual(second.buffer, small.buffer);
  const opener = await createOpener(KEY, message.subarray(0, PREFIX_LENGTH));
  const opened = await opener.update(message.subarray(PREFIX_LENGTH), small);
  assert.equal(opened.buffer, small.buffer);
  sameBytes(opened, plaintext);
});

Deno.test("a chunk is given out as soon as it is complete, and not before", async () => {
  const { prefix, chunks } = await fourChunks();
  const opener = await createOpener(KEY, prefix, { context: CONTEXT });
  const [first, second] = [chunks[0]!, chunks[1]!];
  assert.equal((await opener.update(first.subarray(0, SEALED_CHUNK - 1))).length, 0);
  assert.equal((await opener.update(first.subarray(SEALED_CHUNK - 1))).length, CHUNK);
  assert.equal((await opener.update(second)).length, CHUNK);
});

Deno.test("a key of another length is refused", async () => {
  for (const length of [0, 16, 31, 33, 64]) {
    await assert.rejects(promised(() => seal(pattern(length), EMPTY)), RangeError);
    await assert.rejects(promised(() => open(pattern(length), pattern(72))), RangeError);
  }
});

Deno.test("every bit of a short message matters", async () => {
  const message = await seal(KEY, pattern(20), { context: CONTEXT });
  for (let bit = 0; bit < message.length * 8; bit++) {
    await refuses(flip(message, bit >> 3, bit & 7), `bit ${bit}`);
  }
});

Deno.test("every byte around the boundaries of a long message matters", async () => {
  const { message } = await fourChunks();
  const bounds = [0, 24, 56, ...[1, 2, 3].map((n) => 56 + n * SEALED_CHUNK), message.length];
  const places = bounds.flatMap((bound) => Array.from({ length: 40 }, (_, i) => bound - 20 + i));
  for (const at of new Set(places)) {
    if (at >= 0 && at < message.length) await refuses(flip(message, at), `byte ${at}`);
  }
});

Deno.test("a message cut anywhere does not open", async () => {
  const short = await seal(KEY, pattern(20), { context: CONTEXT });
  for (let end = 0; end < short.length; end++) await refuses(short.subarray(0, end), `${end}`);
  const { message } = await fourChunks();
  for (let chunk = 0; chunk <= 3; chunk++) {
    for (const by of [-17, -16, -15, -1, 0, 1, 15, 16, 17]) {
      const end = PREFIX_LENGTH + chunk * SEALED_CHUNK + by;
      await refuses(message.subarray(0, end), `cut at ${end}`);
    }
  }
});

Deno.test("a message whose end is a full chunk has been cut", async () => {
  const message = await seal(KEY, pattern(2 * CHUNK), { context: CONTEXT });
  await refuses(message.subarray(0, -TAG), "without its empty last chunk");
});

Deno.test("a message with anything after it does not open", async () => {
  for (const size of SIZES) {
    const message = await seal(KEY, pattern(size), { context: CONTEXT });
    for (const extra of [1, 15, 16, 17, SEALED_CHUNK]) {
      await refuses(concat(message, new Uint8Array(extra)), `${size} and ${extra} more`);
    }
    await refuses(concat(message, message), `${size} twice`);
  }
});

Deno.test("chunks that were moved, repeated or left out do not open", async () => {
  const { prefix, chunks } = await fourChunks();
  const orders = ["1023", "0213", "0132", "3012", "0012", "00123", "01123", "01233", "0122"];
  orders.push("123", "023", "013", "012", "3", "");
  for (const order of orders) {
    const parts = Array.from(order, (digit) => chunks[Number(digit)]!);
    await refuses(concat(prefix, ...parts), `order ${order}`);
  }
  sameBytes(
    await open(KEY, concat(prefix, ...chunks), { context: CONTEXT }),
    pattern(3 * CHUNK + 100),
  );
});

Deno.test("chunks of another message under the same key do not open", async () => {
  const [a, b] = [await fourChunks(), await fourChunks()];
  for (let i = 0; i < 4; i++) {
    const mixed = a.chunks.map((chunk, j) => i === j ? b.chunks[j]! : chunk);
    await refuses(concat(a.prefix, ...mixed), `chunk ${i}`);
  }
});

Deno.test("the wrong key or context is found by the prefix alone", async () => {
  const message = await seal(KEY, pattern(10), { context: CONTEXT });
  const prefix = message.subarray(0, PREFIX_LENGTH);
  const wrong: [Bytes, Bytes][] = [
    [flip(KEY, 0), CONTEXT],
    [flip(KEY, 31), CONTEXT],
    [KEY, EMPTY],
    [KEY, flip(CONTEXT, 0)],
    [KEY, CONTEXT.subarray(1)],
    [KEY, CONTEXT.subarray(0, -1)],
    [KEY, concat(CONTEXT, new Uint8Array(1))],
  ];
  for (const [key, context] of wrong) {
    await rejectsWith("decryption_failed", createOpener(key, prefix, { context }));
  }
});

Deno.test("a prefix of another length is refused", async () => {
  for (const length of [0, 24, 55, 57]) {
    await rejectsWith("decryption_failed", createOpener(KEY, pattern(length)));
  }
});

Deno.test("an opener that has failed goes on failing", async () => {
  const { prefix, chunks } = await fourChunks();
  const opener = await createOpener(KEY, prefix, { context: CONTEXT });
  await opener.update(chunks[0]!);
  await rejectsWith("decryption_failed", opener.update(flip(chunks[1]!, 5)));
  await rejectsWith("decryption_failed", opener.update(chunks[2]!));
  await rejectsWith("decryption_failed", opener.update(chunks[3]!.subarray(0, 3)));
  await rejectsWith("decryption_failed", opener.finish());
  await rejectsWith("decryption_failed", opener.finish());
});

Deno.test("nothing of a run with a bad chunk is given out", async () => {
  const { prefix, chunks } = await fourChunks();
  const opener = await createOpener(KEY, prefix, { context: CONTEXT });
  const run = concat(chunks[0]!, flip(chunks[1]!, SEALED_CHUNK - 1), chunks[2]!);
  await rejectsWith("decryption_failed", opener.update(run));
});

/** Bytes that claim a length no memory has. They are only counted: the chunks are not there. */
function claiming(length: number): Bytes {
  return Object.defineProperty(new Uint8Array(0), "length", { value: length });
}

/** An engine that notes the numbers of the chunks it gets. */
function counting(): Engine & { numbers: number[] } {
  const numbers: number[] = [];
  const note = ({ first }: ChunkRun) => void numbers.push(first);
  return {
    ...webCrypto,
    numbers,
    sealChunks: (run) => (note(run), webCrypto.sealChunks(run)),
    openChunks: (run) => (note(run), webCrypto.openChunks(run)),
  };
}

async function twins(engine: Engine) {
  const sealer = await createSealer(KEY, { engine });
  return { sealer, opener: await createOpener(KEY, sealer.prefix, { engine }) };
}

/** An opener's waiting bytes are private, so the last chunk comes in as a piece of its own. */
async function openLast(opener: Opener, chunk: Bytes): Promise<Bytes> {
  await opener.update(chunk);
  return await opener.finish();
}

Deno.test("the last of 2^38 chunks can be sealed and opened", async () => {
  const engine = counting();
  const { sealer, opener } = await twins(engine);
  await sealer.update(claiming((MAX_CHUNKS - 1) * CHUNK));
  await sealer.update(pattern(5));
  const last = await sealer.finish();
  await opener.update(claiming((MAX_CHUNKS - 1) * SEALED_CHUNK));
  sameBytes(await openLast(opener, last), pattern(5));
  assert.deepEqual(engine.numbers, [MAX_CHUNKS - 1, MAX_CHUNKS - 1]);
});

Deno.test("one chunk more than 2^38 is refused before any work", async () => {
  const engine = counting();
  const { sealer, opener } = await twins(engine);
  await rejectsWith("too_large", sealer.update(claiming((MAX_CHUNKS + 1) * CHUNK)));
  await rejectsWith("too_large", opener.update(claiming((MAX_CHUNKS + 1) * SEALED_CHUNK)));
  const next = await twins(engine);
  await next.sealer.update(claiming(MAX_CHUNKS * CHUNK));
  await rejectsWith("too_large", next.sealer.finish());
  await next.opener.update(claiming(MAX_CHUNKS * SEALED_CHUNK));
  await rejectsWith("too_large", openLast(next.opener, pattern(TAG)));
  assert.deepEqual(engine.numbers, []);
});
