/** The embedded store: the contract, and what is its own. */
import assert from "node:assert/strict";
import { type Bytes, randomBytes } from "../../core/bytes.ts";
import { EmbeddedStore } from "../../share/embedded/store.ts";
import { claimTo, newSecret, type Subject, TEST_QUOTAS } from "./contract_support.ts";
import { storeContract } from "./store_contract.ts";
import { filesHold, filesIn } from "./support.ts";

class Embedded implements Subject {
  readonly directory = Deno.makeTempDirSync({ prefix: "cts-" });
  readonly store = new EmbeddedStore(this.directory, TEST_QUOTAS);

  holds(bytes: Bytes): boolean {
    return filesHold(this.directory, bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.close();
    Deno.removeSync(this.directory, { recursive: true });
  }
}

storeContract("embedded", () => Promise.resolve(new Embedded()));

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
  assert.ok(!subject.holds(new TextEncoder().encode(client)));
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
    assert.ok(!subject.holds(body.subarray(0, 64)));
  } finally {
    await other.close();
  }
});

async function* some() {
  yield await Promise.resolve(randomBytes(1000));
}
