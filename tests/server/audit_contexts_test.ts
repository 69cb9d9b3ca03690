/** The key under which the log names contexts, and that a reseal does not change it. */
import assert from "node:assert/strict";
import { toBase64Url } from "../../core/base64.ts";
import { randomBytes, utf8 } from "../../core/bytes.ts";
import { webCrypto } from "../../core/engine.ts";
import { userLayout } from "../../core/layout.ts";
import { carryContextKey, ContextTags } from "../../server/audit/contexts.ts";
import { KeyStore } from "../../server/keystore.ts";
import { move } from "../../server/ladder.ts";
import { promised, rejectsWith } from "../core/support.ts";
import { Place } from "../support/daemon.ts";

const engine = webCrypto;
const CONTEXT = { context: "customer/42" };

/** A key file, and the tags that daemons under different sealing keys make of one context. */
class Tagging implements Disposable {
  readonly place = new Place();
  readonly path = this.place.state + "/audit.key";
  made = 0;
  logged = true;

  constructor() {
    this.place.makeOwn();
  }

  /** As a daemon does that has just been started. */
  tags(sealingKey: Uint8Array<ArrayBuffer>): ContextTags {
    const onNew = () => Promise.resolve(this.logged && ++this.made > 0);
    return new ContextTags({ path: this.path, engine, sealingKey: () => sealingKey, onNew });
  }

  [Symbol.dispose](): void {
    this.place[Symbol.dispose]();
  }
}

Deno.test("a context is tagged alike by every daemon under the same sealing key", async () => {
  using tagging = new Tagging();
  const sealingKey = randomBytes(32);
  const tag = await tagging.tags(sealingKey).of(CONTEXT);
  assert.match(tag ?? "", /^[\w-]{22}$/);
  assert.equal(await tagging.tags(sealingKey).of(CONTEXT), tag);
  const bytes = { contextData: toBase64Url(utf8(CONTEXT.context)) };
  assert.equal(await tagging.tags(sealingKey).of(bytes), tag);
  assert.notEqual(await tagging.tags(sealingKey).of({ context: "customer/43" }), tag);
  assert.equal(tagging.made, 1);
  assert.equal(Deno.statSync(tagging.path).mode! & 0o777, 0o400);
});

Deno.test("what names no context, or none that could be one, has no tag and makes no key", async () => {
  using tagging = new Tagging();
  const tags = tagging.tags(randomBytes(32));
  for (const params of [{}, { context: 5 }, { contextData: "=" }, { context: "\ud800" }]) {
    assert.equal(await tags.of(params), undefined);
  }
  assert.equal(tagging.made, 0);
});

Deno.test("carried over, the key is there under the old sealing key and under the new one", async () => {
  using tagging = new Tagging();
  const keys = [randomBytes(32), randomBytes(32), randomBytes(32)] as const;
  const place = { path: tagging.path, engine };
  await carryContextKey(place, { from: keys[0], to: keys[1] });
  const tag = await tagging.tags(keys[0]).of(CONTEXT);
  await carryContextKey(place, { from: keys[0], to: keys[1] });
  assert.equal(await tagging.tags(keys[0]).of(CONTEXT), tag);
  assert.equal(await tagging.tags(keys[1]).of(CONTEXT), tag);
  await carryContextKey(place, { from: keys[1], to: keys[2] });
  assert.equal(await tagging.tags(keys[2]).of(CONTEXT), tag);
  assert.equal(tagging.made, 1);
  assert.notEqual(await tagging.tags(keys[0]).of(CONTEXT), tag, "the oldest opens it no more");
  assert.equal(tagging.made, 2);
});

Deno.test("a damaged key is replaced, which is said in the log first", async () => {
  using tagging = new Tagging();
  const sealingKey = randomBytes(32);
  const tag = await tagging.tags(sealingKey).of(CONTEXT);
  const file = Deno.readFileSync(tagging.path);
  file[file.length - 1]! ^= 1;
  Deno.removeSync(tagging.path);
  Deno.writeFileSync(tagging.path, file);
  tagging.logged = false;
  const tagged = promised(() => tagging.tags(sealingKey).of(CONTEXT));
  await rejectsWith("log_unavailable", tagged);
  assert.deepEqual(Deno.readFileSync(tagging.path), file);
  tagging.logged = true;
  assert.notEqual(await tagging.tags(sealingKey).of(CONTEXT), tag);
  assert.equal(tagging.made, 2);
});

Deno.test("a reseal keeps the tags", async () => {
  using tagging = new Tagging();
  const layout = userLayout((name) => tagging.place.env[name]);
  assert.equal(layout.contextKey, tagging.path);
  const before = await KeyStore.open({ layout, engine, ownsConfiguration: true });
  const tag = await tagging.tags(before.sealingKey).of(CONTEXT);
  for await (const _ of move({ layout, engine, own: () => {} }, "file", {}));
  const after = await KeyStore.open({ layout, engine, ownsConfiguration: true });
  assert.notDeepEqual(after.sealingKey, before.sealingKey);
  assert.equal(await tagging.tags(after.sealingKey).of(CONTEXT), tag);
});
