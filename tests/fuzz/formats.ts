/** The formats: what reads bytes and texts, without any service. */
import assert from "node:assert/strict";
import { armor, unarmor } from "../../core/armor.ts";
import { type Bytes, EMPTY, fromUtf8, utf8 } from "../../core/bytes.ts";
import { openFernet, sealFernet } from "../../core/fernet.ts";
import { keyId, readHeader } from "../../core/header.ts";
import { createEnvelope, openDirect, openEnvelope, sealDirect } from "../../core/message.ts";
import { KeyRing } from "../../core/ring.ts";
import { decodeRing, encodeRing } from "../../core/ring_file.ts";
import { readAnswerLine } from "../../core/rpc.ts";
import { readRequestLine } from "../../core/calls.ts";
import { formatLink, parseLink } from "../../core/share/link.ts";
import { decodeManifest, encodeManifest, MANIFEST_PREFIX } from "../../core/share/manifest.ts";
import { API, FAILURE } from "../../core/share/wire.ts";
import { parseConfig } from "../../server/config.ts";
import { isRefusal, type Target, target } from "./target.ts";

const KEY = new Uint8Array(32).fill(7);
const PLAINTEXTS = [EMPTY, utf8("a"), utf8("hello ".repeat(10)), new Uint8Array(16_384)];

async function version() {
  return { id: await keyId(KEY), material: KEY };
}

/** What opens is what was sealed: authentic means that no other bytes open. */
function requireAmong(input: Bytes, seeds: readonly Bytes[]): void {
  assert.ok(seeds.some((seed) => seed.toHex() === input.toHex()), "other bytes were opened");
}

async function direct(): Promise<Target> {
  const key = await version();
  const context = utf8("context");
  const seeds = await Promise.all(PLAINTEXTS.map((plain) => sealDirect(key, plain, { context })));
  return target(seeds, async (input) => {
    await openDirect(key, readHeader(input), input, { context });
    requireAmong(input, seeds);
  });
}

async function envelope(): Promise<Target> {
  const key = await version();
  const seeds = [(await createEnvelope(key)).envelope, (await createEnvelope(key)).envelope];
  return target(seeds, async (input) => {
    await openEnvelope(key, readHeader(input), input);
    requireAmong(input, seeds);
  });
}

function armored(): Promise<Target> {
  const seeds = PLAINTEXTS.slice(0, 3).map((bytes) => utf8(armor(bytes)));
  return Promise.resolve(target(seeds, (input) => {
    const text = fromUtf8(input);
    assert.equal(armor(unarmor(text)), text, "there are two spellings");
  }));
}

async function fernet(): Promise<Target> {
  const plain = utf8("hello");
  const seeds = [utf8(await sealFernet(KEY, plain)), utf8(await sealFernet(KEY, plain))];
  return target(seeds, async (input) => {
    assert.deepEqual(await openFernet(KEY, fromUtf8(input)), plain);
  });
}

async function ring(): Promise<Target> {
  const one = await new KeyRing().create("default", "seal");
  const two = await (await one.create("tokens", "fernet")).rotate("default");
  return target([encodeRing(one), encodeRing(two)], async (input) => {
    const read = encodeRing(await decodeRing(input));
    assert.deepEqual(encodeRing(await decodeRing(read)), read);
  });
}

const REQUESTS = [
  '{"jsonrpc":"2.0","id":1,"method":"status"}',
  '{"jsonrpc":"2.0","id":"a","method":"encrypt","params":{"text":"hello","context":"c"}}',
  '[{"jsonrpc":"2.0","id":1,"method":"key.list"},{"jsonrpc":"2.0","id":2,"method":"status"}]',
  '{"command":"encrypt","payload":"hello"}',
];

/** It is to answer whatever comes, and so never throws. */
function requestLine(): Promise<Target> {
  return Promise.resolve(target(REQUESTS.map(utf8), (input) => {
    assert.doesNotThrow(() => readRequestLine(input));
  }));
}

const ANSWERS = [
  '{"jsonrpc":"2.0","id":1,"result":{"message":"crypto:v1:AA","key":"default","version":1}}',
  '{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"no","data":{"code":"denied"}}}',
];

function answerLine(): Promise<Target> {
  return Promise.resolve(target(ANSWERS.map(utf8), readAnswerLine));
}

const CONFIG = `# comment
[limits]
connections = 64
idle_seconds = 30 # more
`;

function config(): Promise<Target> {
  return Promise.resolve(target([utf8(CONFIG), utf8("")], (input) => {
    parseConfig(fromUtf8(input), "crypto.toml");
  }));
}

function link(): Promise<Target> {
  const links = (["secret", "request", "own"] as const).map((kind) => {
    return formatLink("https://share.example.org", KEY, kind);
  });
  return Promise.resolve(target(links.map(utf8), (input) => {
    const { origin, secret, kind } = parseLink(fromUtf8(input), ["secret", "request", "own"]);
    const { protocol } = new URL(origin);
    assert.ok(protocol === "https:" || origin.startsWith("http://127.0.0.1"), origin);
    assert.deepEqual(parseLink(formatLink(origin, secret, kind), [kind]).secret, secret);
  }));
}

function manifest(): Promise<Target> {
  const files = [{ name: "../x", type: "text/html", size: 3 }, { name: "b", type: "", size: 0 }];
  const seeds = [{ kind: "text" }, { kind: "files", files }] as const;
  const encoded = seeds.map((seed) => encodeManifest(seed).subarray(MANIFEST_PREFIX));
  return Promise.resolve(target(encoded, (input) => {
    const read = decodeManifest(input);
    assert.deepEqual(decodeManifest(encodeManifest(read).subarray(MANIFEST_PREFIX)), read);
  }));
}

/** Every message of the sharing API, each read as every other. */
function wire(): Promise<Target> {
  const codecs = [
    FAILURE,
    ...Object.values(API).flatMap(({ request, answer }) => [request, answer]),
  ];
  const seeds = [
    '{"id":"AAAAAAAAAAAAAAAAAAAAAA","linkProof":"' + "A".repeat(43) + '"}',
    '{"state":"live","since":1,"ttl":60,"views":1,"size":5,"expires":1800000000000}',
    '{"error":"denied","message":"m","hint":"h"}',
  ];
  return Promise.resolve(target(seeds.map(utf8), (input) => {
    const value: unknown = parseJson(input);
    for (const codec of codecs) readAs(codec, value);
  }));
}

function parseJson(input: Bytes): unknown {
  try {
    return JSON.parse(fromUtf8(input));
  } catch {
    return undefined;
  }
}

function readAs(codec: { read(value: unknown, name: string): unknown }, value: unknown): void {
  try {
    codec.read(value, "body");
  } catch (thrown) {
    if (!isRefusal(thrown)) throw thrown;
  }
}

/** The formats by their names. */
export const FORMATS: Readonly<Record<string, () => Promise<Target>>> = {
  direct,
  envelope,
  armored,
  fernet,
  ring,
  "request-line": requestLine,
  "answer-line": answerLine,
  config,
  link,
  manifest,
  wire,
};
