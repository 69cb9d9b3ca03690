/** Requests: HPKE as RFC 9180 publishes it, links that are not mixed up, answers that only one reads. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { AEAD_EXPORT_ONLY, CipherSuite, KDF_HKDF_SHA256, KEM_DHKEM_X25519_HKDF_SHA256 } from "hpke";
import { type Bytes, concat, fromUtf8, randomBytes, utf8 } from "../../../core/bytes.ts";
import { BodyReader, createBodySealer } from "../../../core/share/body.ts";
import { formatLink, parseLink } from "../../../core/share/link.ts";
import {
  ANSWER_TERMS,
  answerKey,
  deriveRequest,
  ENCAPSULATED_LENGTH,
  newAnswerKey,
} from "../../../core/share/request.ts";
import { hpkeExport } from "../../vectors/hpke.ts";
import {
  failsWith,
  flip,
  hex,
  pattern,
  pieces,
  readVectors,
  rejectsWith,
  sameBytes,
  sealPieces,
} from "../support.ts";

interface Published {
  readonly info: string;
  readonly ikmE: string;
  readonly ikmR: string;
  readonly pkRm: string;
  readonly enc: string;
  readonly exports: readonly {
    readonly exporter_context: string;
    readonly exported_value: string;
  }[];
}

const PUBLISHED = await readVectors<Published>("rfc9180.json");
const TERMS = { ...ANSWER_TERMS, ttl: 3_600 };

/** Points whose product with any key is zero (RFC 7748, section 6.1; the list is Bernstein's). */
const LOW_ORDER = [
  "00".repeat(32),
  `01${"00".repeat(31)}`,
  "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
  "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
  `ec${"ff".repeat(30)}7f`,
  `ed${"ff".repeat(30)}7f`,
  `ee${"ff".repeat(30)}7f`,
].map(hex);

/** A whole answer to the request with this public key. */
async function answerTo(publicKey: Bytes, text: string, terms = TERMS): Promise<Bytes> {
  const { encapsulated, key } = await newAnswerKey(publicKey);
  const { head, sealer } = await createBodySealer(key, terms, { kind: "text" });
  return concat(encapsulated, await sealPieces(sealer, [head, utf8(text)]));
}

async function read(seed: Bytes, body: Bytes, terms = TERMS): Promise<string> {
  const reader = new BodyReader(answerKey(seed), terms);
  return fromUtf8(concat(await reader.update(body), await reader.finish()));
}

Deno.test("HPKE gives what RFC 9180 publishes for this suite", async () => {
  const suite = new CipherSuite(
    KEM_DHKEM_X25519_HKDF_SHA256,
    KDF_HKDF_SHA256,
    AEAD_EXPORT_ONLY,
  );
  const pair = await suite.DeriveKeyPair(hex(PUBLISHED.ikmR));
  sameBytes(await suite.SerializePublicKey(pair.publicKey), hex(PUBLISHED.pkRm));
  for (const { exporter_context, exported_value } of PUBLISHED.exports) {
    const [enc, context] = [hex(PUBLISHED.enc), hex(exporter_context)];
    const info = hex(PUBLISHED.info);
    sameBytes(await suite.ReceiveExport(pair, enc, context, 32, { info }), hex(exported_value));
  }
});

Deno.test("so does the HPKE that our own vectors are made with", () => {
  const bytes = (digits: string) => Buffer.from(digits, "hex");
  for (const { exporter_context, exported_value } of PUBLISHED.exports) {
    const { encapsulated, exported } = hpkeExport({
      publicKey: bytes(PUBLISHED.pkRm),
      ephemeral: bytes(PUBLISHED.ikmE),
      info: bytes(PUBLISHED.info),
      exporterContext: bytes(exporter_context),
    });
    sameBytes(encapsulated, bytes(PUBLISHED.enc));
    sameBytes(exported, bytes(exported_value));
  }
});

Deno.test("an answer opens for the seed, and each is under a key of its own", async () => {
  const seed = randomBytes(32);
  const { publicKey } = await deriveRequest(seed);
  const [one, two] = [await answerTo(publicKey, "hello"), await answerTo(publicKey, "hello")];
  assert.equal(await read(seed, one), "hello");
  assert.equal(await read(seed, two), "hello");
  const encapsulated = [one, two].map((body) => body.subarray(0, ENCAPSULATED_LENGTH).toHex());
  assert.notEqual(encapsulated[0], encapsulated[1]);
});

Deno.test("an answer that comes byte by byte opens, too", async () => {
  const seed = randomBytes(32);
  const body = await answerTo((await deriveRequest(seed)).publicKey, "hello");
  const reader = new BodyReader(answerKey(seed), TERMS);
  const parts: Bytes[] = [];
  for (const piece of pieces(body, 1)) parts.push(await reader.update(piece));
  assert.equal(fromUtf8(concat(...parts, await reader.finish())), "hello");
});

Deno.test("an answer to one request opens for no other, and not under other terms", async () => {
  const [seed, other] = [randomBytes(32), randomBytes(32)];
  const { publicKey } = await deriveRequest(seed);
  const body = await answerTo(publicKey, "hello");
  await rejectsWith("decryption_failed", read(other, body));
  await rejectsWith("decryption_failed", read(seed, body, { ...TERMS, ttl: 3_601 }));
  // What the request link holds is not what reads.
  await rejectsWith("decryption_failed", read(publicKey, body));
});

Deno.test("a changed or cut encapsulated key opens nothing", async () => {
  const seed = randomBytes(32);
  const body = await answerTo((await deriveRequest(seed)).publicKey, "hello");
  for (let at = 0; at < ENCAPSULATED_LENGTH; at++) {
    await rejectsWith("decryption_failed", read(seed, flip(body, at)));
  }
  // The one bit that X25519 itself does not look at is bound, too.
  await rejectsWith("decryption_failed", read(seed, flip(body, ENCAPSULATED_LENGTH - 1, 7)));
  for (const length of [0, 31, 32, 87]) {
    await rejectsWith("decryption_failed", read(seed, body.slice(0, length)));
  }
});

Deno.test("points of low order are refused on both sides", async () => {
  const seed = randomBytes(32);
  const body = await answerTo((await deriveRequest(seed)).publicKey, "hello");
  for (const point of LOW_ORDER) {
    await rejectsWith("bad_link", newAnswerKey(point), point.toHex());
    const planted = concat(point, body.subarray(ENCAPSULATED_LENGTH));
    await rejectsWith("decryption_failed", read(seed, planted), point.toHex());
  }
});

Deno.test("everything that a seed gives differs, and from what another gives", async () => {
  const both = await Promise.all([deriveRequest(pattern(32)), deriveRequest(pattern(32, 2))]);
  const all = both.flatMap((keys) => Object.values(keys).map((bytes: Bytes) => bytes.toHex()));
  assert.equal(new Set(all).size, 10);
});

Deno.test("the three kinds of link are told apart, and none is taken for another", () => {
  const [origin, bytes] = ["https://share.example", pattern(32)];
  const links = {
    secret: formatLink(origin, bytes),
    request: formatLink(origin, bytes, "request"),
    own: formatLink(origin, bytes, "own"),
  };
  assert.match(links.request, /\/s#request\.[\w-]{43}$/);
  assert.match(links.own, /\/s#own\.[\w-]{43}$/);
  const kinds = ["secret", "request", "own"] as const;
  for (const kind of kinds) {
    const link = parseLink(links[kind], kinds);
    assert.equal(link.kind, kind);
    sameBytes(link.secret, bytes);
    assert.equal(parseLink(links[kind].replace("#", "%23"), kinds).exposed, true);
    const others = kinds.filter((other) => other !== kind);
    failsWith("bad_link", () => parseLink(links[kind], others));
  }
  failsWith("bad_link", () => parseLink(links.own));
  for (const odd of ["own", "own:", "Own.", "own.own.", "request"]) {
    failsWith("bad_link", () => parseLink(links.secret.replace("#", `#${odd}`), kinds), odd);
  }
});
