/** What the SDK repeats because an answer was lost: done once, answered as if nothing had been. */
import assert from "node:assert/strict";
import { type Bytes, randomBytes } from "../../../core/bytes.ts";
import { awsClients } from "../../../share/aws/clients.ts";
import { AwsStore } from "../../../share/aws/store.ts";
import { ATTEMPTS, type Claim } from "../../../share/store.ts";
import type { AwsServices } from "../../support/aws.ts";
import { closeQuietly, type Line, relay, writeAll } from "../../support/relay.ts";
import {
  answerTo,
  claimTo,
  manyBytes,
  newRequest,
  newSecret,
  stateOf,
  T0,
  taken,
} from "../contract_support.ts";
import { OnAws, placeOf } from "./support.ts";

/** A line to DynamoDB that loses an answer when it is told to, after the request was done. */
class LossyLine {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #relaying: Promise<void>;
  /** Answers that still come through before one is lost; negative: all do. */
  #before = -1;

  constructor(services: AwsServices) {
    this.#relaying = relay(this.#listener, services.connect, this.#line).catch(() => {});
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}`;
  }

  readonly #line: Line = async (from, to) => {
    void from.readable.pipeTo(to.writable).catch(() => {});
    for await (const bytes of to.readable) {
      if (this.#before >= 0 && this.#before-- === 0) break;
      await writeAll(from, bytes);
    }
    closeQuietly(from);
    closeQuietly(to);
  };

  /** Does something while one answer is lost: the first, or a later one. */
  async losing<T>(before: number, act: () => Promise<T>): Promise<T> {
    this.#before = before;
    const result = await act();
    assert.ok(this.#before < 0, "an answer was lost");
    return result;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#relaying;
  }
}

/** Registers the tests. */
export function retryTests(services: AwsServices): void {
  const test = (
    name: string,
    body: (store: AwsStore, line: LossyLine, subject: OnAws) => Promise<void>,
  ) =>
    Deno.test(`aws, an answer of DynamoDB's lost: ${name}`, async () => {
      await using subject = await OnAws.open(services);
      await using line = new LossyLine(services);
      const env = { ...services.env, AWS_ENDPOINT_URL_DYNAMODB: line.origin };
      const place = placeOf({ env }, subject.name);
      const clients = awsClients(place);
      try {
        await body(new AwsStore({ ...place, clientBytes: 1e9, ...clients }), line, subject);
      } finally {
        clients.dynamodb.destroy();
        clients.s3.destroy();
      }
    });

  async function created(store: AwsStore, passphraseProofHash?: Bytes) {
    const secret = newSecret({ passphraseProofHash, views: 2 });
    await store.create(secret, manyBytes(secret.size), T0);
    return secret;
  }

  test("a secret is created, whichever answer it was", async (store, line) => {
    await created(store);
    // One for the quota, one for the body, one for the record.
    for (const before of [0, 1, 2]) {
      const secret = newSecret();
      const body = manyBytes(secret.size);
      const create = () => store.create(secret, body, T0);
      assert.equal((await line.losing(before, create)).state, "created");
      assert.equal((await create()).state, "exists");
      assert.deepEqual(taken(await store.take(claimTo(secret), T0)).body, body);
    }
  });

  test("a taker has one claim, and the second view is another's", async (store, line) => {
    const secret = await created(store);
    const claim = claimTo(secret);
    taken(await line.losing(0, () => store.take(claim, T0 + 1)));
    const views = (await store.status(secret.id, secret.receiptHash, T0 + 2))?.taken;
    assert.deepEqual(views, [{ at: T0 + 1, acknowledged: false }]);
    taken(await store.take(claimTo(secret), T0 + 3));
    assert.equal(stateOf(await store.take(claimTo(secret), T0 + 4)), "used");
  });

  test("an attempt is paid once, and comes back once", async (store, line) => {
    const secret = await created(store, randomBytes(32));
    const attempts = async () =>
      (await store.status(secret.id, secret.receiptHash, T0))?.attemptsLeft;
    const wrong: Claim = claimTo(secret, { passphraseProofHash: randomBytes(32) });
    assert.equal(stateOf(await line.losing(0, () => store.pay(wrong, T0))), "paid");
    assert.equal(await attempts(), ATTEMPTS - 1);
    const right = claimTo(secret);
    await store.pay(right, T0);
    taken(await line.losing(0, () => store.take(right, T0)));
    assert.equal(await attempts(), ATTEMPTS - 1);
  });

  test("what the sender and the taker end is ended", async (store, line) => {
    const secret = await created(store);
    const claim = claimTo(secret);
    await store.take(claim, T0);
    const acknowledge = () => store.acknowledge(secret.id, claim.claimTokenHash, T0);
    assert.equal(await line.losing(0, acknowledge), true);
    for (const call of ["unlock", "revoke"] as const) {
      const status = await line.losing(0, () => store[call](secret.id, secret.receiptHash, T0 + 1));
      assert.equal(status?.state, call === "unlock" ? "live" : "revoked");
    }
  });

  test("a request is made and answered", async (store, line) => {
    await created(store);
    const request = newRequest();
    assert.equal((await line.losing(1, () => store.request(request, T0))).state, "created");
    const body = manyBytes(1024);
    // One for the request, one for the quota, one for the body, one for the answer.
    const answer = () => store.answer(answerTo(request), body, T0 + 1);
    assert.equal((await line.losing(3, answer)).state, "created");
    assert.equal((await answer()).state, "answered");
    assert.deepEqual(taken(await store.take(claimTo(request), T0 + 2)).body, body);
  });
}
