/** That a body which is erased stays so: addresses and requests from before bring nothing back. */
import assert from "node:assert/strict";
import { ListObjectsV2Command } from "@aws-sdk/client-s3";
import { type Bytes, randomBytes, utf8 } from "../../../core/bytes.ts";
import { PART_BYTES } from "../../../share/aws/limits.ts";
import { AwsStore } from "../../../share/aws/store.ts";
import type { Progress } from "../../../share/store.ts";
import type { AwsServices } from "../../support/aws.ts";
import { type Line, pass, relay } from "../../support/relay.ts";
import { claimTo, manyBytes, newSecret, put, send, T0 } from "../contract_support.ts";
import { OnAws, second } from "./support.ts";

const SIZE = 500_000;
const HOUR = 3_600_000;
const PRECONDITION_FAILED = 412;
const ROUNDS = 20;

type Next = NonNullable<Progress["next"]>;

/** A secret whose body comes later, and where that goes first. */
async function begun(store: AwsStore, size: number) {
  const secret = { ...newSecret({ size }), uploadTokenHash: randomBytes(32) };
  await store.create(secret, undefined, T0);
  const { next } = (await store.progress(secret.id, secret.uploadTokenHash, T0))!;
  return { secret, next: next!, body: manyBytes(size) };
}

/** The sizes of all objects. */
async function sizes({ clients: { s3 }, name }: OnAws): Promise<number[]> {
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket: name }));
  return Contents.map(({ Size = NaN }) => Size);
}

/** A PUT whose body stops half-way until it is told to go on. */
async function halfPut({ url, length }: Next, body: Bytes) {
  const { hostname, port, host, pathname, search } = new URL(url);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  const writer = connection.writable.getWriter();
  const head = `PUT ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\nif-none-match: *\r\n` +
    `content-length: ${length}\r\nconnection: close\r\n\r\n`;
  await writer.write(utf8(head));
  await writer.write(body.subarray(0, length / 2));
  return {
    async finish(): Promise<number> {
      await writer.write(body.subarray(length / 2));
      const answer = await new Response(connection.readable).text();
      return Number(answer.split(" ")[1]);
    },
  };
}

/** A line to S3 on which nothing goes before it is opened. */
class HeldLine {
  readonly #listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  readonly #asked = Promise.withResolvers<void>();
  readonly #opened = Promise.withResolvers<void>();
  readonly #relaying: Promise<void>;

  constructor(s3: string) {
    const port = Number(new URL(s3).port);
    const connect = () => Deno.connect({ hostname: "127.0.0.1", port });
    const line: Line = async (from, to) => {
      this.#asked.resolve();
      await this.#opened.promise;
      await pass(from, to);
    };
    this.#relaying = relay(this.#listener, connect, line).catch(() => {});
  }

  get origin(): string {
    return `http://127.0.0.1:${this.#listener.addr.port}`;
  }

  /** That somebody is there who waits. */
  get asked(): Promise<void> {
    return this.#asked.promise;
  }

  open(): void {
    this.#opened.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listener.close();
    await this.#relaying;
  }
}

/** Registers the tests. */
export function againTests(services: AwsServices): void {
  const test = (name: string, body: (subject: OnAws) => Promise<void>) =>
    Deno.test(`aws, erased: ${name}`, async () => {
      await using subject = await OnAws.open(services, 1e9);
      await body(subject);
    });

  test("an address from before brings no body back, and leaves nothing", async (subject) => {
    const { store } = subject;
    const { secret, next, body } = await begun(store, SIZE);
    await send(store, secret, body, T0);
    const claim = claimTo(secret);
    await store.take(claim, T0 + 1);
    await store.acknowledge(secret.id, claim.claimTokenHash, T0 + 2);
    assert.equal(await put(next, body), PRECONDITION_FAILED);
    const other = await begun(store, SIZE);
    await store.revoke(other.secret.id, other.secret.receiptHash, T0 + 3);
    assert.equal(await put(other.next, other.body), PRECONDITION_FAILED);
    assert.deepEqual(await sizes(subject), [0, 0]);
    await store.sweep(T0 + HOUR);
    assert.deepEqual(await sizes(subject), [0, 0]);
    await store.sweep(T0 + HOUR + 3);
    assert.deepEqual(await sizes(subject), []);
  });

  test("a body that is on its way when its secret is revoked does not arrive", async (subject) => {
    const { store } = subject;
    const { secret, next, body } = await begun(store, SIZE);
    const { finish } = await halfPut(next, body);
    await store.revoke(secret.id, secret.receiptHash, T0 + 1);
    assert.equal(await finish(), PRECONDITION_FAILED);
    assert.deepEqual(await sizes(subject), [0]);
  });

  test("where no address works any more nothing is left in its place", async (subject) => {
    const { store } = subject;
    const { secret, body } = await begun(store, SIZE);
    await send(store, secret, body, T0);
    const late = T0 + HOUR;
    await subject.store.unlock(secret.id, secret.receiptHash, late);
    const claim = claimTo(secret);
    await store.take(claim, late - 1);
    await store.acknowledge(secret.id, claim.claimTokenHash, late);
    assert.deepEqual(await sizes(subject), []);
  });

  test("an upload that completes after half a revocation is removed", async (subject) => {
    const { secret, next, body } = await begun(subject.store, PART_BYTES);
    assert.equal(await put(next, body), 200);
    await using held = new HeldLine(services.s3);
    using slow = second(subject, { AWS_ENDPOINT_URL_S3: held.origin });
    const ending = slow.store.progress(secret.id, secret.uploadTokenHash, T0 + 1);
    await held.asked;
    using broken = second(subject, { AWS_ENDPOINT_URL_S3: "http://127.0.0.1:9" });
    await assert.rejects(broken.store.revoke(secret.id, secret.receiptHash, T0 + 1));
    assert.deepEqual(await sizes(subject), [PART_BYTES]);
    held.open();
    assert.equal(await ending, undefined);
    assert.deepEqual(await sizes(subject), [0]);
  });

  test("however a revocation meets the end of an upload, nothing of it stays", async (subject) => {
    using other = second(subject);
    for (let round = 0; round < ROUNDS; round++) {
      const size = PART_BYTES + 1000;
      const { secret, next, body } = await begun(subject.store, size);
      const { id, uploadTokenHash, receiptHash } = secret;
      assert.equal(await put(next, body.subarray(0, PART_BYTES)), 200);
      const last = (await subject.store.progress(id, uploadTokenHash, T0 + 1))!.next!;
      assert.equal(await put(last, body.subarray(PART_BYTES)), 200);
      const ending = subject.store.progress(id, uploadTokenHash, T0 + 2);
      await new Promise((resolve) => setTimeout(resolve, round));
      const status = await other.store.revoke(id, receiptHash, T0 + 3);
      assert.equal(status?.state, "revoked");
      await ending;
      assert.deepEqual((await sizes(subject)).filter((length) => length > 0), [], `${round}`);
    }
  });
}
