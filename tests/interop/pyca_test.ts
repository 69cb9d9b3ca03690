/** Messages by pyca/cryptography open here, and ours open there. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import type { Awaitable } from "../../core/awaitable.ts";
import { fromBase64Url, toBase64Url } from "../../core/base64.ts";
import { type Bytes, concat, EMPTY, utf8 } from "../../core/bytes.ts";
import { open, seal } from "../../core/cobblestone.ts";
import { openFernet, sealFernet } from "../../core/fernet.ts";
import { keyId, readHeader } from "../../core/header.ts";
import { digestOf, MAC_PREFIX, makeMac } from "../../core/mac.ts";
import {
  BODY_PREFIX_LENGTH,
  createBodyOpener,
  createBodySealer,
  createEnvelope,
  ENVELOPE_LENGTH,
  openDirect,
  openEnvelope,
  sealDirect,
} from "../../core/message.ts";
import { createPassphraseOpener, createPassphraseSealer } from "../../core/passphrase.ts";
import { pattern, sameBytes } from "../core/support.ts";
import { pythonWithCryptography } from "./python.ts";

const SIZES = [0, 1, 16_383, 16_384, 16_385, 1_048_579];
const CONTEXTS = [EMPTY, utf8("row 7"), pattern(65_536)];
const KEY = pattern(32, 42);
const VERSION = { id: await keyId(KEY), material: KEY };
const PASSPHRASE = "pass \u00e5 \ufb01";

/** What pyca.py is asked. */
interface Job {
  readonly do: string;
  readonly data: Bytes;
  readonly key?: Bytes;
  readonly context?: Bytes;
  readonly passphrase?: string;
  readonly use?: string;
}

type Result = { readonly data: string } | { readonly error: string };

const python = await pythonWithCryptography();

/** Registers a test, or says why there is none. */
function interop(name: string, body: () => Promise<void>): void {
  const why = typeof python === "string" ? undefined : python.skip;
  if (why !== undefined) console.log(`SKIP: ${name}: ${why}`);
  Deno.test({ name, ignore: why !== undefined, fn: body });
}

/** Has Python do some jobs. */
async function ask(jobs: readonly Job[]): Promise<Result[]> {
  const script = fileURLToPath(new URL("pyca.py", import.meta.url));
  const pipes = { stdin: "piped", stdout: "piped", stderr: "inherit" } as const;
  const child = new Deno.Command(python as string, { args: [script], ...pipes }).spawn();
  const input = JSON.stringify(jobs, (_, value) => {
    return value instanceof Uint8Array ? toBase64Url(value) : value;
  });
  const writing = new Blob([input]).stream().pipeTo(child.stdin);
  const [output] = await Promise.all([child.output(), writing]);
  assert.equal(output.code, 0);
  return JSON.parse(new TextDecoder().decode(output.stdout));
}

/** Has Python do some jobs that all succeed. */
async function askFor(jobs: readonly Job[]): Promise<Bytes[]> {
  return (await ask(jobs)).map((result) => {
    assert.ok("data" in result, JSON.stringify(result));
    return fromBase64Url(result.data);
  });
}

/** One case: a plaintext and a context. */
interface Case {
  readonly plaintext: Bytes;
  readonly context: Bytes;
}

const CASES: Case[] = SIZES.flatMap((size, i) => {
  return CONTEXTS.map((context, j) => ({ plaintext: pattern(size, i + j), context }));
});

/** Both directions of one format: Python seals and we open, we seal and Python opens. */
async function bothWays(
  format: string,
  sealHere: (plaintext: Bytes, context: Bytes) => Awaitable<Bytes>,
  openHere: (message: Bytes, context: Bytes) => Awaitable<Bytes>,
): Promise<void> {
  const job = (verb: string, data: Bytes, context: Bytes) => {
    return { do: `${verb} ${format}`, key: KEY, data, context };
  };
  const theirs = await askFor(CASES.map((c) => job("seal", c.plaintext, c.context)));
  for (const [i, { plaintext, context }] of CASES.entries()) {
    sameBytes(await openHere(theirs[i]!, context), plaintext, `theirs ${i}`);
  }
  const ours = await Promise.all(CASES.map((c) => sealHere(c.plaintext, c.context)));
  const opened = await askFor(CASES.map((c, i) => job("open", ours[i]!, c.context)));
  opened.forEach((bytes, i) => sameBytes(bytes, CASES[i]!.plaintext, `ours ${i}`));
}

async function sealEnveloped(plaintext: Bytes, context: Bytes): Promise<Bytes> {
  const { envelope, dataKey } = await createEnvelope(VERSION);
  const sealer = await createBodySealer(dataKey, { context });
  const start = await sealer.update(plaintext);
  return concat(envelope, sealer.prefix, start, await sealer.finish());
}

async function openEnveloped(message: Bytes, context: Bytes): Promise<Bytes> {
  const envelope = message.subarray(0, ENVELOPE_LENGTH);
  const dataKey = await openEnvelope(VERSION, readHeader(message), envelope);
  const bodyStart = ENVELOPE_LENGTH + BODY_PREFIX_LENGTH;
  const prefix = message.subarray(ENVELOPE_LENGTH, bodyStart);
  const opener = await createBodyOpener(dataKey, prefix, { context });
  return concat(await opener.update(message.subarray(bodyStart)), await opener.finish());
}

const use = "backup";

async function sealPassphrase(plaintext: Bytes, context: Bytes): Promise<Bytes> {
  const { prefix, sealer } = await createPassphraseSealer(PASSPHRASE, { use, context });
  const start = await sealer.update(plaintext);
  return concat(prefix, sealer.prefix, start, await sealer.finish());
}

async function openPassphrase(message: Bytes, context: Bytes): Promise<Bytes> {
  const [prefix, cobblestone] = [message.subarray(0, 32), message.subarray(32, 88)];
  const opener = await createPassphraseOpener(PASSPHRASE, prefix, cobblestone, { use, context });
  return concat(await opener.update(message.subarray(88)), await opener.finish());
}

interop("pyca and this program open each other's Cobblestone-256", async () => {
  await bothWays(
    "body",
    (plaintext, context) => seal(KEY, plaintext, { context }),
    (message, context) => open(KEY, message, { context }),
  );
});

interop("direct messages composed in Python open here, and ours there", async () => {
  await bothWays(
    "direct",
    (plaintext, context) => sealDirect(VERSION, plaintext, { context }),
    (message, context) => openDirect(VERSION, readHeader(message), message, { context }),
  );
});

interop("enveloped messages composed in Python open here, and ours there", async () => {
  await bothWays("enveloped", sealEnveloped, openEnveloped);
});

interop("passphrase messages composed in Python open here, and ours there", async () => {
  const [plaintext, context] = [pattern(20_000), utf8("row 7")];
  const job = { passphrase: PASSPHRASE, use, context };
  const [theirs] = await askFor([{ ...job, do: "seal passphrase", data: plaintext }]);
  sameBytes(await openPassphrase(theirs!, context), plaintext);
  const ours = await sealPassphrase(plaintext, context);
  const [opened] = await askFor([{ ...job, do: "open passphrase", data: ours }]);
  sameBytes(opened!, plaintext);
});

interop("Fernet tokens by Python open here, and ours there", async () => {
  const plaintexts = SIZES.map((size) => pattern(size));
  const seals = plaintexts.map((data) => ({ do: "seal fernet", key: KEY, data }));
  const theirs = await askFor(seals);
  for (const [i, token] of theirs.entries()) {
    sameBytes(await openFernet(KEY, new TextDecoder().decode(token)), plaintexts[i]!);
  }
  const ours = await Promise.all(plaintexts.map((plaintext) => sealFernet(KEY, plaintext)));
  const opens = ours.map((token) => ({ do: "open fernet", key: KEY, data: utf8(token) }));
  (await askFor(opens)).forEach((bytes, i) => sameBytes(bytes, plaintexts[i]!));
});

interop("Python names a key as this program does", async () => {
  const keys = [1, 2, 3].map((seed) => pattern(32, seed));
  const ids = await askFor(keys.map((key) => ({ do: "key id", key, data: EMPTY })));
  for (const [i, id] of ids.entries()) sameBytes(id, await keyId(keys[i]!));
});

interop("macs by Python fit here, and ours are theirs", async () => {
  const jobs = CASES.map(({ plaintext, context }) => ({
    do: "mac",
    key: KEY,
    data: plaintext,
    context,
  }));
  for (const [i, theirs] of (await askFor(jobs)).entries()) {
    const { plaintext, context } = CASES[i]!;
    const ours = await makeMac(VERSION, await digestOf(plaintext), { context });
    assert.equal(ours, MAC_PREFIX + toBase64Url(theirs));
  }
});

interop("Python refuses our messages when they were cut, changed or bound elsewhere", async () => {
  const context = utf8("row 7");
  const message = await sealDirect(VERSION, pattern(16_384), { context });
  const changed = message.slice();
  changed[60]! ^= 1;
  const job = { do: "open direct", key: KEY, context };
  const results = await ask([
    { ...job, data: message.subarray(0, -16) },
    { ...job, data: concat(message, Uint8Array.of(0)) },
    { ...job, data: changed },
    { ...job, data: message, context: utf8("row 8") },
    { ...job, data: message, key: pattern(32, 43) },
  ]);
  for (const result of results) assert.ok("error" in result);
});
