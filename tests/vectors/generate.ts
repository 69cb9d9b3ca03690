/**
 * Writes crypto-v1.json, always the same bytes: `deno run --allow-write=tests/vectors
 * --allow-env tests/vectors/generate.ts`. Of the project it uses Cobblestone-256 only, which has
 * vectors of its own; headers, key ids, scrypt and base64url are made here or by Node, from
 * docs/format.md, so that the file is a check of the code that reads it.
 */
import { Buffer } from "node:buffer";
import { createHash, createHmac, scryptSync } from "node:crypto";
import { type Bytes, concat, EMPTY } from "../../core/bytes.ts";
import { createSealer } from "../../core/cobblestone.ts";
import type {
  CryptoVectors,
  Expected,
  KeyedVector,
  MacVector,
  PassphraseVector,
  RingContent,
} from "./types.ts";

const CHUNK = 16_384;
const SIZES = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1] as const;
const NONE = null;
const SOME = "a context";

const text = (value: string): Bytes => new TextEncoder().encode(value);
const encode = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");
/** Bytes that count up from `start`: keys and salts. */
const counting = (length: number, start: number): Bytes =>
  Uint8Array.from({ length }, (_, i) => start + i);
/** What every message holds: byte i is i mod 251. */
const plaintextOf = (length: number): Bytes => Uint8Array.from({ length }, (_, i) => i % 251);

const KEY = counting(32, 0x00);
const OTHER_KEY = counting(32, 0x80);
const DATA_KEY = counting(32, 0x40);
const SEALING_KEY = counting(32, 0xc0);
const PASSPHRASE = "pass \u00e5 \ufb01";

function keyId(key: Bytes): Bytes {
  const block = createHmac("sha512", key).update("crypto/v1/key-id").update(Uint8Array.of(1));
  return new Uint8Array(block.digest().subarray(0, 8));
}

function header(kind: number, id: Bytes = new Uint8Array(8)): Bytes {
  return concat(text("CRY1"), Uint8Array.of(kind), id);
}

async function cobblestone(key: Bytes, plaintext: Bytes, context: Bytes, saltStart: number) {
  const sealer = await createSealer(key, { context, salt: counting(24, saltStart) });
  return concat(sealer.prefix, await sealer.update(plaintext), await sealer.finish());
}

const contextBytes = (context: string | null): Bytes => context === null ? EMPTY : text(context);

async function directBytes(length: number, context: string | null): Promise<Bytes> {
  const start = header(0, keyId(KEY));
  const bound = concat(start, contextBytes(context));
  return concat(start, await cobblestone(KEY, plaintextOf(length), bound, 1));
}

async function envelopeBytes(key = KEY): Promise<Bytes> {
  const start = header(1, keyId(key));
  return concat(start, await cobblestone(key, DATA_KEY, start, 2));
}

async function envelopedBytes(length: number, context: string | null): Promise<Bytes> {
  const bound = concat(text("crypto/v1/body"), contextBytes(context));
  const body = await cobblestone(DATA_KEY, plaintextOf(length), bound, 3);
  return concat(await envelopeBytes(), body);
}

/** scrypt takes long, and one cost and salt serve every message here. */
const SCRYPT_SALT = counting(16, 0x10);
const SCRYPT_KEY = new Uint8Array(
  scryptSync(PASSPHRASE.normalize("NFKC"), SCRYPT_SALT, 32, {
    N: 2 ** 17,
    r: 8,
    p: 1,
    maxmem: 2 ** 28,
  }),
);

async function passphraseBytes(length: number, use: string, context: string | null) {
  const start = concat(header(2), SCRYPT_SALT, Uint8Array.of(17, 8, 1));
  const bound = concat(start, text(`crypto/v1/${use}\0`), contextBytes(context));
  return concat(start, await cobblestone(SCRYPT_KEY, plaintextOf(length), bound, 4));
}

/** The common parts of an entry that opens. */
const opens = (length: number): Expected => ({ result: "valid", length });
const malformed: Expected = { result: "invalid", error: "malformed" };
const fails: Expected = { result: "invalid", error: "decryption_failed" };
const encodeContext = (context: string | null) => context === null ? null : encode(text(context));

/** A copy with some bytes replaced. */
function patched(bytes: Bytes, at: number, ...replacement: number[]): Bytes {
  const copy = bytes.slice();
  copy.set(replacement, at < 0 ? copy.length + at : at);
  return copy;
}

/** Sizes and contexts: all contexts where that costs nothing, one each where messages are long. */
const CASES: [number, string | null][] = [
  ...SIZES.slice(0, 2).flatMap((size) =>
    [NONE, "", SOME].map((context) => [size, context] as [number, string | null])
  ),
  [CHUNK - 1, NONE],
  [CHUNK, ""],
  [CHUNK + 1, SOME],
];

function keyed(
  comment: string,
  message: Bytes,
  context: string | null,
  expected: Expected,
  key = KEY,
): KeyedVector {
  const common = { comment, key: encode(key), context: encodeContext(context) };
  return { ...common, message: encode(message), ...expected };
}

async function validKeyed(make: (length: number, context: string | null) => Promise<Bytes>) {
  return await Promise.all(CASES.map(async ([length, context]) => {
    const comment = `${length} bytes, context ${JSON.stringify(context)}`;
    return keyed(comment, await make(length, context), context, opens(length));
  }));
}

async function invalidDirect(): Promise<KeyedVector[]> {
  const message = await directBytes(1, SOME);
  const long = await directBytes(CHUNK, SOME);
  const fail = (comment: string, bytes: Bytes, expected = fails) =>
    keyed(comment, bytes, SOME, expected);
  return [
    fail("nothing", EMPTY, malformed),
    fail("a header cut short", message.subarray(0, 12), malformed),
    fail("another magic", patched(message, 0, 0x63), malformed),
    fail("another version", patched(message, 3, 0x32), malformed),
    fail("a kind that does not exist", patched(message, 4, 3), malformed),
    fail("relabelled as an enveloped message", patched(message, 4, 1), malformed),
    fail("a header and nothing else", message.subarray(0, 13)),
    fail("a prefix cut short", message.subarray(0, 68)),
    fail("no chunk", message.subarray(0, 69)),
    fail("the last byte missing", message.subarray(0, -1)),
    fail("one byte more", concat(message, Uint8Array.of(0))),
    fail("another key id", patched(message, 12, message[12]! ^ 1)),
    fail("another salt", patched(message, 13, message[13]! ^ 1)),
    fail("another commitment", patched(message, 37, message[37]! ^ 1)),
    fail("another chunk", patched(message, 69, message[69]! ^ 1)),
    fail("another tag", patched(message, -1, message.at(-1)! ^ 0x80)),
    fail("a full chunk at the end", long.subarray(0, -16)),
    keyed("another context", message, "another context", fails),
    keyed("no context", message, NONE, fails),
    keyed("another key", message, SOME, fails, OTHER_KEY),
  ];
}

async function swapped(): Promise<KeyedVector> {
  const message = await directBytes(2 * CHUNK, NONE);
  const sealed = CHUNK + 16;
  const [first, second] = [message.subarray(69, 69 + sealed), message.subarray(69 + sealed, -16)];
  const bytes = concat(message.subarray(0, 69), second, first, message.subarray(-16));
  return keyed("two chunks in each other's place", bytes, NONE, fails);
}

async function invalidEnveloped(): Promise<KeyedVector[]> {
  const message = await envelopedBytes(1, SOME);
  const fail = (comment: string, bytes: Bytes, expected = fails) =>
    keyed(comment, bytes, SOME, expected);
  return [
    fail("an envelope cut short", message.subarray(0, 116), malformed),
    fail("relabelled as a direct message", patched(message, 4, 0), malformed),
    fail("another key id", patched(message, 5, message[5]! ^ 1)),
    fail("another envelope tag", patched(message, 116, message[116]! ^ 1)),
    fail("an envelope and nothing else", message.subarray(0, 117)),
    fail("another body salt", patched(message, 117, message[117]! ^ 1)),
    fail("another body commitment", patched(message, 141, message[141]! ^ 1)),
    fail("another body tag", patched(message, -1, message.at(-1)! ^ 1)),
    fail("the last byte missing", message.subarray(0, -1)),
    fail("one byte more", concat(message, Uint8Array.of(0))),
    keyed("another context", message, "", fails),
    keyed("another key", message, SOME, fails, OTHER_KEY),
    keyed("an envelope under another key", await rewrapped(message), SOME, fails),
    keyed("rewrapped for another key", await rewrapped(message), SOME, opens(1), OTHER_KEY),
  ];
}

/** The message with bytes 5 to 116 replaced. */
async function rewrapped(message: Bytes): Promise<Bytes> {
  return concat(
    message.subarray(0, 5),
    (await envelopeBytes(OTHER_KEY)).subarray(5),
    message.subarray(117),
  );
}

const PASSPHRASE_CASES: [number, string, string | null][] = [
  [0, "file", NONE],
  [1, "backup", ""],
  [CHUNK - 1, "sealing-key", SOME],
  [CHUNK, "file", NONE],
  [CHUNK + 1, "file", SOME],
];

async function passphraseVectors(): Promise<PassphraseVector[]> {
  const entry = (
    comment: string,
    bytes: Bytes,
    use: string,
    context: string | null,
    expected: Expected,
    passphrase = PASSPHRASE,
  ): PassphraseVector => {
    const common = { comment, passphrase, use, context: encodeContext(context) };
    return { ...common, message: encode(bytes), ...expected };
  };
  const valid = await Promise.all(PASSPHRASE_CASES.map(async ([length, use, context]) => {
    const comment = `${length} bytes, for ${use}, context ${JSON.stringify(context)}`;
    return entry(comment, await passphraseBytes(length, use, context), use, context, opens(length));
  }));
  const message = await passphraseBytes(1, "file", NONE);
  const fail = (comment: string, bytes: Bytes) => entry(comment, bytes, "file", NONE, malformed);
  return [
    ...valid,
    entry("another passphrase", message, "file", NONE, fails, "pass"),
    entry("another use", message, "backup", NONE, fails),
    fail("a prefix cut short", message.subarray(0, 31)),
    fail("a key id that is not zero", patched(message, 12, 1)),
    fail("N below the range", patched(message, 29, 16)),
    fail("N above the range", patched(message, 29, 21)),
    fail("N absurd", patched(message, 29, 255)),
    fail("r below the range", patched(message, 30, 7)),
    fail("r above the range", patched(message, 30, 9)),
    fail("p zero", patched(message, 31, 0)),
    fail("p above the range", patched(message, 31, 5)),
  ];
}

function armorVectors(): CryptoVectors["armor"] {
  const valid = [0, 1, 2, 3, 4].map((length) => {
    const bytes = encode(counting(length, 0xfa));
    return { comment: `${length} bytes`, text: `crypto:v1:${bytes}`, bytes };
  });
  const invalid: [string, string][] = [
    ["no prefix", "-vs"],
    ["another version", "crypto:v2:-vs"],
    ["another case", "Crypto:v1:-vs"],
    ["padding", "crypto:v1:-vs="],
    ["a line break at the end", "crypto:v1:-vs\n"],
    ["white space inside", "crypto:v1:-v s"],
    ["white space before", " crypto:v1:-vs"],
    ["the other alphabet", "crypto:v1:+vs"],
    ["unused bits that are not zero, of four characters", "crypto:v1:-vt"],
    ["unused bits that are not zero, of two characters", "crypto:v1:-h"],
    ["a character too many", "crypto:v1:-vs_A"],
  ];
  return [
    ...valid,
    ...invalid.map(([comment, text]) => ({ comment, text, error: "malformed" as const })),
  ];
}

function macText(length: number, context: string | null): string {
  const digest = createHash("sha512").update(plaintextOf(length)).digest();
  const hmac = createHmac("sha512", KEY).update("crypto/v1/mac\0").update(digest);
  const tag = hmac.update(contextBytes(context)).digest().subarray(0, 32);
  return `crypto:mac:v1:${encode(concat(keyId(KEY), new Uint8Array(tag)))}`;
}

function macVectors(): MacVector[] {
  const entry = (comment: string, mac: string, length = 1, context: string | null = SOME) => {
    return { comment, key: encode(KEY), context: encodeContext(context), length, mac };
  };
  const valid = CASES.map(([length, context]) => {
    const comment = `${length} bytes, context ${JSON.stringify(context)}`;
    return entry(comment, macText(length, context), length, context);
  });
  const mac = macText(1, SOME);
  const bytes = new Uint8Array(Buffer.from(mac.slice("crypto:mac:v1:".length), "base64url"));
  const changed = (of: Bytes) => `crypto:mac:v1:${encode(of)}`;
  const misfits = [
    entry("another first byte of the tag", changed(patched(bytes, 8, bytes[8]! ^ 1))),
    entry("another last byte of the tag", changed(patched(bytes, -1, bytes.at(-1)! ^ 0x80))),
    entry("other data", mac, 2),
    entry("no data", mac, 0),
    entry("another context", mac, 1, "another context"),
    entry("no context", mac, 1, NONE),
    { ...entry("another key", mac), key: encode(OTHER_KEY) },
  ];
  const malformed = [
    entry("the tag cut short", changed(bytes.subarray(0, -1))),
    entry("one byte more", changed(concat(bytes, Uint8Array.of(0)))),
    entry("nothing", "crypto:mac:v1:"),
    entry("no prefix", encode(bytes)),
    entry("a message's prefix", `crypto:v1:${encode(bytes)}`),
    entry("another version", mac.replace("v1", "v2")),
    entry("another case", mac.replace("crypto", "Crypto")),
    entry("padding", `${mac}==`),
    entry("a line break at the end", `${mac}\n`),
    entry("unused bits that are not zero", mac.slice(0, -1) + nextCharacter(mac.at(-1)!)),
  ];
  return [
    ...valid,
    ...misfits.map((one) => ({ ...one, error: "verification_failed" as const })),
    ...malformed.map((one) => ({ ...one, error: "malformed" as const })),
  ];
}

/** The character of base64url that stands for one more. */
function nextCharacter(character: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return alphabet[alphabet.indexOf(character) + 1]!;
}

async function ringVectors(): Promise<CryptoVectors["ring"]> {
  const version = (material: Bytes, created: string) => ({
    id: encode(keyId(material)),
    material: encode(material),
    created,
  });
  const versions = [
    version(KEY, "2026-01-01T00:00:00.000Z"),
    version(OTHER_KEY, "2026-02-01T00:00:00.000Z"),
  ];
  const fernet = [version(DATA_KEY, "2026-01-01T00:00:00.000Z")];
  const content = {
    format: 1,
    keys: [
      { name: "default", purpose: "seal", versions },
      { name: "fernet", purpose: "fernet", versions: fernet },
    ],
  };
  const file = await ringBytes(content, "crypto/v1/ring");
  const second = ringOfStates(version);
  const sealingKey = encode(SEALING_KEY);
  const entry = (comment: string, bytes: Bytes, key = sealingKey) => ({
    comment,
    sealingKey: key,
    file: encode(bytes),
    error: "ring_unreadable" as const,
  });
  return [
    { comment: "format 1: two keys, three versions", sealingKey, file: encode(file), content },
    {
      comment: "format 2: every state",
      sealingKey,
      file: encode(await ringBytes(second, "crypto/v1/ring")),
      content: second,
    },
    entry("another sealing key", file, encode(KEY)),
    entry("another byte", patched(file, -1, file.at(-1)! ^ 1)),
    entry("another context", await ringBytes(content, "crypto/v1/other")),
    entry("another format", await ringBytes({ ...content, format: 3 }, "crypto/v1/ring")),
  ];
}

/** A ring in which versions are in every state that there is. */
function ringOfStates(
  version: (material: Bytes, created: string) => { id: string; material: string; created: string },
): RingContent {
  const [created, later] = ["2026-01-01T00:00:00.000Z", "2026-02-01T00:00:00.000Z"];
  const { id } = version(counting(32, 0x10), created);
  const versions = [
    { id, created, destroyed: later },
    { ...version(counting(32, 0x20), created), retired: later, destroyAt: "2026-03-01T00:00:00.000Z" },
    { ...version(KEY, created), disabled: true as const },
    version(OTHER_KEY, later),
  ];
  const stopped = {
    name: "stopped",
    purpose: "fernet",
    disabled: true as const,
    versions: [version(DATA_KEY, created)],
  };
  const kept = { name: "default", purpose: "seal", rotateAfter: 7_776_000, minVersion: 2, versions };
  return { format: 2, stale: true, keys: [kept, stopped] };
}

async function ringBytes(content: unknown, context: string): Promise<Bytes> {
  const start = header(0, keyId(SEALING_KEY));
  const bound = concat(start, text(context));
  return concat(start, await cobblestone(SEALING_KEY, text(JSON.stringify(content)), bound, 5));
}

/** The text of crypto-v1.json. */
export async function generate(): Promise<string> {
  const vectors: CryptoVectors = {
    format: "crypto/v1",
    keyIds: [KEY, OTHER_KEY, DATA_KEY, SEALING_KEY].map((key) => ({
      key: encode(key),
      id: encode(keyId(key)),
    })),
    armor: armorVectors(),
    direct: [...await validKeyed(directBytes), ...await invalidDirect(), await swapped()],
    dataKey: encode(DATA_KEY),
    enveloped: [...await validKeyed(envelopedBytes), ...await invalidEnveloped()],
    passphrase: await passphraseVectors(),
    mac: macVectors(),
    ring: await ringVectors(),
  };
  return JSON.stringify(vectors, null, 1) + "\n";
}

if (import.meta.main) {
  await Deno.writeTextFile(new URL("crypto-v1.json", import.meta.url), await generate());
}
