/** The life of key versions, as callers of a real daemon see it. */
import assert from "node:assert/strict";
import { fromBase64Url, toBase64Url } from "../../core/base64.ts";
import { utf8 } from "../../core/bytes.ts";
import { ERRORS } from "../../core/errors.ts";
import { keyId } from "../../core/header.ts";
import { userLayout } from "../../core/layout.ts";
import {
  cancelDestruction,
  MESSAGE_BOUND,
  type RingKey,
  scheduleDestruction,
  stateOf,
  versionsOf as versionsIn,
} from "../../core/lifecycle.ts";
import { sealDirect } from "../../core/message.ts";
import { KeyRing } from "../../core/ring.ts";
import { openRing, sealRing } from "../../core/ring_file.ts";
import type { KeyInfo, VersionInfo } from "../../core/rpc.ts";
import {
  codeOf,
  type DaemonProcess,
  Place,
  resultOf,
  rpc,
  serveToEnd,
  startDaemon,
} from "../support/daemon.ts";
import { eventually } from "../support/wait.ts";
import { webCrypto } from "../../core/engine.ts";
import type { Decision } from "../../server/audit/log.ts";
import { Keeper } from "../../server/keeper.ts";
import { KeyStore } from "../../server/keystore.ts";
import { Usage } from "../../server/usage.ts";
import { LocalDaemon, unannounced } from "./support.ts";

type Asked = LocalDaemon | DaemonProcess;

async function keyOf({ socket }: Asked, name = "default"): Promise<KeyInfo> {
  const { keys } = resultOf(await rpc(socket, "key.list")) as { keys: KeyInfo[] };
  return keys.find((key) => key.name === name)!;
}

async function versionsOf(daemon: Asked): Promise<readonly VersionInfo[]> {
  return (await keyOf(daemon)).versions;
}

async function states(daemon: Asked): Promise<string> {
  return (await versionsOf(daemon)).map(({ state }) => state).join(" ");
}

const default1 = { name: "default", version: 1 };

Deno.test("a retired version decrypts, and does not encrypt when the newer one is disabled", async () => {
  await using daemon = await LocalDaemon.start();
  const [old] = await daemon.call(["encrypt", { text: "x" }], ["key.rotate", { name: "default" }]);
  const [back] = await daemon.call(
    ["key.disable", { name: "default", version: 2 }],
  );
  assert.deepEqual(resultOf(back), { state: "disabled", key: "default", version: 2 });
  assert.equal(resultOf(await daemon.one("encrypt", { text: "x" })).version, 1);
  assert.equal(codeOf(await daemon.one("key.retire", default1)), "key_in_use");
  const answers = await daemon.call(
    ["key.enable", { name: "default", version: 2 }],
    ["key.retire", default1],
    ["key.disable", { name: "default", version: 2 }],
    ["encrypt", { text: "x" }],
    ["decrypt", { message: resultOf(old!).message, as: "text" }],
  );
  assert.equal(resultOf(answers[1]!).state, "retired");
  assert.equal(codeOf(answers[3]!), "key_disabled");
  assert.equal(resultOf(answers[4]!).text, "x");
});

Deno.test("what is disabled does nothing, version or key, and says so to who has the right", async () => {
  await using daemon = await LocalDaemon.start();
  const [sealed, made] = await daemon.call(["encrypt", { text: "x" }], ["envelope.create"]);
  const uses = [
    ["encrypt", { text: "x" }],
    ["decrypt", { message: resultOf(sealed!).message }],
    ["envelope.create"],
    ["envelope.open", { envelope: resultOf(made!).envelope }],
    ["rewrap", { message: resultOf(sealed!).message }],
  ] as const;
  for (const params of [{ name: "default" }, default1]) {
    assert.equal(resultOf(await daemon.one("key.disable", params)).state, "disabled");
    const refused = await daemon.call(...uses);
    assert.deepEqual(refused.map(codeOf), uses.map(() => "key_disabled"));
    assert.equal(resultOf(await daemon.one("key.enable", params)).state, "active");
    assert.ok((await daemon.call(...uses)).every(({ result }) => result));
  }
});

Deno.test("a Fernet key that is disabled opens no token, nor does a version of it", async () => {
  await using daemon = await LocalDaemon.start();
  const [, sealed] = await daemon.call(
    ["key.create", { name: "fernet", purpose: "fernet" }],
    ["encrypt", { key: "fernet", text: "x" }],
    ["key.rotate", { name: "fernet" }],
    ["key.disable", { name: "fernet", version: 1 }],
  );
  const { message } = resultOf(sealed!);
  assert.equal(codeOf(await daemon.one("decrypt", { message })), "decryption_failed");
  await daemon.one("key.disable", { name: "fernet" });
  assert.equal(codeOf(await daemon.one("decrypt", { message })), "decryption_failed");
  const named = await daemon.one("decrypt", { message, key: "fernet" });
  assert.equal(codeOf(named), "key_disabled");
});

Deno.test("a minimum version shuts out those before it", async () => {
  await using daemon = await LocalDaemon.start();
  const [sealed, , set] = await daemon.call(
    ["encrypt", { text: "x" }],
    ["key.rotate", { name: "default" }],
    ["key.set", { name: "default", minVersion: 2, rotateAfter: 7_776_000 }],
  );
  const expected = { rotateAfter: 7_776_000, minVersion: 2, key: "default" };
  assert.deepEqual(resultOf(set!), expected);
  const opened = await daemon.one("decrypt", { message: resultOf(sealed!).message });
  assert.equal(codeOf(opened), "key_disabled");
  const { encrypts, minVersion, rotateAfter } = await keyOf(daemon);
  assert.deepEqual([encrypts, minVersion, rotateAfter], [2, 2, 7_776_000]);
  assert.equal(await states(daemon), "outdated active");
  const set3 = await daemon.one("key.set", { name: "default", minVersion: 3 });
  assert.equal(codeOf(set3), "no_such_version");
  const often = await daemon.one("key.set", { name: "default", rotateAfter: 59 });
  assert.equal(codeOf(often), "invalid_params");
});

Deno.test("a version is destroyed when its time is over, and its number and id stay", async () => {
  await using daemon = await startDaemon();
  const { message } = resultOf(await rpc(daemon.socket, "encrypt", { text: "x" }));
  await rpc(daemon.socket, "key.rotate", { name: "default" });
  const before = await versionsOf(daemon);
  const ring = Deno.readFileSync(daemon.place.ring);
  const planned = resultOf(await rpc(daemon.socket, "key.destroy", { ...default1, after: 0 }));
  assert.deepEqual([planned.state, planned.renews, planned.sealing], ["scheduled", true, "file"]);
  await eventually("it is destroyed", async () => await states(daemon) === "destroyed active");
  const after = await versionsOf(daemon);
  assert.deepEqual(after.map(({ id }) => id), before.map(({ id }) => id));
  assert.ok(Date.parse(after[0]?.destroyed ?? "") >= Date.parse(String(planned.destroyAt)));
  assert.equal(codeOf(await rpc(daemon.socket, "decrypt", { message })), "key_destroyed");
  assert.equal(codeOf(await rpc(daemon.socket, "key.restore", default1)), "key_destroyed");
  assert.equal(resultOf(await rpc(daemon.socket, "encrypt", { text: "x" })).version, 2);
  const key = Deno.readFileSync(daemon.place.sealingKey);
  await assert.rejects(openRing(ring, key), { code: "ring_unreadable" });
  const line = daemon.log().find(({ op }) => op === "daemon.destroy");
  assert.deepEqual([line?.key, line?.version, line?.uid], ["default", 1, undefined]);
});

Deno.test("within its time a version does nothing, and is restored as it was", async () => {
  await using daemon = await LocalDaemon.start();
  const [sealed, , , planned] = await daemon.call(
    ["encrypt", { text: "x" }],
    ["key.rotate", { name: "default" }],
    ["key.retire", default1],
    ["key.destroy", default1],
  );
  const { message } = resultOf(sealed!);
  const week = Date.parse(String(resultOf(planned!).destroyAt)) - Date.now();
  assert.ok(week > 6.9 * 86_400_000 && week <= 7 * 86_400_000);
  const [refused, restored, opened] = await daemon.call(
    ["decrypt", { message }],
    ["key.restore", default1],
    ["decrypt", { message, as: "text" }],
  );
  assert.equal(codeOf(refused!), "key_disabled");
  assert.equal(resultOf(restored!).state, "retired");
  assert.equal(resultOf(opened!).text, "x");
  const most = await daemon.one("key.destroy", { ...default1, after: 366 * 86_400 + 1 });
  assert.equal(codeOf(most), "invalid_params");
});

Deno.test("what no newer version can stand in for is neither retired nor destroyed", async () => {
  await using daemon = await LocalDaemon.start();
  for (const method of ["key.retire", "key.destroy"]) {
    assert.equal(codeOf(await daemon.one(method, default1)), "key_in_use");
    const other = await daemon.one(method, { name: "default", version: 9 });
    assert.equal(codeOf(other), "no_such_version");
    assert.equal(codeOf(await daemon.one(method, { ...default1, name: "no" })), "denied");
  }
});

Deno.test("a daemon that was killed destroys what has become due when it starts again", async () => {
  using place = new Place();
  {
    await using daemon = await startDaemon({ place });
    await rpc(daemon.socket, "key.rotate", { name: "default" });
    await rpc(daemon.socket, "key.destroy", { ...default1, after: 1 });
    await daemon.kill();
  }
  await using daemon = await startDaemon({ place });
  await eventually("it is destroyed", async () => await states(daemon) === "destroyed active");
});

/** Writes a ring in place of the one that a stopped daemon has left. */
async function changeRing(place: Place, change: (ring: KeyRing) => KeyRing): Promise<void> {
  const key = Deno.readFileSync(place.sealingKey);
  const ring = await openRing(Deno.readFileSync(place.ring), key);
  Deno.removeSync(place.ring);
  Deno.writeFileSync(place.ring, await sealRing(change(ring), key), { mode: 0o400 });
}

async function stoppedPlace(): Promise<Place> {
  const place = new Place();
  await (await startDaemon({ place })).stop();
  return place;
}

Deno.test("a key that is as old as is set is rotated by the daemon, once", async () => {
  using place = await stoppedPlace();
  const created = new Date(Date.now() - 91 * 86_400_000).toISOString();
  await changeRing(place, ({ keys }) => {
    const aged = (key: KeyRing["keys"][number]) => {
      return { ...key, rotateAfter: 7_776_000, versions: [{ ...key.versions[0]!, created }] };
    };
    return new KeyRing(keys.map(aged));
  });
  await using daemon = await startDaemon({ place });
  await eventually("it is rotated", async () => await states(daemon) === "active active");
  assert.equal(resultOf(await rpc(daemon.socket, "encrypt", { text: "x" })).version, 2);
  const line = daemon.log().find(({ op }) => op === "daemon.rotate");
  assert.deepEqual([line?.key, line?.version, line?.uid], ["default", 2, undefined]);
  assert.equal(await states(daemon), "active active");
});

Deno.test("a ring of format 1 is served, and becomes one of format 2 at the first change", async () => {
  using place = await stoppedPlace();
  const key = Deno.readFileSync(place.sealingKey);
  const material = fromBase64Url("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
  const version = {
    id: toBase64Url(await keyId(material)),
    material: toBase64Url(material),
    created: "2026-01-01T00:00:00.000Z",
  };
  const content = { format: 1, keys: [{ name: "default", purpose: "seal", versions: [version] }] };
  const sealing = { id: await keyId(key), material: key };
  const context = utf8("crypto/v1/ring");
  const old = await sealDirect(sealing, utf8(JSON.stringify(content)), { context });
  Deno.removeSync(place.ring);
  Deno.writeFileSync(place.ring, old, { mode: 0o400 });
  await using daemon = await startDaemon({ place });
  assert.equal(await states(daemon), "active");
  assert.deepEqual(Deno.readFileSync(place.ring), old, "reading changes nothing");
  await rpc(daemon.socket, "key.rotate", { name: "default" });
  assert.equal(await states(daemon), "active active");
  assert.notDeepEqual(Deno.readFileSync(place.ring), old);
});

Deno.test("uses are counted, to the last one over a stop, and after a kill not too few", async () => {
  using place = new Place();
  const count = async (daemon: DaemonProcess) => (await versionsOf(daemon))[0]!;
  {
    await using daemon = await startDaemon({ place });
    const { message } = resultOf(await rpc(daemon.socket, "encrypt", { text: "four" }));
    await rpc(daemon.socket, "envelope.create", { size: 1_000 });
    await rpc(daemon.socket, "decrypt", { message });
    const { encrypted, decrypted, bytes, lastUsed } = await count(daemon);
    assert.deepEqual([encrypted, decrypted, bytes], [2, 1, 1_004]);
    assert.ok(Math.abs(Date.parse(lastUsed ?? "") - Date.now()) < 60_000);
    await daemon.stop();
  }
  {
    await using daemon = await startDaemon({ place });
    assert.equal((await count(daemon)).encrypted, 2);
    await rpc(daemon.socket, "encrypt", { text: "x" });
    await daemon.kill();
  }
  await using daemon = await startDaemon({ place });
  const { encrypted } = await count(daemon);
  assert.ok(encrypted >= 3 && encrypted <= 3 + 256, `${encrypted}`);
});

Deno.test("what was refused is no use of a key", async () => {
  await using daemon = await LocalDaemon.start();
  await daemon.call(
    ["key.create", { name: "mac", purpose: "mac" }],
    ["key.create", { name: "fernet", purpose: "fernet" }],
  );
  for (const key of ["mac", "fernet", "default"]) {
    const params = key === "fernet"
      ? { context: "x" }
      : key === "default"
      ? { contextData: "!" }
      : {};
    const { error } = await rpc(daemon.socket, "encrypt", { text: "four", key, ...params });
    assert.ok(error, key);
    const { encrypted, bytes, lastUsed } = (await keyOf(daemon, key)).versions[0]!;
    assert.deepEqual([encrypted, bytes, lastUsed], [0, 0, undefined], key);
  }
});

Deno.test("a version that is restored before its turn is not destroyed, and the log does not say so", async () => {
  using place = new Place();
  place.makeOwn();
  const layout = userLayout((name) => place.env[name]);
  const store = await KeyStore.open({ layout, engine: webCrypto, ownsConfiguration: true });
  const change = (change: (key: RingKey) => RingKey) => {
    return store.update((ring) => ring.change("default", change), unannounced);
  };
  await store.update((ring) => ring.rotate("default"), unannounced);
  await change((key) => scheduleDestruction(key, 1, new Date(0)));
  const restored = change((key) => cancelDestruction(key, 1));
  const said: Decision[] = [];
  const log = {
    write: (_: unknown, decisions: readonly Decision[]) => {
      said.push(...decisions);
      return Promise.resolve(true);
    },
  };
  const usage = Usage.open(layout.usage);
  const keeper = new Keeper({ store, usage, log, engine: webCrypto });
  await restored;
  await keeper.stop();
  assert.equal(versionsIn(store.ring.get("default")!).map(stateOf).join(" "), "active active");
  assert.equal(store.ring.isStale, false);
  assert.deepEqual(said, []);
});

/** What a daemon says that starts with a version that has encrypted so many messages. */
async function statusAfter(encrypted: number) {
  using place = await stoppedPlace();
  const ring = await openRing(Deno.readFileSync(place.ring), Deno.readFileSync(place.sealingKey));
  const id = toBase64Url(ring.get("default")!.versions[0]!.id);
  const versions = { [id]: { encrypted, decrypted: 0, bytes: 0, lastUsed: 0 } };
  Deno.writeTextFileSync(`${place.state}/usage`, JSON.stringify({ format: 1, versions }));
  await using daemon = await startDaemon({ place });
  return resultOf(await rpc(daemon.socket, "status")).warnings as string[];
}

Deno.test("a version that has encrypted many messages is warned of before the bound", async () => {
  const few = await statusAfter(MESSAGE_BOUND / 2);
  const many = await statusAfter(MESSAGE_BOUND * 0.75);
  assert.equal(many.length, few.length + 1);
  assert.ok(many.at(-1)!.includes("default version 1"));
});

Deno.test("a file that holds no counts is not taken for one", async () => {
  for (const text of ["", "{}", '{"format":1,"versions":{"a":{"encrypted":-1}}}', '{"format":2}']) {
    using place = await stoppedPlace();
    Deno.writeTextFileSync(`${place.state}/usage`, text);
    const { code, stderr } = await serveToEnd({ place });
    assert.equal(code, ERRORS.config.exit, text);
    assert.ok(stderr.includes("usage"));
  }
});
