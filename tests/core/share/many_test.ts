/** A hundred thousand secrets: each comes back as it was, and no two share a key or a nonce. */
import assert from "node:assert/strict";
import { toBase64Url } from "../../../core/base64.ts";
import { type Bytes, concat, randomBytes, utf8 } from "../../../core/bytes.ts";
import { CHUNK, chunkNonce, type ChunkRun, type Engine, webCrypto } from "../../../core/engine.ts";
import { BodyReader, createBodySealer } from "../../../core/share/body.ts";
import { deriveLinkKey, deriveLinkProof } from "../../../core/share/keys.ts";
import { API } from "../../../core/share/wire.ts";
import { loadLibcrypto } from "../../../platform/libcrypto.ts";
import { sameBytes, sealPieces, seeded } from "../support.ts";

const MANY = 100_000;
const TERMS = { kind: "secret", ttl: 600, views: 1, passphrase: false } as const;
const engine = loadLibcrypto() ?? webCrypto;

/** What has come back wrong elsewhere, and everything of ASCII between it. */
const PARTS = [
  "&lt;",
  "&amp;",
  "<b>",
  '"',
  "\\",
  "\\u0000",
  "\0",
  "%23",
  "+",
  "%",
  "\r\n",
  "'",
  "`",
]
  .concat(["$&", "{{", "#", "\u2028", "é", "e\u0301", "🔑", "\ufeff", "null", " ", "--", "\x1b["]);

function password(random: (below: number) => number): string {
  return Array.from({ length: 1 + random(12) }, () => {
    const which = random(PARTS.length * 2);
    return PARTS[which] ?? String.fromCharCode(0x20 + random(0x5f));
  }).join("");
}

/** An engine that keeps the key and nonce of every chunk that is sealed. */
class Recorder implements Engine {
  readonly name = engine.name;
  readonly chunksAtOnce = webCrypto.chunksAtOnce;
  readonly hmacSha512 = engine.hmacSha512;
  readonly openChunks = engine.openChunks;
  readonly used = new Set<string>();
  chunks = 0;

  sealChunks(run: ChunkRun): Promise<void> | void {
    const count = Math.max(1, Math.ceil(run.input.length / CHUNK));
    for (let i = 0; i < count; i++) {
      const nonce = chunkNonce(run.baseNonce, run.first + i);
      this.used.add(toBase64Url(concat(run.key, nonce)));
    }
    this.chunks += count;
    return engine.sealChunks(run);
  }
}

/** Through JSON, as it goes to a server and comes back from it. */
function overTheWire(id: Bytes, body: Bytes): Bytes {
  const hash = randomBytes(32);
  const { request } = API.create;
  const { ttl, views, kind } = TERMS;
  const hashes = { linkProofHash: hash, receiptHash: hash };
  const rest = { passphraseProofHash: undefined, uploadTokenHash: undefined };
  const asked = { id, ...hashes, ...rest, kind, ttl, views, size: body.length, body };
  return request.read(JSON.parse(JSON.stringify(request.write(asked))), "body").body!;
}

interface Link {
  readonly id: Bytes;
  readonly key: Bytes;
}

async function newLink(): Promise<Link> {
  const secret = randomBytes(32);
  return { ...await deriveLinkProof(secret), ...await deriveLinkKey(secret) };
}

async function sendAndRead(recorder: Recorder, { id, key }: Link, text: string): Promise<void> {
  const sealing = await createBodySealer(key, TERMS, { kind: "text" }, { engine: recorder });
  const sealed = await sealPieces(sealing.sealer, [sealing.head, utf8(text)]);
  const reader = new BodyReader(key, TERMS, { engine });
  const first = await reader.update(overTheWire(id, sealed));
  sameBytes(concat(first, await reader.finish()), utf8(text));
}

// A link has one secret; that a hundred share one here asks more of the salts.
Deno.test("100,000 passwords come back byte for byte, and no key is used with a nonce twice", async () => {
  const random = seeded(23);
  const recorder = new Recorder();
  let link = await newLink();
  for (let i = 0; i < MANY; i++) {
    if (i % 100 === 0) link = await newLink();
    await sendAndRead(recorder, link, password(random));
  }
  assert.deepEqual([recorder.chunks, recorder.used.size], [MANY, MANY]);
});

Deno.test("all parts of one message have nonces of their own, however it is cut", async () => {
  const random = seeded(5);
  const recorder = new Recorder();
  const { head, sealer } = await createBodySealer(randomBytes(32), TERMS, { kind: "text" }, {
    engine: recorder,
  });
  await sealer.update(head);
  let length = head.length;
  while (length < 300 * CHUNK) {
    const piece = new Uint8Array(random(5 * CHUNK));
    await sealer.update(piece);
    length += piece.length;
  }
  await sealer.finish();
  const chunks = Math.floor(length / CHUNK) + 1;
  assert.deepEqual([recorder.chunks, recorder.used.size], [chunks, chunks]);
});
