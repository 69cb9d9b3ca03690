/** The services: what reads what a stranger sends, each alive in this process. */
import assert from "node:assert/strict";
import { connect, decryptStream, encryptStream } from "../../client/mod.ts";
import { type Bytes, utf8 } from "../../core/bytes.ts";
import { isErrorCode } from "../../core/errors.ts";
import { API } from "../../core/share/wire.ts";
import { ShareApp } from "../../share/app.ts";
import { EmbeddedStore } from "../../share/embedded/store.ts";
import { LocalDaemon } from "../server/support.ts";
import { Peer, request, type WireAnswer } from "../support/daemon.ts";
import { type Target } from "./target.ts";

const REQUESTS = [
  request(1, "status"),
  request("two", "encrypt", { text: "hello", context: "c", key: "default" }),
  request(3, "encrypt", { data: "AAAA", contextData: "AA" }),
  request(4, "decrypt", { message: "crypto:v1:AAAA", as: "text", context: "c" }),
  request(5, "envelope.create", { size: 9 }),
  request(6, "key.create", { name: "default", purpose: "seal" }),
  `[${request(7, "key.list")},${request(8, "status")}]`,
  '{"command":"encrypt","payload":"hello"}',
];
const LAST = "the last one";
const LINE_FEED = 0x0a;

/** A line to the daemon is answered, never by an unforeseen error, and the next one is too. */
async function daemonLines(): Promise<Target> {
  const daemon = await LocalDaemon.start();
  const peer = await daemon.connect();
  const message = await daemon.one("encrypt", { text: "hello" });
  const decrypt = request(9, "decrypt", { message: message.result!["message"] });
  return {
    seeds: [...REQUESTS, decrypt].map(utf8),
    async read(input) {
      const line = input.map((byte) => byte === LINE_FEED ? 0x20 : byte);
      await peer.send(line);
      await peer.send(`\n${request(LAST, "status")}\n`);
      const answers = await answersUpTo(peer);
      assert.ok(answers.length > 1, "a line without an answer");
      answers.flat().forEach(requireForeseen);
    },
    async [Symbol.asyncDispose]() {
      peer.close();
      await daemon[Symbol.asyncDispose]();
    },
  };
}

async function answersUpTo(peer: Peer): Promise<(WireAnswer | WireAnswer[])[]> {
  const answers: (WireAnswer | WireAnswer[])[] = [];
  for (;;) {
    const answer: WireAnswer | WireAnswer[] = await peer.answer();
    answers.push(answer);
    if (!Array.isArray(answer) && answer.id === LAST) return answers;
  }
}

function requireForeseen({ error }: WireAnswer): void {
  if (!error) return;
  assert.ok(isErrorCode(error.data.code) && error.data.code !== "internal", error.data.code);
}

/** Whatever a stream is, nothing comes out of it that was not sealed, and no other ends well. */
async function stream(): Promise<Target> {
  const daemon = await LocalDaemon.start();
  const service = await connect({ socket: daemon.socket });
  const plain = new Uint8Array(40_000).map((_, i) => i * 7);
  const seal = (armor: boolean) => {
    return new Response(encryptStream(service, new Blob([plain]).stream(), { armor })).bytes();
  };
  const seeds = [await seal(false), await seal(false), await seal(true)];
  return {
    seeds,
    async read(input) {
      let out = 0;
      for await (const piece of decryptStream(service, new Blob([input]).stream())) {
        assert.deepEqual(piece, plain.subarray(out, out += piece.length));
      }
      assert.equal(out, plain.length);
    },
    async [Symbol.asyncDispose]() {
      service.close();
      await daemon[Symbol.asyncDispose]();
    },
  };
}

const ID = "A".repeat(22);
const PROOF = "A".repeat(43);
const CALLS = [
  { id: ID, linkProofHash: PROOF, receiptHash: PROOF, kind: "secret", ttl: 60, views: 1, size: 3 },
  { id: ID, linkProof: PROOF, claimToken: PROOF, passphraseProof: PROOF },
  { id: ID, writeProof: PROOF, receiptHash: PROOF, size: 3, body: "AAAA" },
  { id: ID, receipt: PROOF },
  { id: ID, claimToken: PROOF, offset: 0 },
];
const NAMES = [...Object.keys(API), "upload"];
const FAILED = 500;

/** No request makes the share server fail; the byte sent first says which call it is. */
function shareCalls(): Promise<Target> {
  const directory = Deno.makeTempDirSync({ prefix: "ctz-" });
  const store = new EmbeddedStore(directory, { total: 1e9, perClient: 1e9 });
  const app = new ShareApp({
    ...{ store, clock: Date.now, origin: "http://127.0.0.1", proxies: new Set(), managed: true },
    allowed: { ttl: 2_592_000, views: 100, size: 1e7 },
    rates: { requests: Infinity, creations: Infinity },
  });
  return Promise.resolve({
    seeds: CALLS.flatMap((call) =>
      NAMES.map((_, i) => utf8(`${String.fromCharCode(i)}${JSON.stringify(call)}`))
    ),
    async read(input: Bytes) {
      const name = NAMES[(input[0] ?? 0) % NAMES.length];
      const url = `http://127.0.0.1/api/${name}`;
      const asked = new Request(url, { method: "POST", body: input.subarray(1) });
      const answer = await app.handle(asked, "127.0.0.1");
      await answer.body?.cancel();
      assert.ok(answer.status < FAILED, `${name}: ${answer.status}`);
    },
    async [Symbol.asyncDispose]() {
      await store.close();
      Deno.removeSync(directory, { recursive: true });
    },
  });
}

/** The services by their names. */
export const SERVICES: Readonly<Record<string, () => Promise<Target>>> = {
  "daemon-lines": daemonLines,
  stream,
  "share-calls": shareCalls,
};
