/** What is told where a service, a right or a name is not as it should be. */
import assert from "node:assert/strict";
import { DeleteTableCommand } from "@aws-sdk/client-dynamodb";
import { DeleteBucketCommand, PutBucketPolicyCommand } from "@aws-sdk/client-s3";
import { randomBytes } from "../../../core/bytes.ts";
import { CryptoError, type ErrorCode } from "../../../core/errors.ts";
import { type AppFailure, ShareApp } from "../../../share/app.ts";
import { Victim } from "../../../share/attack/victim.ts";
import { ATTEMPTS, awsClients, PATIENCE } from "../../../share/aws/clients.ts";
import { PART_BYTES } from "../../../share/aws/limits.ts";
import { openAwsStore } from "../../../share/aws/open.ts";
import { AwsStore } from "../../../share/aws/store.ts";
import type { AwsServices } from "../../support/aws.ts";
import { closeQuietly, type Line, pass, relay } from "../../support/relay.ts";
import { manyBytes, newSecret, put, stateOf, T0 } from "../contract_support.ts";
import { makeTable, OnAws, placeOf, RIGHTS } from "./support.ts";

/** How long the deployment lets a function run. */
const FUNCTION_TIME = 29_000;
/** How long clients wait for an answer. */
const CLIENTS_TIME = 60_000;

/** A line to DynamoDB whose first connection takes everything and brings nothing. */
class HangingLine {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #relaying: Promise<void>;
  hasHung = false;

  constructor(connect: () => Promise<Deno.Conn>) {
    const line: Line = async (from, to) => {
      if (this.hasHung) return await pass(from, to);
      this.hasHung = true;
      closeQuietly(to);
      await from.readable.pipeTo(new WritableStream());
    };
    this.#relaying = relay(this.#listener, connect, line).catch(() => {});
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#relaying;
  }
}

/** A store of who may do what a bucket's policy says. */
class Limited {
  readonly place;
  readonly clients;
  readonly store: AwsStore;

  constructor(private readonly subject: OnAws) {
    this.place = placeOf({ env: subject.services.limited }, subject.name);
    this.clients = awsClients(this.place);
    this.store = new AwsStore({ ...this.place, clientBytes: 1e9, ...this.clients });
  }

  async allow(Action: readonly string[]): Promise<void> {
    const { name, clients: { s3 } } = this.subject;
    const Resource = [`arn:aws:s3:::${name}/share/*`];
    const Statement = [{ Effect: "Allow", Principal: { AWS: ["limited"] }, Action, Resource }];
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement });
    await s3.send(new PutBucketPolicyCommand({ Bucket: name, Policy }));
  }

  [Symbol.dispose]() {
    this.clients.dynamodb.destroy();
    this.clients.s3.destroy();
  }
}

/** An application over a store, and what it tells of failures. */
function appOver(store: AwsStore) {
  const told: AppFailure[] = [];
  const app = new ShareApp({
    store,
    origin: "https://share.example",
    allowed: { ttl: 86_400, views: 1, size: 1e9 },
    clock: () => T0,
    rates: { requests: 1000, creations: 1000 },
    proxies: new Set(),
    managed: false,
    onFailure: (failure) => told.push(failure),
  });
  const answer = async (path: string, init: RequestInit = {}) => {
    const response = await app.handle(new Request(`https://share.example${path}`, init), "unix");
    return [response.status, await response.text()] as const;
  };
  return { told, answer };
}

async function create(app: ReturnType<typeof appOver>) {
  const init = {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(await new Victim().creation()),
  };
  const [status, text] = await app.answer("/api/create", init);
  return [status, JSON.parse(text).error as ErrorCode | undefined];
}

/** Registers the tests. */
export function failingTests(services: AwsServices): void {
  Deno.test("aws, failing: each right on the bucket that is missing is named at the start", async () => {
    await using subject = await OnAws.open(services);
    using limited = new Limited(subject);
    await makeTable(limited.clients.dynamodb, subject.name);
    await limited.allow(RIGHTS);
    await openAwsStore(limited.place, 1e9);
    for (const right of RIGHTS) {
      await limited.allow(RIGHTS.filter((one) => one !== right));
      await assert.rejects(openAwsStore(limited.place, 1e9), (error) => {
        return error instanceof CryptoError && error.code === "config" &&
          error.hint.startsWith("S3 answers ") && error.hint.includes(`to ${right}:`);
      }, right);
    }
  });

  Deno.test("aws, failing: who may not read the bucket does not say that an upload is no more", async () => {
    await using subject = await OnAws.open(services);
    using limited = new Limited(subject);
    await makeTable(limited.clients.dynamodb, subject.name);
    await limited.allow(RIGHTS.filter((one) => one !== "s3:GetObject"));
    const { store } = limited;
    const failure = { code: "share_storage", service: "S3" };
    for (const size of [500_000, PART_BYTES + 1000]) {
      const secret = { ...newSecret({ size }), uploadTokenHash: randomBytes(32) };
      await store.create(secret, undefined, T0);
      const state = () => store.progress(secret.id, secret.uploadTokenHash, T0);
      if (size <= PART_BYTES) {
        await assert.rejects(state, failure);
        continue;
      }
      for (let offset = 0; offset < size; offset += PART_BYTES) {
        const { next } = (await state())!;
        assert.equal(await put(next!, manyBytes(next!.length)), 200);
      }
      await assert.rejects(state, failure);
    }
  });

  Deno.test("aws, failing: the log says which service and what it answers, the caller only that", async () => {
    await using subject = await OnAws.open(services);
    const { name, clients } = subject;
    const app = appOver(subject.store);
    assert.deepEqual(await app.answer("/healthz"), [200, "ok\n"]);
    await clients.dynamodb.send(new DeleteTableCommand({ TableName: name }));
    assert.deepEqual(await create(app), [503, "share_storage"]);
    const code = "share_storage";
    const gone = { code, service: "DynamoDB", reason: "ResourceNotFoundException" };
    assert.deepEqual(app.told, [gone]);
    await makeTable(clients.dynamodb, name);
    await clients.s3.send(new DeleteBucketCommand({ Bucket: name }));
    const place = placeOf(services, name);
    const later = appOver(new AwsStore({ ...place, clientBytes: 1e9, ...clients }));
    assert.deepEqual(await later.answer("/healthz"), [503, "share_storage\n"]);
    await assert.rejects(openAwsStore(place, 1e9), /store/);
  });

  Deno.test("aws, failing: a service that does not answer is said not to, at the start", async () => {
    await using subject = await OnAws.open(services);
    for (const [service, variable] of [["DynamoDB", "DYNAMODB"], ["S3", "S3"]]) {
      const env = { ...services.env, [`AWS_ENDPOINT_URL_${variable}`]: "http://127.0.0.1:9" };
      await assert.rejects(openAwsStore(placeOf({ env }, subject.name), 1e9), (error) => {
        return error instanceof CryptoError &&
          error.hint.startsWith(`${service} cannot be reached (ECONNREFUSED)`);
      });
    }
  });

  Deno.test("aws, failing: what hangs once is asked again, all within a function's time", async () => {
    for (const [kind, time] of [["function", FUNCTION_TIME], ["server", CLIENTS_TIME]] as const) {
      const { connectionTimeout, requestTimeout } = PATIENCE[kind];
      // Pauses in between take less than a second.
      assert.ok(ATTEMPTS * (connectionTimeout + requestTimeout) + 1_000 < time);
    }
    await using subject = await OnAws.open(services);
    const secret = newSecret();
    await subject.store.create(secret, manyBytes(secret.size), T0);
    await using line = new HangingLine(services.connect);
    const env = { ...services.env, AWS_ENDPOINT_URL_DYNAMODB: line.origin };
    const place = placeOf({ env }, subject.name);
    const clients = awsClients(place, PATIENCE.function);
    const store = new AwsStore({ ...place, clientBytes: 1e9, ...clients });
    const began = performance.now();
    assert.equal(stateOf(await store.look(secret.id, secret.linkProofHash, T0)), "live");
    assert.ok(performance.now() - began < FUNCTION_TIME);
    assert.ok(line.hasHung);
    clients.dynamodb.destroy();
    clients.s3.destroy();
  });

  Deno.test("aws, failing: who is over a quota fills no log", async () => {
    await using subject = await OnAws.open(services, 1);
    const app = appOver(subject.store);
    for (let i = 0; i < 5; i++) assert.deepEqual(await create(app), [507, "share_full"]);
    assert.deepEqual(app.told, [{ code: "share_full" }]);
  });
}
