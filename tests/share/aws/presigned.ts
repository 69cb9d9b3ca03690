/** What the addresses that are given away can be used for, and what not. */
import assert from "node:assert/strict";
import { PutObjectCommand } from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { type Bytes, equalSecret, randomBytes } from "../../../core/bytes.ts";
import { AwsStore } from "../../../share/aws/store.ts";
import { PART_BYTES } from "../../../share/aws/limits.ts";
import type { Progress } from "../../../share/store.ts";
import type { AwsServices } from "../../support/aws.ts";
import { filesHold } from "../support.ts";
import { bytesOf, claimTo, manyBytes, newSecret, put, send, T0 } from "../contract_support.ts";
import { OnAws } from "./support.ts";

const SIZE = 500_000;
const FORBIDDEN = 403;
const PRECONDITION_FAILED = 412;

/** A secret whose body comes later. */
function coming(size: number) {
  return { ...newSecret({ size }), uploadTokenHash: randomBytes(32) };
}

type Next = NonNullable<Progress["next"]>;

async function begun(store: AwsStore, secret: ReturnType<typeof coming>): Promise<Next> {
  assert.equal((await store.create(secret, undefined, T0)).state, "created");
  return (await store.progress(secret.id, secret.uploadTokenHash, T0))!.next!;
}

/** Registers the tests. */
export function presignedTests(services: AwsServices): void {
  const test = (name: string, body: (store: AwsStore, subject: OnAws) => Promise<void>) =>
    Deno.test(`aws, presigned: ${name}`, async () => {
      await using subject = await OnAws.open(services, 1e9);
      await body(subject.store, subject);
    });

  test("a PUT has one key and one length, and happens once", async (store) => {
    const secret = coming(SIZE);
    const next = await begun(store, secret);
    assert.equal(next.length, SIZE);
    assert.equal(new URL(next.url).searchParams.get("X-Amz-Expires"), "60");
    assert.equal(new URL(next.url).origin, await store.storageOrigin());
    const body = manyBytes(SIZE);
    for (const length of [0, SIZE - 1, SIZE + 1]) {
      const other = new Uint8Array(length);
      assert.equal(await put(next, other), FORBIDDEN, `${length}`);
    }
    const moved = next.url.replace(
      /\/share\/[\w-]/,
      (start) => start.endsWith("A") ? "/share/B" : "/share/A",
    );
    assert.notEqual(moved, next.url);
    const longer = next.url.replace("X-Amz-Expires=60", "X-Amz-Expires=600");
    for (const url of [moved, longer]) assert.equal(await put({ ...next, url }, body), FORBIDDEN);
    // Without the header that was signed it could go over what is there.
    const bare = { ...next, headers: { "if-none-match": undefined, range: undefined } };
    assert.equal(await put(bare, body), FORBIDDEN);
    for (const method of ["GET", "DELETE"]) {
      const response = await fetch(next.url, { method, headers: { "if-none-match": "*" } });
      await response.body?.cancel();
      assert.equal(response.status, FORBIDDEN, method);
    }
    assert.deepEqual((await store.progress(secret.id, secret.uploadTokenHash, T0))?.offset, 0);
    assert.equal(await put(next, body), 200);
    assert.equal(await put(next, body), PRECONDITION_FAILED);
    const whole = await store.progress(secret.id, secret.uploadTokenHash, T0);
    assert.deepEqual(whole, { offset: SIZE, expires: T0 + 3_600_000 });
    assert.equal(await put(next, manyBytes(SIZE)), PRECONDITION_FAILED);
  });

  test("a GET is for a claim, again when asked, and no longer than the claim", async (store) => {
    const secret = coming(SIZE);
    const body = manyBytes(SIZE);
    await begun(store, secret);
    await send(store, secret, body, T0);
    const claim = claimTo(secret);
    const read = (token: Bytes) => store.read(secret.id, token, 1000, T0);
    assert.equal(await read(claim.claimTokenHash), undefined);
    await store.take(claim, T0);
    assert.equal(await read(randomBytes(32)), undefined);
    for (const _ of [1, 2]) {
      const got = await read(claim.claimTokenHash);
      assert.ok(equalSecret(await bytesOf(got), body.subarray(1000)));
    }
    const got = await read(claim.claimTokenHash);
    assert.ok(got && "place" in got);
    assert.equal(new URL(got.place.url).searchParams.get("X-Amz-Expires"), "60");
    assert.equal(await put(got.place, body), FORBIDDEN);
    await store.acknowledge(secret.id, claim.claimTokenHash, T0);
    // An empty object keeps the key taken.
    assert.equal((await (await fetch(got.place.url)).bytes()).length, 0);
    assert.equal(await read(claim.claimTokenHash), undefined);
  });

  test("a body is no page, whatever its sender says of it", async (store) => {
    const secret = coming(SIZE);
    const next = await begun(store, secret);
    const headers = { "if-none-match": "*", "content-type": "text/html" };
    const sent = await fetch(next.url, { method: "PUT", headers, body: manyBytes(SIZE) });
    await sent.body?.cancel();
    assert.equal(sent.status, 200);
    await store.progress(secret.id, secret.uploadTokenHash, T0);
    const claim = claimTo(secret);
    await store.take(claim, T0);
    const got = await store.read(secret.id, claim.claimTokenHash, 0, T0);
    assert.ok(got && "place" in got);
    const response = await fetch(got.place.url);
    await response.body?.cancel();
    assert.equal(response.headers.get("content-type"), "application/octet-stream");
    assert.equal(response.headers.get("content-disposition"), "attachment");
  });

  test("what is a minute old is refused", async (store, subject) => {
    const putSignedBefore = async (seconds: number) => {
      const { url } = await begun(store, coming(SIZE));
      const Key = new URL(url).pathname.slice(`/${subject.name}/`.length);
      const command = new PutObjectCommand({ Bucket: subject.name, Key });
      const signingDate = new Date(Date.now() - seconds * 1000);
      const older = await getSignedUrl(subject.clients.s3, command, { expiresIn: 60, signingDate });
      const headers = { "if-none-match": undefined, range: undefined };
      return await put({ url: older, headers }, manyBytes(SIZE));
    };
    assert.deepEqual([await putSignedBefore(30), await putSignedBefore(61)], [200, FORBIDDEN]);
  });

  test(
    "an upload of several parts goes on where it was, and ends for good",
    async (store, subject) => {
      const size = 2 * PART_BYTES + 1000;
      const secret = coming(size);
      const body = manyBytes(size);
      const first = await begun(store, secret);
      assert.equal(first.length, PART_BYTES);
      assert.equal(await put(first, body.subarray(0, PART_BYTES - 1)), FORBIDDEN);
      assert.equal(await put(first, body.subarray(0, PART_BYTES)), 200);
      const state = () => store.progress(secret.id, secret.uploadTokenHash, T0 + 1);
      const { offset, next } = (await state())!;
      assert.deepEqual([offset, next?.length], [PART_BYTES, PART_BYTES]);
      const whole = await send(store, secret, body, T0 + 2);
      assert.deepEqual(whole, { offset: size, expires: T0 + 2 + 3_600_000 });
      assert.equal(await put(next!, body.subarray(0, PART_BYTES)), 404);
      const claim = claimTo(secret);
      await store.take(claim, T0 + 3);
      for (const at of [0, PART_BYTES - 1, size - 1]) {
        const got = await bytesOf(await store.read(secret.id, claim.claimTokenHash, at, T0 + 3));
        assert.ok(equalSecret(got, body.subarray(at)), `${at}`);
      }
      await store.acknowledge(secret.id, claim.claimTokenHash, T0 + 4);
      assert.ok(!await subject.holds(body.subarray(1000, 1064)));
    },
  );

  test("a revoked upload leaves nothing, and takes nothing more", async (store, subject) => {
    const size = PART_BYTES + 1000;
    const secret = coming(size);
    const body = manyBytes(size);
    const next = await begun(store, secret);
    assert.equal(await put(next, body.subarray(0, PART_BYTES)), 200);
    const directory = `${services.buckets}/${subject.name}`;
    assert.ok(filesHold(directory, body.subarray(1000, 1064)), "the search finds what is there");
    await store.revoke(secret.id, secret.receiptHash, T0 + 1);
    assert.ok(!filesHold(directory, body.subarray(1000, 1064)));
    assert.equal(await put(next, body.subarray(0, PART_BYTES)), 404);
  });
}
