/** What every store of secrets must do, run for each kind of them. */
import assert from "node:assert/strict";
import { equalSecret, randomBytes } from "../../core/bytes.ts";
import { INLINE_BYTES } from "../../core/share/terms.ts";
import {
  ATTEMPTS,
  CLAIM_TIME,
  EXPIRED_MEMORY,
  type NewSecret,
  RECORD_BYTES,
  type Store,
  UPLOAD_REST,
} from "../../share/store.ts";
import {
  assertCharged,
  bytesOf,
  claimTo,
  manyBytes,
  newSecret,
  pieces,
  send,
  stateOf,
  type StoreTest,
  type Subject,
  T0,
  taken,
  TEST_QUOTAS,
} from "./contract_support.ts";
import { requestContract } from "./request_contract.ts";

/** Registers the tests. */
export function storeContract(name: string, open: () => Promise<Subject>): void {
  const test: StoreTest = (what, body) =>
    Deno.test(`${name}: ${what}`, async () => {
      await using subject = await open();
      await body(subject.store, subject);
    });

  /** Creates a secret of random bytes. */
  async function created(store: Store, more: Partial<NewSecret> = {}) {
    const secret = newSecret(more);
    const body = manyBytes(secret.size);
    assert.equal((await store.create(secret, body, T0)).state, "created");
    return { secret, body };
  }

  test("what was created is taken once, byte for byte", async (store) => {
    const { secret, body } = await created(store);
    assert.deepEqual(taken(await store.take(claimTo(secret), T0 + 1)).body, body);
    assert.deepEqual(await store.take(claimTo(secret), T0 + 2), { state: "used", since: T0 + 1 });
  });

  test("the terms come back exactly as asked", async (store) => {
    const { secret } = await created(store, { ttl: 2_592_000, views: 100, kind: "answer" });
    const { kind, ttl, views, size, passphrase, expires } = taken(
      await store.take(claimTo(secret), T0),
    );
    assert.deepEqual([kind, ttl, views, size, passphrase], ["answer", 2_592_000, 100, 1024, false]);
    assert.equal(expires, T0 + 2_592_000_000);
  });

  test("nothing is created over a secret, nor over what is left of one", async (store) => {
    const { secret } = await created(store);
    const again = { ...newSecret(), id: secret.id };
    const create = async () => (await store.create(again, randomBytes(1024), T0)).state;
    assert.equal(await create(), "exists");
    await store.revoke(secret.id, secret.receiptHash, T0);
    await store.sweep(T0 + 1000);
    assert.equal(await create(), "exists");
    await store.sweep(T0 + 3_600_000);
    assert.equal(await create(), "created");
  });

  test("of fifty that ask at once one takes, of three views three", async (store) => {
    for (const views of [1, 3]) {
      const { secret } = await created(store, { views });
      const claims = Array.from({ length: 50 }, () => claimTo(secret));
      const all = await Promise.all(claims.map((claim) => store.take(claim, T0 + 1)));
      assert.equal(all.filter((one) => stateOf(one) === "live").length, views);
    }
  });

  test("a taker gets its answer again until it acknowledges, a stranger gets none", async (store) => {
    const { secret, body } = await created(store);
    const claim = claimTo(secret);
    for (const at of [1, 2, CLAIM_TIME.inline - 1]) {
      assert.deepEqual(taken(await store.take(claim, T0 + at)).body, body);
      assert.equal(stateOf(await store.take(claimTo(secret), T0 + at)), "used");
    }
    assert.equal(await store.acknowledge(secret.id, claim.claimTokenHash, T0 + 9), true);
    assert.equal(await store.acknowledge(secret.id, claim.claimTokenHash, T0 + 9), true);
    assert.equal(stateOf(await store.take(claim, T0 + 10)), "used");
    assert.equal(await store.read(secret.id, claim.claimTokenHash, 0, T0 + 10), undefined);
  });

  test("a claim ends by itself, and with it the view", async (store, subject) => {
    const { secret, body } = await created(store);
    const claim = claimTo(secret);
    await store.take(claim, T0);
    await store.sweep(T0 + CLAIM_TIME.inline - 1);
    assert.ok(await subject.holds(body));
    assert.equal(stateOf(await store.take(claim, T0 + CLAIM_TIME.inline)), "used");
    await store.sweep(T0 + CLAIM_TIME.inline);
    assert.ok(!await subject.holds(body));
  });

  test("a secret of two views lives on when the first is done", async (store) => {
    const { secret, body } = await created(store, { views: 2 });
    const first = claimTo(secret);
    await store.take(first, T0);
    await store.acknowledge(secret.id, first.claimTokenHash, T0);
    assert.equal(stateOf(await store.take(first, T0 + 1)), "used");
    assert.deepEqual(taken(await store.take(claimTo(secret), T0 + 2)).body, body);
    assert.equal(stateOf(await store.take(claimTo(secret), T0 + 3)), "used");
  });

  test("what has expired is refused without a sweep, and so it stays", async (store) => {
    const { secret } = await created(store, { ttl: 60 });
    assert.equal(stateOf(await store.look(secret.id, secret.linkProofHash, T0 + 59_999)), "live");
    const expired = { state: "expired", since: T0 + 60_000 };
    assert.deepEqual(await store.take(claimTo(secret), T0 + 60_000), expired);
    assert.deepEqual(await store.look(secret.id, secret.linkProofHash, T0 + 60_000), expired);
    await store.sweep(T0 + 60_000);
    assert.deepEqual(await store.look(secret.id, secret.linkProofHash, T0 + 60_001), expired);
    await store.sweep(T0 + 120_000);
    assert.equal(stateOf(await store.look(secret.id, secret.linkProofHash, T0)), "unknown");
    await assertCharged(store, 0);
  });

  test("that something expired is not remembered for longer than a week", async (store) => {
    const { secret } = await created(store, { ttl: 2_592_000 });
    const end = T0 + 2_592_000_000;
    const look = () => store.look(secret.id, secret.linkProofHash, end);
    await store.sweep(end + EXPIRED_MEMORY - 1);
    assert.equal(stateOf(await look()), "expired");
    await store.sweep(end + EXPIRED_MEMORY);
    assert.equal(stateOf(await look()), "unknown");
  });

  test("who took in time may finish after the expiry", async (store) => {
    const { secret, body } = await created(store, { ttl: 60, views: 2 });
    const claim = claimTo(secret);
    await store.take(claim, T0 + 59_000);
    await store.sweep(T0 + 61_000);
    assert.deepEqual(taken(await store.take(claim, T0 + 61_000)).body, body);
    assert.equal(stateOf(await store.take(claimTo(secret), T0 + 61_000)), "expired");
  });

  test("a wrong hash gets what an unknown id gets, everywhere", async (store) => {
    const { secret } = await created(store);
    const wrong = randomBytes(32);
    const unknown = { state: "unknown", since: 0 };
    for (const id of [secret.id, randomBytes(16)]) {
      const claim = claimTo(secret, { id, linkProofHash: wrong });
      assert.deepEqual(await store.look(id, wrong, T0), unknown);
      assert.deepEqual(await store.take(claim, T0), unknown);
      assert.deepEqual(await store.pay(claim, T0), unknown);
      assert.equal(await store.read(id, wrong, 0, T0), undefined);
      assert.equal(await store.acknowledge(id, wrong, T0), false);
      for (const act of [store.status, store.revoke, store.unlock]) {
        assert.equal(await act.call(store, id, wrong, T0), undefined);
      }
      assert.equal(await store.progress(id, wrong, T0), undefined);
      assert.equal(await store.append(id, wrong, 0, pieces(wrong), () => T0), undefined);
      // A record without an upload token compares with nothing.
      assert.equal(await store.progress(id, new Uint8Array(32), T0), undefined);
    }
    assert.equal(stateOf(await store.take(claimTo(secret), T0)), "live");
  });

  test("a passphrase stands ten wrong attempts, then only the sender helps", async (store) => {
    const { secret } = await created(store, { passphraseProofHash: randomBytes(32) });
    const wrong = () => claimTo(secret, { passphraseProofHash: randomBytes(32) });
    for (let i = 1; i <= ATTEMPTS; i++) {
      assert.deepEqual(await store.pay(wrong(), T0 + i), { state: "paid" });
      assert.equal(await store.take(wrong(), T0 + i), "wrong_passphrase");
    }
    const locked = { state: "locked", since: T0 + ATTEMPTS };
    assert.deepEqual(await store.pay(claimTo(secret), T0 + 11), locked);
    assert.deepEqual(await store.look(secret.id, secret.linkProofHash, T0 + 11), locked);
    const status = await store.unlock(secret.id, secret.receiptHash, T0 + 12);
    assert.deepEqual([status?.state, status?.attemptsLeft], ["live", ATTEMPTS]);
    assert.deepEqual(await store.pay(claimTo(secret), T0 + 13), { state: "paid" });
    assert.equal(taken(await store.take(claimTo(secret), T0 + 13)).attemptsLeft, ATTEMPTS);
  });

  test("the tenth attempt opens if it is right", async (store) => {
    const { secret } = await created(store, { passphraseProofHash: randomBytes(32), views: 2 });
    for (let i = 0; i < ATTEMPTS; i++) await store.pay(claimTo(secret), T0);
    assert.equal(stateOf(await store.take(claimTo(secret), T0)), "live");
    assert.equal(stateOf(await store.look(secret.id, secret.linkProofHash, T0)), "live");
  });

  test("attempts in parallel are paid one by one", async (store) => {
    const { secret } = await created(store, { passphraseProofHash: randomBytes(32) });
    const all = await Promise.all(Array.from({ length: 500 }, () => {
      return store.pay(claimTo(secret), T0);
    }));
    assert.equal(all.filter(({ state }) => state === "paid").length, ATTEMPTS);
  });

  test("who holds a claim pays nothing, also when strangers have locked the secret", async (store) => {
    const { secret } = await created(store, { passphraseProofHash: randomBytes(32), views: 2 });
    const claim = claimTo(secret);
    await store.pay(claim, T0);
    await store.take(claim, T0);
    for (let i = 0; i < ATTEMPTS; i++) await store.pay(claimTo(secret), T0);
    assert.deepEqual(await store.pay(claim, T0), { state: "paid" });
    assert.equal(stateOf(await store.take(claim, T0)), "live");
  });

  test("without the passphrase, or with one where there is none, nothing is taken", async (store) => {
    const with_ = (await created(store, { passphraseProofHash: randomBytes(32) })).secret;
    const none = claimTo(with_, { passphraseProofHash: undefined });
    assert.equal(await store.take(none, T0), "wrong_passphrase");
    const without = (await created(store)).secret;
    const one = claimTo(without, { passphraseProofHash: randomBytes(32) });
    assert.equal(await store.take(one, T0), "wrong_passphrase");
    assert.equal(stateOf(await store.take(claimTo(without), T0)), "live");
  });

  test("the sender sees who has taken, and revokes", async (store, subject) => {
    const { secret, body } = await created(store, { views: 3 });
    const claim = claimTo(secret);
    await store.take(claim, T0 + 5);
    await store.acknowledge(secret.id, claim.claimTokenHash, T0 + 6);
    await store.take(claimTo(secret), T0 + 7);
    const status = await store.status(secret.id, secret.receiptHash, T0 + 8);
    assert.deepEqual(status?.taken, [
      { at: T0 + 5, acknowledged: true },
      { at: T0 + 7, acknowledged: false },
    ]);
    assert.equal((await store.revoke(secret.id, secret.receiptHash, T0 + 9))?.state, "revoked");
    assert.deepEqual(await store.take(claimTo(secret), T0 + 9), {
      state: "revoked",
      since: T0 + 9,
    });
    await store.sweep(T0 + 10);
    assert.ok(!await subject.holds(body));
    assert.equal((await store.revoke(secret.id, secret.receiptHash, T0 + 11))?.since, T0 + 9);
  });

  test("what is acknowledged is in no file of the store any more", async (store, subject) => {
    for (const size of [1024, INLINE_BYTES]) {
      const { secret, body } = await created(store, { size });
      const needle = body.subarray(-64);
      assert.ok(await subject.holds(needle), "the search finds what is there");
      const claim = claimTo(secret);
      await store.take(claim, T0);
      await store.acknowledge(secret.id, claim.claimTokenHash, T0);
      await store.sweep(T0 + 1);
      assert.ok(!await subject.holds(needle));
      // Also the beginning, which lies in another page of the database.
      assert.ok(!await subject.holds(body.subarray(0, 64)));
    }
  });

  test("a large body can be taken when all of it is there", async (store, subject) => {
    const body = manyBytes(INLINE_BYTES * 3);
    const uploadTokenHash = randomBytes(32);
    const secret = { ...newSecret({ size: body.length }), uploadTokenHash };
    assert.equal((await store.create(secret, undefined, T0)).state, "created");
    assert.equal(stateOf(await store.take(claimTo(secret), T0)), "uploading");
    const { offset } = (await store.progress(secret.id, uploadTokenHash, T0))!;
    assert.equal(offset, 0);
    const whole = { offset: body.length, expires: T0 + 5 + 3_600_000 };
    assert.deepEqual(await send(store, secret, body, T0 + 5), whole);
    assert.deepEqual(await store.progress(secret.id, uploadTokenHash, T0 + 6), whole);
    const again = store.append(secret.id, uploadTokenHash, 0, pieces(body), () => T0 + 6);
    assert.deepEqual(await again, whole);

    const claim = claimTo(secret);
    assert.equal(taken(await store.take(claim, T0 + 6)).body, undefined);
    const from = async (at: number) =>
      await bytesOf(await store.read(secret.id, claim.claimTokenHash, at, T0 + 7));
    assert.ok(equalSecret(await from(0), body));
    assert.ok(equalSecret(await from(700_000), body.subarray(700_000)));
    assert.equal((await from(body.length)).length, 0);
    assert.ok(await subject.holds(body.subarray(1000, 1064)), "the search finds what is there");
    await store.acknowledge(secret.id, claim.claimTokenHash, T0 + 8);
    await store.sweep(T0 + 9);
    assert.ok(!await subject.holds(body.subarray(1000, 1064)));
  });

  test("a body is read in part while its claim is open", async (store) => {
    const { secret, body } = await created(store);
    const claim = claimTo(secret);
    await store.take(claim, T0);
    const rest = await bytesOf(await store.read(secret.id, claim.claimTokenHash, 1000, T0));
    assert.deepEqual(rest, body.subarray(1000));
    const late = await store.read(secret.id, claim.claimTokenHash, 0, T0 + CLAIM_TIME.inline);
    assert.equal(late, undefined);
  });

  test("an upload that rests too long is given up and charged no more", async (store) => {
    const uploadTokenHash = randomBytes(32);
    const secret = newSecret({ size: 500_000, uploadTokenHash, ttl: 86_400 });
    await store.create(secret, undefined, T0);
    await assertCharged(store, 500_000 + RECORD_BYTES);
    const late = T0 + UPLOAD_REST;
    assert.equal(await store.progress(secret.id, uploadTokenHash, late), undefined);
    await store.sweep(late);
    await assertCharged(store, RECORD_BYTES);
    assert.equal(stateOf(await store.take(claimTo(secret), late)), "expired");
  });

  test("a full quota refuses new secrets, leaves the others and comes free again", async (store) => {
    const size = 250_000;
    const create = async (client: string, now = T0) => {
      const secret = newSecret({ size, client });
      return { secret, ...await store.create(secret, manyBytes(size), now) };
    };
    const made: NewSecret[] = [];
    for (let round = await create("a"); round.state === "created"; round = await create("a")) {
      made.push(round.secret);
    }
    assert.equal(made.length, Math.floor(TEST_QUOTAS.perClient / (size + RECORD_BYTES)));
    for (const client of ["b", "c"]) while ((await create(client)).state === "created");
    const usage = await store.usage();
    const { total } = TEST_QUOTAS;
    assert.ok(!usage || usage.bytes <= total && usage.bytes > total - size - RECORD_BYTES);
    assert.equal(stateOf(await store.take(claimTo(made[0]!), T0)), "live");
    await store.revoke(made[1]!.id, made[1]!.receiptHash, T0);
    // A store that does not count what it holds counts what came in a day.
    assert.equal((await create("a", usage ? T0 : T0 + 86_400_000)).state, "created");
  });

  requestContract(test);
}
