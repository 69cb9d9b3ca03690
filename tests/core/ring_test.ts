import assert from "node:assert/strict";
import { toBase64Url } from "../../core/base64.ts";
import { type Bytes, concat, utf8 } from "../../core/bytes.ts";
import { keyId, readHeader } from "../../core/header.ts";
import { openDirect, sealDirect } from "../../core/message.ts";
import { encryptingVersion, isLive, PURPOSES } from "../../core/lifecycle.ts";
import { DEFAULT_KEY, isKeyName, isPurpose, KeyRing } from "../../core/ring.ts";
import { openRing, sealRing } from "../../core/ring_file.ts";
import { flip, pattern, rejectsWith, sameBytes } from "./support.ts";

const NOW = new Date("2026-01-02T03:04:05.678Z");
const SEALING_KEY = pattern(32, 99);
const CONTEXT = utf8("crypto/v1/ring");

/** Two keys, one of them rotated. */
async function someRing(): Promise<KeyRing> {
  const material = pattern(32, 1);
  const one = await new KeyRing().create("default", "seal", { material, now: NOW });
  const two = await one.create("fernet", "fernet", { material: pattern(32, 2), now: NOW });
  return await two.rotate("default", { now: NOW });
}

/** A ring file that holds any JSON. */
async function fileOf(content: unknown): Promise<Bytes> {
  const version = { id: await keyId(SEALING_KEY), material: SEALING_KEY };
  return await sealDirect(version, utf8(JSON.stringify(content)), { context: CONTEXT });
}

Deno.test("a name is 1 to 64 of a-z 0-9 . _ - and starts with a letter or digit", () => {
  for (const name of ["a", "0", "default", "a.b_c-d", "9".repeat(64)]) {
    assert.equal(isKeyName(name), true, name);
  }
  const bad = ["", "A", ".a", "-a", "_a", "a b", "a/b", "a\n", "a\0", "ä", "a".repeat(65), "../x"];
  for (const name of [...bad, "a:b", "a\ud800", "ａ"]) assert.equal(isKeyName(name), false, name);
});

Deno.test("a bad name is refused when a key is made", async () => {
  for (const name of ["", "A", "a b", "x".repeat(65), "x".repeat(100_000)]) {
    await rejectsWith("invalid_params", new KeyRing().create(name, "seal"));
  }
});

Deno.test("only the listed purposes are purposes, and each has a default key's name", () => {
  for (const purpose of PURPOSES) {
    assert.equal(isPurpose(purpose), true);
    assert.equal(isKeyName(DEFAULT_KEY[purpose]), true);
  }
  for (const other of ["", "Seal", "constructor", undefined, null, 0, ["seal"]]) {
    assert.equal(isPurpose(other), false);
  }
});

Deno.test("a new key has a random version, found by name and by id", async () => {
  const ring = await new KeyRing().create("a", "seal", { now: NOW });
  const key = ring.get("a")!;
  const { version, number } = encryptingVersion(key)!;
  assert.equal(number, 1);
  assert.equal(version.created, "2026-01-02T03:04:05.678Z");
  assert.equal(version.material.length, 32);
  sameBytes(version.id, await keyId(version.material));
  assert.deepEqual(ring.find(version.id), { key, number: 1, version });
  const other = await new KeyRing().create("a", "seal");
  assert.notDeepEqual(encryptingVersion(other.get("a")!)!.version.material, version.material);
});

Deno.test("what is not in the ring is not found", async () => {
  const ring = await someRing();
  for (const name of ["", "other", "constructor", "__proto__", "DEFAULT"]) {
    assert.equal(ring.get(name), undefined);
  }
  const { id } = encryptingVersion(ring.get("default")!)!.version;
  assert.equal(ring.find(flip(id, 0)), undefined);
  assert.equal(ring.find(id.subarray(1)), undefined);
  assert.equal(new KeyRing().find(id), undefined);
});

Deno.test("names from Object.prototype are names like any other", async () => {
  const ring = await new KeyRing().create("constructor", "seal");
  assert.equal(ring.get("constructor")?.name, "constructor");
});

Deno.test("a change gives a new ring and leaves the old one alone", async () => {
  const before = await someRing();
  const after = await before.create("third", "seal");
  assert.deepEqual([before.keys.length, after.keys.length], [2, 3]);
  assert.equal(before.get("third"), undefined);
  const rotated = await before.rotate("fernet");
  assert.equal(before.get("fernet")!.versions.length, 1);
  assert.equal(rotated.get("fernet")!.versions.length, 2);
});

Deno.test("rotating adds a version that encrypts; the old ones are still found", async () => {
  const ring = await someRing();
  const key = ring.get("default")!;
  assert.equal(key.versions.length, 2);
  const [first, second] = [key.versions[0]!, key.versions[1]!];
  assert.equal(encryptingVersion(key)?.number, 2);
  assert.equal(encryptingVersion(key)?.version, second);
  assert.ok(isLive(first) && isLive(second));
  assert.notDeepEqual(first.material, second.material);
  assert.deepEqual(ring.find(first.id), { key, number: 1, version: first });
  assert.deepEqual(ring.find(second.id), { key, number: 2, version: second });
  assert.deepEqual(ring.keys.map(({ name }) => name), ["default", "fernet"]);
});

Deno.test("a name that is there already is refused, whatever the purpose", async () => {
  const ring = await someRing();
  await rejectsWith("key_exists", ring.create("default", "seal"));
  await rejectsWith("key_exists", ring.create("default", "fernet"));
});

Deno.test("material that is there already is refused, under any name and purpose", async () => {
  const ring = await someRing();
  for (const material of [pattern(32, 1), pattern(32, 2)]) {
    for (const purpose of PURPOSES) {
      await rejectsWith("key_exists", ring.create("new", purpose, { material }));
    }
  }
});

Deno.test("an id that is there already is refused, though the material differs", async () => {
  // Two keys with one id cannot be found by trying, so the ring is made with a false one.
  const material = pattern(32, 8);
  const version = { id: await keyId(material), material: pattern(32, 9), created: "" };
  const ring = new KeyRing([{ name: "a", purpose: "seal", versions: [version] }]);
  await rejectsWith("key_exists", ring.create("b", "seal", { material }));
});

Deno.test("material of another length is refused", async () => {
  for (const length of [0, 16, 31, 33, 64]) {
    await rejectsWith(
      "malformed",
      new KeyRing().create("a", "seal", { material: pattern(length) }),
    );
  }
});

Deno.test("a ring comes back from its file as it was", async () => {
  const ring = await someRing();
  const opened = await openRing(await sealRing(ring, SEALING_KEY), SEALING_KEY);
  assert.deepEqual(opened.keys, ring.keys);
  const empty = await openRing(await sealRing(new KeyRing(), SEALING_KEY), SEALING_KEY);
  assert.deepEqual(empty.keys, []);
});

Deno.test("a ring file is a direct message of JSON, bound to its own context", async () => {
  const file = await sealRing(await someRing(), SEALING_KEY);
  const header = readHeader(file);
  sameBytes(header.keyId, await keyId(SEALING_KEY));
  const version = { id: header.keyId, material: SEALING_KEY };
  const json = new TextDecoder().decode(
    await openDirect(version, header, file, { context: CONTEXT }),
  );
  const { format, keys } = JSON.parse(json);
  assert.equal(format, 2);
  assert.deepEqual(Object.keys(keys[0]), ["name", "purpose", "versions"]);
  assert.deepEqual(keys[0].versions[0], {
    id: toBase64Url(await keyId(pattern(32, 1))),
    material: toBase64Url(pattern(32, 1)),
    created: NOW.toISOString(),
  });
});

Deno.test("another sealing key does not open a ring, nor does one of another length", async () => {
  const file = await sealRing(await someRing(), SEALING_KEY);
  for (const key of [flip(SEALING_KEY, 0), pattern(31), pattern(33), new Uint8Array(0)]) {
    await rejectsWith("ring_unreadable", openRing(file, key));
  }
});

Deno.test("every byte of a ring file matters", async () => {
  const file = await sealRing(await someRing(), SEALING_KEY);
  for (let at = 0; at < file.length; at++) {
    await rejectsWith("ring_unreadable", openRing(flip(file, at), SEALING_KEY), `byte ${at}`);
  }
});

Deno.test("a ring file that was cut or made longer is refused", async () => {
  const file = await sealRing(await someRing(), SEALING_KEY);
  for (let end = 0; end < file.length; end++) {
    await rejectsWith("ring_unreadable", openRing(file.subarray(0, end), SEALING_KEY));
  }
  await rejectsWith("ring_unreadable", openRing(concat(file, Uint8Array.of(0)), SEALING_KEY));
});

Deno.test("a message under the sealing key but another context is no ring", async () => {
  const version = { id: await keyId(SEALING_KEY), material: SEALING_KEY };
  const content = utf8(JSON.stringify({ format: 1, keys: [] }));
  for (const context of [undefined, utf8("crypto/v1/rin"), utf8("crypto/v1/ring2")]) {
    const file = await sealDirect(version, content, { context });
    await rejectsWith("ring_unreadable", openRing(file, SEALING_KEY));
  }
});

Deno.test("sealed content that is no ring of this format is refused", async () => {
  const material = pattern(32, 5);
  const id = toBase64Url(await keyId(material));
  const good = { id, material: toBase64Url(material), created: NOW.toISOString() };
  const key = (changes: object) => ({
    format: 1,
    keys: [{ name: "a", purpose: "seal", versions: [good], ...changes }],
  });
  assert.equal((await openRing(await fileOf(key({})), SEALING_KEY)).keys.length, 1);
  const wrongId = toBase64Url(pattern(8));
  const short = {
    ...good,
    id: toBase64Url(await keyId(pattern(31))),
    material: toBase64Url(pattern(31)),
  };
  const bad: unknown[] = [null, 7, [], {}, { format: 3, keys: [] }, { keys: [] }, {
    format: "1",
    keys: [],
  }];
  bad.push({ format: 1, keys: [null] }, { format: 1 }, key({ name: "A" }), key({ name: "" }));
  bad.push(key({ purpose: "other" }), key({ versions: [] }), key({ versions: [{}] }));
  bad.push(key({ versions: [{ ...good, id: wrongId }] }), key({ versions: [short] }));
  bad.push(key({ versions: [{ ...good, material: good.material + "=" }] }));
  const { material: _, ...gone } = good;
  bad.push(key({ versions: [gone] }), key({ versions: [{ ...gone, destroyed: "soon" }] }));
  bad.push(key({ versions: [{ ...gone, id: "AA", destroyed: good.created }] }));
  bad.push(key({ versions: [{ ...good, disabled: 1 }] }), key({ disabled: "yes" }));
  bad.push(key({ versions: [{ ...good, destroyAt: "never" }] }), key({ rotateAfter: "90d" }));
  bad.push(key({ minVersion: 0 }), key({ minVersion: 1.5 }), { ...key({}), stale: 0 });
  for (const content of bad) {
    const title = JSON.stringify(content);
    await rejectsWith("ring_unreadable", openRing(await fileOf(content), SEALING_KEY), title);
  }
});

Deno.test("content that is not JSON, or not UTF-8, is refused", async () => {
  const version = { id: await keyId(SEALING_KEY), material: SEALING_KEY };
  for (const content of [utf8(""), utf8("{"), Uint8Array.of(0xff), utf8("\ufeff{}")]) {
    const file = await sealDirect(version, content, { context: CONTEXT });
    await rejectsWith("ring_unreadable", openRing(file, SEALING_KEY));
  }
});

Deno.test("a ring of format 1 is read, and written in the present one", async () => {
  const material = pattern(32, 5);
  const id = toBase64Url(await keyId(material));
  const version = { id, material: toBase64Url(material), created: NOW.toISOString() };
  const keys = [{ name: "a", purpose: "seal", versions: [version] }];
  const ring = await openRing(await fileOf({ format: 1, keys }), SEALING_KEY);
  assert.deepEqual([ring.keys.length, ring.isStale], [1, false]);
  const again = await openRing(await sealRing(ring, SEALING_KEY), SEALING_KEY);
  assert.deepEqual(again.keys, ring.keys);
});

Deno.test("a ring of a format to come is refused, and the reason is told", async () => {
  const file = await fileOf({ format: 3, keys: [] });
  await assert.rejects(openRing(file, SEALING_KEY), ({ hint }) => hint.includes("too old"));
});
