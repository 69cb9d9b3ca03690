/** tests/vectors/share-v1.json, read as another client would. */
import assert from "node:assert/strict";
import { fromBase64Url, toBase64Url } from "../../../core/base64.ts";
import { concat, fromUtf8, utf8 } from "../../../core/bytes.ts";
import { BodyReader, createBodySealer } from "../../../core/share/body.ts";
import { deriveLinkKey, deriveLinkProof, derivePassphraseKey } from "../../../core/share/keys.ts";
import { parseLink } from "../../../core/share/link.ts";
import { decodeManifest } from "../../../core/share/manifest.ts";
import {
  ANSWER_TERMS,
  answerKey,
  deriveRequest,
  deriveWriteProof,
} from "../../../core/share/request.ts";
import { scrypt } from "../../../core/share/scrypt.ts";
import { bodyContext } from "../../../core/share/terms.ts";
import { generateShare, type ShareVector } from "../../vectors/share.ts";
import { readVectors, sealPieces } from "../support.ts";

const VECTORS = await readVectors<ReturnType<typeof generateShare>>("share-v1.json");

Deno.test("the vectors are what their generator makes", () => {
  assert.deepEqual(generateShare(), VECTORS);
});

async function keysOf({ link, passphrase }: ShareVector) {
  const { secret } = parseLink(link);
  const { id, linkProof } = await deriveLinkProof(secret);
  const { key, passphraseProof } = passphrase === null
    ? await deriveLinkKey(secret)
    : await derivePassphraseKey(secret, passphrase, scrypt);
  return { id, linkProof, key, passphraseProof };
}

for (const vector of VECTORS.secrets) {
  Deno.test(`vector: ${vector.comment}`, async () => {
    const { id, linkProof, key, passphraseProof } = await keysOf(vector);
    assert.equal(toBase64Url(id), vector.id);
    assert.equal(toBase64Url(linkProof), vector.linkProof);
    assert.equal(toBase64Url(key), vector.key);
    assert.equal(passphraseProof ? toBase64Url(passphraseProof) : null, vector.passphraseProof);

    const terms = { ...vector.terms, passphrase: vector.passphrase !== null };
    assert.equal(toBase64Url(bodyContext(terms)), vector.context);
    const reader = new BodyReader(key, terms);
    const content = concat(
      await reader.update(fromBase64Url(vector.body)),
      await reader.finish(),
    );
    assert.equal(toBase64Url(content), vector.content);
    assert.deepEqual(reader.manifest, decodeManifest(utf8(vector.manifest)));

    const manifest = decodeManifest(utf8(vector.manifest));
    const { head, sealer } = await createBodySealer(key, terms, manifest, {
      salt: fromBase64Url(vector.salt),
    });
    assert.equal(fromUtf8(head.subarray(4)), vector.manifest);
    assert.equal(toBase64Url(await sealPieces(sealer, [head, content])), vector.body);
  });
}

for (const vector of VECTORS.requests) {
  Deno.test(`vector: a request answered with ${vector.comment}`, async () => {
    const { secret: seed } = parseLink(vector.ownLink, ["own"]);
    const { secret: publicKey } = parseLink(vector.requestLink, ["request"]);
    const keys = await deriveRequest(seed);
    assert.equal(toBase64Url(keys.publicKey), toBase64Url(publicKey));
    assert.equal(toBase64Url(keys.id), vector.id);
    assert.equal(toBase64Url(keys.writeProof), vector.writeProof);
    assert.equal(toBase64Url(keys.readProof), vector.readProof);
    assert.equal(toBase64Url(keys.receipt), vector.receipt);
    const { id, writeProof } = await deriveWriteProof(publicKey);
    assert.deepEqual([id, writeProof], [keys.id, keys.writeProof]);

    const terms = { ...ANSWER_TERMS, ttl: vector.ttl };
    assert.equal(toBase64Url(bodyContext(terms)), vector.context);
    const body = fromBase64Url(vector.body);
    const key = answerKey(seed);
    assert.equal(toBase64Url(await key.derive(body.slice(0, key.length))), vector.key);
    const reader = new BodyReader(key, terms);
    const content = concat(await reader.update(body), await reader.finish());
    assert.equal(toBase64Url(content), vector.content);
    assert.deepEqual(reader.manifest, decodeManifest(utf8(vector.manifest)));
  });
}
