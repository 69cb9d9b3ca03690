/** `mac.create` and `mac.verify`. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHash, createHmac } from "node:crypto";
import { codeOf, resultOf } from "../support/daemon.ts";
import { base64Url, LocalDaemon } from "./support.ts";

const MATERIAL = "0123456789abcdef0123456789abcdef";

/** A daemon with a key for macs whose material is known. */
async function startWithKey(): Promise<LocalDaemon> {
  const daemon = await LocalDaemon.start();
  const key = { name: "mac", purpose: "mac", material: base64Url(MATERIAL) };
  resultOf(await daemon.one("key.import", key));
  return daemon;
}

async function macOf(daemon: LocalDaemon, params: object): Promise<string> {
  return String(resultOf(await daemon.one("mac.create", params)).mac);
}

function sha512(data: string): Uint8Array {
  return createHash("sha512").update(data).digest();
}

Deno.test("a mac is what docs/format.md says, of an imported key too", async () => {
  await using daemon = await startWithKey();
  const hmac = createHmac("sha512", MATERIAL).update("crypto/v1/mac\0").update(sha512("data"));
  const tag = hmac.update("row 7").digest().subarray(0, 32);
  const id = createHmac("sha512", MATERIAL).update("crypto/v1/key-id\x01").digest().subarray(0, 8);
  const expected = `crypto:mac:v1:${Buffer.concat([id, tag]).toString("base64url")}`;
  assert.equal(await macOf(daemon, { text: "data", context: "row 7" }), expected);
});

Deno.test("text, bytes and digest of the same data have one mac, and each verifies it", async () => {
  await using daemon = await startWithKey();
  const digest = Buffer.from(sha512("data")).toString("base64url");
  const forms = [{ text: "data" }, { data: base64Url("data") }, { digest, size: 4 }];
  const macs = await Promise.all(forms.map((form) => macOf(daemon, form)));
  assert.equal(new Set(macs).size, 1);
  for (const form of forms) {
    const fits = resultOf(await daemon.one("mac.verify", { mac: macs[0], ...form }));
    assert.deepEqual(fits, { key: "mac", version: 1 });
  }
});

Deno.test("whatever does not fit fails with one error, in code and words", async () => {
  await using daemon = await startWithKey();
  const mac = await macOf(daemon, { text: "data", context: "here" });
  const middle = mac.length - 20;
  const changed = mac.slice(0, middle) + (mac[middle] === "A" ? "B" : "A") + mac.slice(middle + 1);
  const attempts = [
    { mac, text: "other", context: "here" },
    { mac, text: "data", context: "there" },
    { mac, text: "data" },
    { mac: changed, text: "data", context: "here" },
  ];
  const answers = await daemon.call(...attempts.map((one) => ["mac.verify", one] as const));
  assert.deepEqual(answers.map(codeOf), attempts.map(() => "verification_failed"));
  assert.equal(new Set(answers.map(({ error }) => JSON.stringify(error))).size, 1);
});

Deno.test("a mac stays valid when its key is rotated, and new ones are the new version's", async () => {
  await using daemon = await startWithKey();
  const old = await macOf(daemon, { text: "data" });
  await daemon.one("key.rotate", { name: "mac" });
  const now = resultOf(await daemon.one("mac.create", { text: "data" }));
  assert.equal(now.version, 2);
  assert.notEqual(now.mac, old);
  for (const [mac, version] of [[old, 1], [now.mac, 2]]) {
    const fits = resultOf(await daemon.one("mac.verify", { mac, text: "data" }));
    assert.equal(fits.version, version);
  }
});

Deno.test("what is no mac is malformed, and one of an unknown key is denied", async () => {
  await using daemon = await startWithKey();
  const mac = await macOf(daemon, { text: "data" });
  for (const wrong of ["", "hello", mac.slice(0, -1), `${mac}=`, `${mac}\n`, mac.toUpperCase()]) {
    assert.equal(codeOf(await daemon.one("mac.verify", { mac: wrong, text: "" })), "malformed");
  }
  const start = "crypto:mac:v1:".length;
  const unknown = mac.slice(0, start) + "AAAAAAAAAA" + mac.slice(start + 10);
  assert.equal(codeOf(await daemon.one("mac.verify", { mac: unknown, text: "data" })), "denied");
  const elsewhere = { mac, text: "data", key: "default" };
  assert.equal(codeOf(await daemon.one("mac.verify", elsewhere)), "denied");
});

Deno.test("a key does nothing that is not its purpose", async () => {
  await using daemon = await startWithKey();
  const codes = await daemon.call(
    ["mac.create", { text: "x", key: "default" }],
    ["encrypt", { text: "x", key: "mac" }],
    ["envelope.create", { key: "mac" }],
  );
  assert.deepEqual(codes.map(codeOf), Array(3).fill("wrong_purpose"));
});

Deno.test("parameters that exclude each other or are missing are refused", async () => {
  await using daemon = await startWithKey();
  const digest = base64Url("x".repeat(64));
  const wrong = [
    {},
    { text: "x", data: "AA" },
    { text: "x", digest },
    { digest: base64Url("x".repeat(63)) },
    { text: "x", size: 1 },
    { text: "x", context: "", contextData: "" },
  ];
  for (const params of wrong) {
    const code = codeOf(await daemon.one("mac.create", params));
    assert.equal(code, "invalid_params", JSON.stringify(params));
  }
  const long = { text: "x", context: "x".repeat(65_537) };
  assert.equal(codeOf(await daemon.one("mac.create", long)), "too_large");
});

Deno.test("the log says who had a mac made and verified, of how much, and not of what", async () => {
  await using daemon = await startWithKey();
  const mac = await macOf(daemon, { text: "secret", context: "secret" });
  const digest = Buffer.from(sha512("secret")).toString("base64url");
  await daemon.one("mac.verify", { mac, digest, size: 9, context: "secret" });
  await daemon.one("mac.verify", { mac, text: "wrong" });
  const lines = daemon.log().filter(({ op }) => op.startsWith("mac."));
  const told = lines.map((one) => [one.op, one.key, one.bytes, one.declaredBytes, one.error]);
  assert.deepEqual(told, [
    ["mac.create", "mac", 6, undefined, undefined],
    ["mac.verify", "mac", undefined, 9, undefined],
    ["mac.verify", undefined, undefined, undefined, "verification_failed"],
  ]);
  const text = Deno.readTextFileSync(daemon.place.auditLog);
  for (const hidden of ["secret", mac, digest]) assert.ok(!text.includes(hidden));
});
