/** What every store must do with requests and their answers: a part of the contract of stores. */
import assert from "node:assert/strict";
import { equalSecret, randomBytes } from "../../core/bytes.ts";
import { INLINE_BYTES } from "../../core/share/terms.ts";
import { type NewRequest, RECORD_BYTES, type Store, UPLOAD_REST } from "../../share/store.ts";
import {
  answerTo,
  assertCharged,
  bytesOf,
  claimTo,
  manyBytes,
  newRequest,
  newSecret,
  pieces,
  send,
  sendSome,
  stateOf,
  type StoreTest,
  T0,
  taken,
} from "./contract_support.ts";

const HOUR = 3_600_000;

async function requested(store: Store, more: Partial<NewRequest> = {}): Promise<NewRequest> {
  const request = newRequest(more);
  const { state, expires } = await store.request(request, T0);
  assert.deepEqual([state, expires], ["created", T0 + request.ttl * 1000]);
  return request;
}

/** Gives a short answer that must be accepted. */
async function answered(store: Store, request: NewRequest, now = T0 + 1) {
  const answer = answerTo(request);
  const body = manyBytes(answer.size);
  assert.equal((await store.answer(answer, body, now)).state, "created");
  return { answer, body };
}

/** Registers the tests. */
export function requestContract(test: StoreTest): void {
  test("a request waits, is answered, and its answer is taken with the reading proof", async (store) => {
    const request = await requested(store);
    const waiting = { state: "waiting", since: T0 };
    assert.deepEqual(await store.look(request.id, request.linkProofHash, T0 + 1), waiting);
    assert.deepEqual(await store.take(claimTo(request), T0 + 1), waiting);
    assert.deepEqual(await store.lookAtRequest(request.id, request.writeProofHash, T0 + 1), {
      ...{ state: "waiting", ttl: 3600, largest: 2_000_000 },
      expires: T0 + HOUR,
    });
    const { body } = await answered(store, request, T0 + 60_000);
    const got = taken(await store.take(claimTo(request), T0 + 61_000));
    assert.deepEqual(got.body, body);
    const { kind, ttl, views, passphrase, size, expires } = got;
    assert.deepEqual([kind, ttl, views, passphrase, size], ["answer", 3600, 1, false, 1024]);
    // It may be read for as long as it might have been answered, from its answer on.
    assert.equal(expires, T0 + 60_000 + HOUR);
    assert.equal(stateOf(await store.take(claimTo(request), T0 + 62_000)), "used");
  });

  test("the first answer wins, and who comes later is told since when", async (store) => {
    const request = await requested(store);
    const { body } = await answered(store, request, T0 + 5);
    const answeredAlready = { state: "answered", since: T0 + 5 };
    const late = () => store.answer(answerTo(request), manyBytes(1024), T0 + 6);
    const look = (now: number) => store.lookAtRequest(request.id, request.writeProofHash, now);
    assert.deepEqual(await late(), answeredAlready);
    assert.deepEqual(await look(T0 + 6), answeredAlready);
    assert.deepEqual(taken(await store.take(claimTo(request), T0 + 7)).body, body);
    assert.deepEqual(await late(), answeredAlready);
    await store.revoke(request.id, request.receiptHash, T0 + 8);
    assert.deepEqual(await look(T0 + 9), answeredAlready);
    await store.sweep(T0 + 2 * HOUR);
    assert.deepEqual(await look(T0 + 9), { state: "unknown", since: 0 });
  });

  test("of fifty answers at once one is kept, and it is the one that is read", async (store) => {
    for (let round = 0; round < 5; round++) {
      const request = await requested(store);
      const bodies = Array.from({ length: 50 }, () => manyBytes(1024));
      const all = await Promise.all(bodies.map((body) => {
        return store.answer(answerTo(request), body, T0 + 1);
      }));
      const won = all.flatMap(({ state }, i) => state === "created" ? [i] : []);
      assert.equal(won.length, 1);
      const lost = all.filter(({ state }) => state === "answered");
      assert.equal(lost.length, 49);
      assert.deepEqual(taken(await store.take(claimTo(request), T0 + 2)).body, bodies[won[0]!]);
    }
  });

  test("nothing is requested over a record, and no request is taken for a secret", async (store) => {
    const secret = newSecret();
    await store.create(secret, manyBytes(1024), T0);
    const over = newRequest({ id: secret.id });
    assert.equal((await store.request(over, T0)).state, "exists");
    assert.deepEqual(await store.answer(answerTo(over), manyBytes(1024), T0), {
      ...{ state: "unknown", since: 0 },
    });
    const request = await requested(store);
    const create = newSecret({ id: request.id });
    for (const act of [() => answered(store, request), () => store.sweep(T0 + HOUR + 2)]) {
      assert.equal((await store.request(newRequest({ id: request.id }), T0)).state, "exists");
      assert.equal((await store.create(create, manyBytes(1024), T0)).state, "exists");
      await act();
    }
  });

  test("a wrong proof is an unknown request, and no proof stands for another", async (store) => {
    const request = await requested(store);
    const unknown = { state: "unknown", since: 0 };
    const { id, linkProofHash, writeProofHash, receiptHash } = request;
    for (const [at, hash] of [[id, randomBytes(32)], [randomBytes(16), writeProofHash]] as const) {
      assert.deepEqual(await store.lookAtRequest(at, hash, T0), unknown);
      const answer = answerTo(request, { id: at, writeProofHash: hash });
      assert.deepEqual(await store.answer(answer, manyBytes(1024), T0), unknown);
    }
    for (const hash of [linkProofHash, receiptHash, new Uint8Array(32)]) {
      assert.deepEqual(await store.lookAtRequest(id, hash, T0), unknown);
    }
    await answered(store, request);
    // Who may answer may neither read, nor see, nor revoke.
    const claim = claimTo(request, { linkProofHash: writeProofHash });
    assert.deepEqual(await store.take(claim, T0), unknown);
    assert.deepEqual(await store.look(id, writeProofHash, T0), unknown);
    for (const hash of [writeProofHash, linkProofHash]) {
      for (const act of [store.status, store.revoke, store.unlock]) {
        assert.equal(await act.call(store, id, hash, T0), undefined);
      }
    }
    // A secret has no writing proof, and an all-zero hash is none.
    const secret = newSecret();
    await store.create(secret, manyBytes(1024), T0);
    assert.deepEqual(await store.lookAtRequest(secret.id, new Uint8Array(32), T0), unknown);
    assert.equal(await store.status(secret.id, new Uint8Array(32), T0), undefined);
  });

  test("a request that nobody answers expires, and is forgotten", async (store) => {
    const request = await requested(store, { ttl: 60 });
    const { id, linkProofHash, writeProofHash } = request;
    const expired = { state: "expired", since: T0 + 60_000 };
    const give = (now: number) => store.answer(answerTo(request), manyBytes(1024), now);
    for (const sweep of [false, true]) {
      if (sweep) await store.sweep(T0 + 60_000);
      assert.deepEqual(await give(T0 + 60_000), expired);
      assert.deepEqual(await store.lookAtRequest(id, writeProofHash, T0 + 60_000), expired);
      assert.deepEqual(await store.look(id, linkProofHash, T0 + 60_000), expired);
    }
    await store.sweep(T0 + 120_000);
    assert.equal(stateOf(await store.look(id, linkProofHash, T0 + 120_000)), "unknown");
    await assertCharged(store, 0);
  });

  test("who asked sees the state and takes the request back", async (store, subject) => {
    const request = await requested(store);
    const { id, receiptHash } = request;
    const status = await store.status(id, receiptHash, T0 + 1);
    assert.deepEqual([status?.state, status?.since, status?.size], ["waiting", T0, 0]);
    assert.equal((await store.revoke(id, receiptHash, T0 + 2))?.state, "revoked");
    const revoked = { state: "revoked", since: T0 + 2 };
    const late = await store.answer(answerTo(request), manyBytes(1024), T0 + 3);
    assert.deepEqual(late, revoked);
    assert.deepEqual(await store.look(id, request.linkProofHash, T0 + 3), revoked);

    const other = await requested(store);
    const { body } = await answered(store, other);
    assert.equal((await store.status(other.id, other.receiptHash, T0 + 2))?.state, "live");
    await store.revoke(other.id, other.receiptHash, T0 + 3);
    await store.sweep(T0 + 4);
    assert.ok(!await subject.holds(body));
    await assertCharged(store, 2 * RECORD_BYTES);
  });

  test("who answered sees whether it was read, and revokes", async (store) => {
    const request = await requested(store);
    const { answer } = await answered(store, request);
    const status = () => store.status(request.id, answer.receiptHash, T0 + 9);
    assert.equal((await status())?.taken.length, 0);
    await store.take(claimTo(request), T0 + 5);
    assert.deepEqual((await status())?.taken, [{ at: T0 + 5, acknowledged: false }]);

    const second = await requested(store);
    const { answer: mistaken } = await answered(store, second);
    await store.revoke(second.id, mistaken.receiptHash, T0 + 6);
    assert.equal(stateOf(await store.take(claimTo(second), T0 + 7)), "revoked");
    // Revoked or not, it was the answer.
    const again = await store.answer(answerTo(second), manyBytes(1024), T0 + 8);
    assert.equal(again.state, "answered");
  });

  test("an answer that is larger than allowed, or than there is room for, changes nothing", async (store) => {
    const request = await requested(store, { largest: 1024 });
    const give = (to: NewRequest, size: number) =>
      store.answer(answerTo(to, { size }), manyBytes(size), T0 + 1);
    assert.equal((await give(request, 1025)).state, "too_large");
    assert.equal((await give(request, 1024)).state, "created");
    await assertCharged(store, RECORD_BYTES + 1024);

    // The requester's client pays, and its quota is 2,000,000.
    const two = [await requested(store), await requested(store)] as const;
    const size = 1_200_000;
    const begin = (to: NewRequest) =>
      store.answer(answerTo(to, { size, uploadTokenHash: randomBytes(32) }), undefined, T0 + 1);
    assert.equal((await begin(two[0])).state, "created");
    assert.equal((await begin(two[1])).state, "full");
    const waiting = await store.lookAtRequest(two[1].id, two[1].writeProofHash, T0 + 1);
    assert.equal(waiting.state, "waiting");
    await assertCharged(store, 3 * RECORD_BYTES + 1024 + size);
  });

  test(
    "while a large answer comes nobody else answers, and it is one when all is there",
    async (store, subject) => {
      const request = await requested(store);
      const body = manyBytes(INLINE_BYTES * 2);
      const uploadTokenHash = randomBytes(32);
      const answer = { ...answerTo(request, { size: body.length }), uploadTokenHash };
      assert.equal((await store.answer(answer, undefined, T0 + 1)).state, "created");
      const uploading = { state: "uploading", since: T0 + 1 };
      const other = () => store.answer(answerTo(request), manyBytes(1024), T0 + 2);
      assert.deepEqual(await other(), uploading);
      assert.deepEqual(await store.take(claimTo(request), T0 + 2), uploading);
      await sendSome(store, answer, body, T0 + 2);
      assert.deepEqual(await other(), uploading);
      const whole = { offset: body.length, expires: T0 + 3 + HOUR };
      assert.deepEqual(await send(store, answer, body, T0 + 3), whole);
      assert.deepEqual(await other(), { state: "answered", since: T0 + 3 });
      const claim = claimTo(request);
      assert.equal(taken(await store.take(claim, T0 + 4)).body, undefined);
      const read = await bytesOf(await store.read(request.id, claim.claimTokenHash, 0, T0 + 4));
      assert.ok(equalSecret(read, body));
      await store.acknowledge(request.id, claim.claimTokenHash, T0 + 5);
      await store.sweep(T0 + 6);
      assert.ok(!await subject.holds(body.subarray(1000, 1064)));
    },
  );

  test(
    "an answer whose upload rests gives its place back, with and without a sweep",
    async (store, subject) => {
      for (const sweep of [false, true]) {
        const request = await requested(store, { ttl: 86_400 });
        const before = await store.usage();
        const part = manyBytes(500_000);
        const uploadTokenHash = randomBytes(32);
        const given = { ...answerTo(request, { size: 500_000 }), uploadTokenHash };
        await store.answer(given, undefined, T0);
        await sendSome(store, given, part, T0);
        assert.ok(await subject.holds(part.subarray(0, 64)));
        const late = T0 + UPLOAD_REST;
        if (sweep) await store.sweep(late);
        if (sweep) assert.deepEqual(await store.usage(), before);
        const look = await store.lookAtRequest(request.id, request.writeProofHash, late);
        assert.equal(look.state, "waiting");
        const waiting = { state: "waiting", since: T0 };
        assert.deepEqual(await store.take(claimTo(request), late), waiting);
        assert.equal(await store.progress(request.id, uploadTokenHash, late), undefined);
        const { body } = await answered(store, request, late);
        // The one who was given up can neither go on nor see what became of it.
        const rest = pieces(manyBytes(200_000));
        const append = store.append(request.id, uploadTokenHash, 300_000, rest, () => late);
        assert.equal(await append, undefined);
        assert.equal(await store.status(request.id, given.receiptHash, late), undefined);
        assert.deepEqual(taken(await store.take(claimTo(request), late + 1)).body, body);
        assert.ok(!await subject.holds(part.subarray(0, 64)));
        if (before) await assertCharged(store, before.bytes + 1024);
      }
    },
  );

  test("an answer that was begun in time may be finished after the request's expiry", async (store) => {
    const request = await requested(store, { ttl: 60 });
    const body = manyBytes(INLINE_BYTES + 1);
    const uploadTokenHash = randomBytes(32);
    const answer = { ...answerTo(request, { size: body.length }), uploadTokenHash };
    await store.answer(answer, undefined, T0 + 59_000);
    await store.sweep(T0 + 61_000);
    await send(store, answer, body, T0 + 70_000);
    assert.equal(taken(await store.take(claimTo(request), T0 + 129_000)).size, body.length);
  });

  test("an upload that outlives the request and rests ends both", async (store) => {
    const request = await requested(store, { ttl: 60 });
    const uploadTokenHash = randomBytes(32);
    await store.answer(answerTo(request, { size: 500_000, uploadTokenHash }), undefined, T0);
    const late = T0 + UPLOAD_REST;
    const expired = { state: "expired", since: late };
    assert.deepEqual(await store.look(request.id, request.linkProofHash, late), expired);
    await store.sweep(late);
    assert.deepEqual(await store.look(request.id, request.linkProofHash, late), expired);
    await assertCharged(store, RECORD_BYTES);
  });
}
