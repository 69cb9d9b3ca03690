import assert from "node:assert/strict";
import { CryptoError, type ErrorCode } from "../../core/errors.ts";
import {
  cancelDestruction,
  configure,
  destroyDue,
  dueForDestruction,
  dueForRotation,
  encryptingVersion,
  isLive,
  requireEncrypting,
  requireUsable,
  retire,
  type RingKey,
  ROTATE_AFTER,
  scheduleDestruction,
  setDisabled,
  stateOf,
  versionOf,
  versionsOf,
} from "../../core/lifecycle.ts";
import { KeyRing } from "../../core/ring.ts";
import { openRing, sealRing } from "../../core/ring_file.ts";
import { pattern } from "./support.ts";

const NOW = new Date("2026-01-02T03:04:05.678Z");
const later = (seconds: number) => new Date(NOW.getTime() + seconds * 1_000);

/** A key of some versions. */
async function keyOf(versions: number): Promise<RingKey> {
  let ring = await new KeyRing().create("a", "seal", { now: NOW });
  for (let i = 1; i < versions; i++) ring = await ring.rotate("a", { now: NOW });
  return ring.get("a")!;
}

const states = (key: RingKey) => versionsOf(key).map(stateOf).join(" ");

function refused(code: ErrorCode, act: () => unknown): void {
  assert.throws(act, (error) => error instanceof CryptoError && error.code === code);
}

Deno.test("the newest active version encrypts", async () => {
  const key = await keyOf(3);
  assert.equal(encryptingVersion(key)?.number, 3);
  const without = setDisabled(key, 3, true);
  assert.equal(encryptingVersion(without)?.number, 2, "a rotation can be taken back");
  assert.equal(encryptingVersion(setDisabled(without, 3, false))?.number, 3);
  const retired = setDisabled(retire(key, 2, NOW), 3, true);
  assert.equal(encryptingVersion(retired)?.number, 1, "what is retired encrypts no more");
  const none = setDisabled(retire(retire(key, 1, NOW), 2, NOW), 3, true);
  assert.equal(encryptingVersion(none), undefined);
  refused("key_disabled", () => requireEncrypting(none));
});

Deno.test("a retired version decrypts, and to retire it again changes nothing", async () => {
  const key = retire(await keyOf(2), 1, NOW);
  assert.equal(states(key), "retired active");
  assert.ok(requireUsable(versionOf(key, 1)));
  assert.equal(retire(key, 1, later(9)), key);
});

Deno.test("what no newer version can stand in for is neither retired nor destroyed", async () => {
  const key = await keyOf(2);
  for (const one of [key, await keyOf(1), setDisabled(key, 1, true)]) {
    const newest = one.versions.length;
    refused("key_in_use", () => retire(one, newest, NOW));
    refused("key_in_use", () => scheduleDestruction(one, newest, NOW));
  }
  refused("key_in_use", () => retire(setDisabled(key, 2, true), 1, NOW));
  refused("key_in_use", () => scheduleDestruction(setDisabled(key, 2, true), 1, NOW));
});

Deno.test("a disabled version does nothing, nor does any of a disabled key", async () => {
  const key = setDisabled(await keyOf(2), 1, true);
  assert.equal(states(key), "disabled active");
  refused("key_disabled", () => requireUsable(versionOf(key, 1)));
  const all = setDisabled(key, undefined, true);
  assert.equal(states(all), "disabled disabled");
  refused("key_disabled", () => requireUsable(versionOf(all, 2)));
  refused("key_disabled", () => requireEncrypting(all));
  assert.equal(states(setDisabled(all, undefined, false)), "disabled active");
});

Deno.test("a version that is to be destroyed does nothing, and is restored as it was", async () => {
  const retired = retire(await keyOf(2), 1, NOW);
  const key = scheduleDestruction(retired, 1, later(60));
  assert.equal(states(key), "scheduled active");
  refused("key_disabled", () => requireUsable(versionOf(key, 1)));
  assert.equal(states(cancelDestruction(key, 1)), "retired active");
  assert.deepEqual(dueForDestruction(key, later(59.999)), []);
  assert.deepEqual(dueForDestruction(key, later(60)).map(({ number }) => number), [1]);
  assert.equal(destroyDue(key, later(59)), key);
});

Deno.test("a destroyed version leaves number, id and time, and no key", async () => {
  const key = await keyOf(3);
  const gone = destroyDue(scheduleDestruction(key, 1, NOW), later(1));
  assert.equal(states(gone), "destroyed active active");
  assert.deepEqual(gone.versions[0], {
    id: key.versions[0]!.id,
    created: NOW.toISOString(),
    destroyed: later(1).toISOString(),
  });
  assert.equal(encryptingVersion(gone)?.number, 3);
  for (const act of [retire, scheduleDestruction, cancelDestruction] as const) {
    refused("key_destroyed", () => act(gone, 1, NOW));
  }
  refused("key_destroyed", () => setDisabled(gone, 1, false));
  refused("key_destroyed", () => requireUsable(versionOf(gone, 1)));
});

Deno.test("a ring without a version is found by its id, kept in a file, and not imported", async () => {
  const material = pattern(32, 1);
  let ring = await new KeyRing().create("a", "seal", { material, now: NOW });
  ring = await ring.rotate("a", { now: NOW });
  ring = ring.change("a", (key) => scheduleDestruction(key, 1, NOW)).destroyDue(NOW);
  assert.ok(ring.isStale && !ring.underNewKey().isStale);
  const again = await openRing(await sealRing(ring, pattern(32, 9)), pattern(32, 9));
  assert.deepEqual([again.keys, again.isStale], [ring.keys, true]);
  const [tombstone] = again.get("a")!.versions;
  assert.equal(isLive(tombstone!), false);
  assert.equal(again.find(tombstone!.id)?.number, 1);
  await assert.rejects(again.create("b", "seal", { material }), { code: "key_exists" });
  assert.equal((await again.rotate("a")).get("a")!.versions.length, 3);
});

Deno.test("versions below a minimum do nothing, and the minimum stays below what encrypts", async () => {
  const key = configure(await keyOf(3), { minVersion: 3 });
  assert.equal(states(key), "outdated outdated active");
  refused("key_disabled", () => requireUsable(versionOf(key, 2)));
  assert.equal(states(configure(key, { minVersion: 1 })), "active active active");
  refused("key_disabled", () => configure(setDisabled(key, 3, true), { minVersion: 3 }));
  refused("key_in_use", () =>
    configure(setDisabled(configure(key, { minVersion: 0 }), 3, true), {
      minVersion: 3,
    }));
  refused("no_such_version", () => configure(key, { minVersion: 4 }));
});

Deno.test("a key is due for rotation when its newest version is as old as is set", async () => {
  const key = await keyOf(1);
  assert.equal(dueForRotation(key, later(1e9)), false);
  const day = configure(key, { rotateAfter: 86_400 });
  assert.equal(dueForRotation(day, later(86_399)), false);
  assert.equal(dueForRotation(day, later(86_400)), true);
  assert.equal(dueForRotation(setDisabled(day, undefined, true), later(86_400)), false);
  assert.equal(configure(day, { minVersion: 1 }).rotateAfter, 86_400, "what is not given stays");
  assert.equal(configure(day, { rotateAfter: 0 }).rotateAfter, undefined);
  for (const rotateAfter of [1, ROTATE_AFTER.least - 1, ROTATE_AFTER.most + 1]) {
    refused("invalid_params", () => configure(key, { rotateAfter }));
  }
});

Deno.test("a number that a key does not have is refused", async () => {
  const key = await keyOf(2);
  for (const number of [0, 3, 1e9]) {
    refused("no_such_version", () => retire(key, number, NOW));
    refused("no_such_version", () => setDisabled(key, number, true));
  }
});
