/** The embedded store: the contract, and what is its own. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { type Bytes, equalSecret, randomBytes } from "../../core/bytes.ts";
import { INLINE_BYTES } from "../../core/share/terms.ts";
import { EmbeddedStore } from "../../share/embedded/store.ts";
import { UPLOAD_REST } from "../../share/store.ts";
import {
  answerTo,
  bytesOf,
  claimTo,
  manyBytes,
  newRequest,
  newSecret,
  pieces,
  type Subject,
  T0,
  taken,
  TEST_QUOTAS,
} from "./contract_support.ts";
import { storeContract } from "./store_contract.ts";
import { failsWith, rejectsWith } from "../core/support.ts";
import { filesHold, filesIn } from "./support.ts";

class Embedded implements Subject {
  readonly directory = Deno.makeTempDirSync({ prefix: "cts-" });
  readonly store = new EmbeddedStore(this.directory, TEST_QUOTAS);

  holds(bytes: Bytes): Promise<boolean> {
    return Promise.resolve(filesHold(this.directory, bytes));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.close();
    Deno.removeSync(this.directory, { recursive: true });
  }
}

storeContract("embedded", () => Promise.resolve(new Embedded()));

Deno.test("embedded: a large body comes in pieces, and goes on where it was cut", async () => {
  await using subject = new Embedded();
  const { store } = subject;
  const body = manyBytes(INLINE_BYTES * 3);
  const uploadTokenHash = randomBytes(32);
  const secret = newSecret({ size: body.length, uploadTokenHash });
  await store.create(secret, undefined, T0);
  const send = (offset: number, from: AsyncIterable<Bytes>) =>
    store.append(secret.id, uploadTokenHash, offset, from, () => T0 + 5);
  async function* cut() {
    yield* pieces(body.subarray(0, 300_000));
    throw new Error("cut");
  }
  await assert.rejects(send(0, cut()));
  assert.deepEqual(await store.progress(secret.id, uploadTokenHash, T0), { offset: 300_000 });
  assert.deepEqual(await send(0, pieces(body)), { offset: 300_000 });
  assert.deepEqual(await send(400_000, pieces(body)), { offset: 300_000 });
  const tooMuch = new Uint8Array([...body.subarray(300_000), 1]);
  await assert.rejects(send(300_000, pieces(tooMuch)), { code: "too_large" });
  const { offset } = (await store.progress(secret.id, uploadTokenHash, T0))!;
  const whole = { offset: body.length, expires: T0 + 5 + 3_600_000 };
  assert.deepEqual(await send(offset, pieces(body.subarray(offset))), whole);
  assert.deepEqual(await send(0, pieces(body)), whole);
});

Deno.test("embedded: an upload that comes back late writes nothing into another's answer", async () => {
  await using subject = new Embedded();
  const { store } = subject;
  const request = newRequest({ ttl: 86_400 });
  await store.request(request, T0);
  const bodies = [manyBytes(500_000), manyBytes(500_000)] as const;
  const tokens = [randomBytes(32), randomBytes(32)] as const;
  const begin = (uploadTokenHash: Bytes, now: number) =>
    store.answer(answerTo(request, { size: 500_000, uploadTokenHash }), undefined, now);
  await begin(tokens[0], T0);
  const resting = Promise.withResolvers<void>();
  async function* slow() {
    yield bodies[0].subarray(0, 100_000);
    await resting.promise;
    yield bodies[0].subarray(100_000);
  }
  const late = store.append(request.id, tokens[0], 0, slow(), () => T0);
  assert.equal((await begin(tokens[1], T0 + UPLOAD_REST)).state, "created");
  resting.resolve();
  await assert.rejects(late);
  const now = T0 + UPLOAD_REST + 1;
  assert.deepEqual(await store.progress(request.id, tokens[1], now), { offset: 0 });
  await store.append(request.id, tokens[1], 0, pieces(bodies[1]), () => now);
  const claim = claimTo(request);
  taken(await store.take(claim, now));
  const read = await bytesOf(await store.read(request.id, claim.claimTokenHash, 0, now));
  assert.ok(equalSecret(read, bodies[1]));
});

Deno.test("embedded: nobody else may read a file of it", async () => {
  await using subject = new Embedded();
  const uploadTokenHash = randomBytes(32);
  const secret = newSecret({ size: 300_000, uploadTokenHash });
  await subject.store.create(secret, undefined, Date.now());
  await subject.store.append(secret.id, uploadTokenHash, 0, some(), Date.now);
  const files = filesIn(subject.directory);
  assert.equal(files.length, 4, files.join(" "));
  for (const path of files) assert.equal(Deno.statSync(path).mode! & 0o7777, 0o600);
});

Deno.test("embedded: what a kill has left of an upload is removed at the next start", async () => {
  await using subject = new Embedded();
  const orphan = `${subject.directory}/bodies/${"0".repeat(32)}`;
  Deno.writeTextFileSync(orphan, "left");
  await new EmbeddedStore(subject.directory, TEST_QUOTAS).close();
  assert.throws(() => Deno.statSync(orphan), Deno.errors.NotFound);
});

Deno.test("embedded: no file of it holds a client's address", async () => {
  await using subject = new Embedded();
  const client = "2001:db8:4711::/64";
  await subject.store.create(newSecret({ client }), randomBytes(1024), Date.now());
  assert.ok(!await subject.holds(new TextEncoder().encode(client)));
});

Deno.test("embedded: what is erased is gone also while another process reads", async () => {
  await using subject = new Embedded();
  const other = new EmbeddedStore(subject.directory, TEST_QUOTAS);
  try {
    const [secret, body] = [newSecret(), randomBytes(1024)];
    await subject.store.create(secret, body, Date.now());
    const claim = claimTo(secret);
    await other.take(claim, Date.now());
    await other.acknowledge(secret.id, claim.claimTokenHash, Date.now());
    await subject.store.sweep(Date.now());
    assert.ok(!await subject.holds(body.subarray(0, 64)));
  } finally {
    await other.close();
  }
});

Deno.test("embedded: a database with other tables is refused, and left as it is", async () => {
  const directory = Deno.makeTempDirSync({ prefix: "cts-" });
  try {
    using before = new DatabaseSync(`${directory}/share.db`);
    before.exec("CREATE TABLE secrets (id BLOB PRIMARY KEY); INSERT INTO secrets VALUES (x'01')");
    failsWith("config", () => new EmbeddedStore(directory, TEST_QUOTAS));
    assert.deepEqual({ ...before.prepare("SELECT hex(id) AS id FROM secrets").get() }, {
      id: "01",
    });
    const next = Deno.makeTempDirSync({ dir: directory });
    await new EmbeddedStore(next, TEST_QUOTAS).close();
    using newer = new DatabaseSync(`${next}/share.db`);
    newer.exec("PRAGMA user_version = 1000000");
    failsWith("config", () => new EmbeddedStore(next, TEST_QUOTAS));
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

Deno.test("embedded: who acknowledges after a revocation is seen to have done so", async () => {
  await using subject = new Embedded();
  const secret = newSecret();
  await subject.store.create(secret, randomBytes(1024), T0);
  const claim = claimTo(secret);
  await subject.store.take(claim, T0 + 1);
  await subject.store.revoke(secret.id, secret.receiptHash, T0 + 2);
  assert.ok(await subject.store.acknowledge(secret.id, claim.claimTokenHash, T0 + 3));
  const status = await subject.store.status(secret.id, secret.receiptHash, T0 + 4);
  assert.deepEqual(status?.taken, [{ at: T0 + 1, acknowledged: true }]);
  assert.ok(await subject.store.acknowledge(secret.id, claim.claimTokenHash, T0 + 5));
});

Deno.test("embedded: what waits in vain for another process waits once, not one after the other", async () => {
  await using subject = new Embedded();
  using other = new DatabaseSync(`${subject.directory}/share.db`);
  other.exec("BEGIN IMMEDIATE");
  const started = performance.now();
  const writes = Array.from({ length: 4 }, () => {
    return rejectsWith("io", subject.store.create(newSecret(), randomBytes(1024), Date.now()));
  });
  await Promise.all(writes);
  assert.ok(performance.now() - started < 10_000);
  other.exec("ROLLBACK");
  const { state } = await subject.store.create(newSecret(), randomBytes(1024), Date.now());
  assert.equal(state, "created");
});

async function* some() {
  yield await Promise.resolve(randomBytes(1000));
}
