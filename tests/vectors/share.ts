/**
 * Writes share-v1.json: `deno run --allow-write=tests/vectors tests/vectors/share.ts`. Derivations,
 * scrypt and encryption are Node's, not those of the code under test.
 */
import { Buffer } from "node:buffer";
import { createCipheriv, createHmac, hkdfSync, scryptSync } from "node:crypto";
import { deriveKeyPair, hpkeExport } from "./hpke.ts";

/** One secret, from the link to the ciphertext. Byte strings are base64url without padding. */
export interface ShareVector {
  readonly comment: string;
  readonly link: string;
  readonly passphrase: string | null;
  readonly terms: {
    readonly kind: "secret" | "answer";
    readonly ttl: number;
    readonly views: number;
  };
  readonly id: string;
  readonly linkProof: string;
  readonly passphraseProof: string | null;
  readonly key: string;
  readonly context: string;
  readonly manifest: string;
  readonly content: string;
  readonly salt: string;
  readonly body: string;
}

/** One request and its answer. `ephemeral` is what the answerer's key pair was derived from. */
export interface RequestVector {
  readonly comment: string;
  readonly requestLink: string;
  readonly ownLink: string;
  readonly id: string;
  readonly writeProof: string;
  readonly readProof: string;
  readonly receipt: string;
  readonly ephemeral: string;
  readonly ttl: number;
  readonly key: string;
  readonly context: string;
  readonly manifest: string;
  readonly content: string;
  readonly salt: string;
  readonly body: string;
}

type Input = Pick<ShareVector, "comment" | "passphrase" | "terms" | "manifest"> & {
  readonly content: Buffer;
};

const PREFIX = "crypto/v1/share";
const CHUNK = 16_384;
const url = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64url");
const bytes = (length: number, first: number) =>
  Buffer.from(Uint8Array.from({ length }, (_, i) => first + i));

/** HKDF-Expand with SHA-512, RFC 5869. */
function expand(key: Uint8Array, info: Uint8Array, length: number): Buffer {
  const blocks: Buffer[] = [];
  for (let i = 1; (i - 1) * 64 < length; i++) {
    const last = blocks.at(-1) ?? Buffer.alloc(0);
    blocks.push(createHmac("sha512", key).update(last).update(info).update(Buffer.of(i)).digest());
  }
  return Buffer.concat(blocks).subarray(0, length);
}

const labelled = (key: Uint8Array, label: string, length: number) =>
  expand(key, Buffer.from(`${PREFIX}/${label}`), length);

/** c2sp.org/chunked-encryption@v1 with SHA-512 and AES-256-GCM. */
function cobblestone(key: Buffer, salt: Buffer, context: Buffer, plaintext: Buffer): Buffer {
  const label = Buffer.from("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0");
  const keys = expand(key, Buffer.concat([label, salt, context]), 76);
  const parts = [salt, keys.subarray(44)];
  for (let i = 0; i * CHUNK <= plaintext.length; i++) {
    const nonce = Buffer.from(keys.subarray(32, 44));
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ i) >>> 0, 8);
    const cipher = createCipheriv("aes-256-gcm", keys.subarray(0, 32), nonce);
    const chunk = plaintext.subarray(i * CHUNK, (i + 1) * CHUNK);
    parts.push(cipher.update(chunk), cipher.final(), cipher.getAuthTag());
  }
  return Buffer.concat(parts);
}

function contextOf({ kind, ttl, views }: ShareVector["terms"], passphrase: boolean): Buffer {
  const fixed = Buffer.alloc(15);
  fixed.writeUInt8(1, 0);
  fixed.writeUInt8(kind === "answer" ? 1 : 0, 1);
  fixed.writeBigUInt64BE(BigInt(ttl), 2);
  fixed.writeUInt32BE(views, 10);
  fixed.writeUInt8(passphrase ? 1 : 0, 14);
  return Buffer.concat([Buffer.from(`${PREFIX}/body\0`), fixed]);
}

function keysOf(secret: Buffer, passphrase: string | null) {
  if (passphrase === null) return { key: labelled(secret, "key", 32), passphraseProof: null };
  const cost = { N: 2 ** 17, r: 8, p: 1, maxmem: 2 ** 28 };
  const stretched = scryptSync(passphrase, labelled(secret, "salt", 16), 32, cost);
  const node = (label: string) => {
    const input = Buffer.concat([secret, stretched]);
    return Buffer.from(hkdfSync("sha512", input, PREFIX, `${PREFIX}/${label}`, 32));
  };
  return { key: node("passphrase-key"), passphraseProof: url(node("passphrase-proof")) };
}

function plaintextOf(manifest: string, content: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(Buffer.byteLength(manifest));
  return Buffer.concat([length, Buffer.from(manifest), content]);
}

function vector({ comment, passphrase, terms, manifest, content }: Input, i: number): ShareVector {
  const [secret, salt] = [bytes(32, 32 * i), bytes(24, 100 + i)];
  const { key, passphraseProof } = keysOf(secret, passphrase);
  const context = contextOf(terms, passphrase !== null);
  const plaintext = plaintextOf(manifest, content);
  return {
    comment,
    link: `https://share.example/s#${url(secret)}`,
    passphrase,
    terms,
    id: url(labelled(secret, "id", 16)),
    linkProof: url(labelled(secret, "link-proof", 32)),
    passphraseProof,
    key: url(key),
    context: url(context),
    manifest,
    content: url(content),
    salt: url(salt),
    body: url(cobblestone(key, salt, context, plaintext)),
  };
}

function requestKeys(seed: Buffer) {
  const { publicKey } = deriveKeyPair(labelled(seed, "request-key", 32));
  const extracted = createHmac("sha512", `${PREFIX}/request`).update(publicKey).digest();
  return {
    publicKey,
    id: labelled(extracted, "request-id", 16),
    writeProof: labelled(extracted, "write-proof", 32),
    readProof: labelled(seed, "read-proof", 32),
    receipt: labelled(seed, "request-receipt", 32),
  };
}

function requestVector({ comment, ttl, manifest, content }: RequestInput, i: number) {
  const [seed, ephemeral, salt] = [bytes(32, 7 + i), bytes(32, 99 + i), bytes(24, 150 + i)];
  const { publicKey, id, writeProof, readProof, receipt } = requestKeys(seed);
  const info = Buffer.concat([Buffer.from(`${PREFIX}/answer\0\x01`), id]);
  const exporterContext = Buffer.from(`${PREFIX}/answer-key`);
  const sent = hpkeExport({ publicKey, ephemeral, info, exporterContext });
  const context = contextOf({ kind: "answer", ttl, views: 1 }, false);
  const body = cobblestone(sent.exported, salt, context, plaintextOf(manifest, content));
  return {
    comment,
    requestLink: `https://share.example/s#request.${url(publicKey)}`,
    ownLink: `https://share.example/s#own.${url(seed)}`,
    id: url(id),
    writeProof: url(writeProof),
    readProof: url(readProof),
    receipt: url(receipt),
    ephemeral: url(ephemeral),
    ttl,
    key: url(sent.exported),
    context: url(context),
    manifest,
    content: url(content),
    salt: url(salt),
    body: url(Buffer.concat([sent.encapsulated, body])),
  };
}

type RequestInput = Pick<RequestVector, "comment" | "ttl" | "manifest"> & {
  readonly content: Buffer;
};

const REQUESTS: readonly RequestInput[] = [
  {
    comment: "a text",
    ttl: 604_800,
    manifest: '{"kind":"text"}',
    content: Buffer.from("hello, world\n"),
  },
  {
    comment: "a file of more than a chunk",
    ttl: 60,
    manifest: '{"kind":"files","files":[{"name":"a","type":"","size":16400}]}',
    content: bytes(16_400, 0),
  },
];

const INPUTS: readonly Input[] = [
  {
    comment: "a text",
    passphrase: null,
    terms: { kind: "secret", ttl: 86_400, views: 1 },
    manifest: '{"kind":"text"}',
    content: Buffer.from("hello, world\n"),
  },
  {
    comment: "an empty text under a passphrase in NFKC",
    passphrase: "correct horse",
    terms: { kind: "secret", ttl: 2_592_000, views: 100 },
    manifest: '{"kind":"text"}',
    content: Buffer.alloc(0),
  },
  {
    comment: "files under a code; over a chunk",
    passphrase: "acid-yoyo-zone-zoom",
    terms: { kind: "secret", ttl: 60, views: 2 },
    manifest: '{"kind":"files","files":[{"name":"../a","type":"text/plain","size":3},' +
      '{"name":"b","type":"","size":16400}]}',
    content: bytes(16_403, 0),
  },
];

/** The whole file. */
export interface ShareVectors {
  readonly format: string;
  readonly secrets: readonly ShareVector[];
  readonly requests: readonly RequestVector[];
}

/** Makes it. */
export function generateShare(): ShareVectors {
  return {
    format: "crypto/v1/share",
    secrets: INPUTS.map(vector),
    requests: REQUESTS.map(requestVector),
  };
}

if (import.meta.main) {
  const text = `${JSON.stringify(generateShare(), null, 1)}\n`;
  await Deno.writeTextFile(new URL("share-v1.json", import.meta.url), text);
}
