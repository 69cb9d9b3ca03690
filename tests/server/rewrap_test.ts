/** Rewrapping inside the daemon: to the newest version of the same key, unread, and no further. */
import assert from "node:assert/strict";
import { toBase64Url } from "../../core/base64.ts";
import { randomBytes, utf8 } from "../../core/bytes.ts";
import { webCrypto } from "../../core/engine.ts";
import { readHeader } from "../../core/header.ts";
import { userLayout } from "../../core/layout.ts";
import { createEnvelope, openEnvelope } from "../../core/message.ts";
import { encryptingVersion } from "../../core/lifecycle.ts";
import type { Access, Operation } from "../../server/access.ts";
import { ContextTags } from "../../server/audit/contexts.ts";
import { KeyStore } from "../../server/keystore.ts";
import { Quotas } from "../../server/quotas.ts";
import { Service } from "../../server/service.ts";
import { Usage } from "../../server/usage.ts";
import { codeOf, Place, resultOf } from "../support/daemon.ts";
import { LocalDaemon, unannounced } from "./support.ts";

const rotate = ["key.rotate", { name: "default" }] as const;

Deno.test("an envelope goes to the newest version and keeps its data key", async () => {
  await using daemon = await LocalDaemon.start();
  const [made] = await daemon.call(["envelope.create"], rotate, rotate);
  const { envelope, dataKey } = resultOf(made!);
  const rewrapped = resultOf(await daemon.one("envelope.rewrap", { envelope }));
  const { rewrapped: isNew, from, key, version } = rewrapped;
  assert.deepEqual([isNew, from, key, version], [true, 1, "default", 3]);
  assert.equal("dataKey" in rewrapped, false);
  const opened = await daemon.one("envelope.open", { envelope: rewrapped.envelope });
  assert.deepEqual(resultOf(opened), { dataKey, key: "default", version: 3 });
  const again = resultOf(await daemon.one("envelope.rewrap", { envelope: rewrapped.envelope }));
  assert.deepEqual([again.rewrapped, again.envelope], [false, rewrapped.envelope]);
});

Deno.test("a direct message needs its context, and its value does not come out", async () => {
  await using daemon = await LocalDaemon.start();
  const [made] = await daemon.call(["encrypt", { text: "a value", context: "c" }], rotate);
  const { message } = resultOf(made!);
  assert.equal(codeOf(await daemon.one("rewrap", { message })), "decryption_failed");
  const answer = await daemon.one("rewrap", { message, context: "c" });
  assert.ok(!JSON.stringify(answer).includes(toBase64Url(utf8("a value"))));
  const { message: anew, version } = resultOf(answer);
  assert.equal(version, 2);
  const opened = await daemon.one("decrypt", { message: anew, context: "c", as: "text" });
  assert.deepEqual(resultOf(opened), { text: "a value", key: "default", version: 2 });
});

Deno.test("what is no such message is refused, and nothing goes to an older version", async () => {
  await using daemon = await LocalDaemon.start();
  const [made, , newer, token] = await daemon.call(
    ["envelope.create"],
    rotate,
    ["envelope.create"],
    ["key.create", { name: "f", purpose: "fernet" }],
  );
  assert.ok(token?.result);
  const sealed = resultOf(await daemon.one("encrypt", { text: "x", key: "f" }));
  const { envelope } = resultOf(made!);
  const damaged = String(envelope).replace(/.$/, (last) => last === "A" ? "B" : "A");
  for (
    const [method, params, code] of [
      ["envelope.rewrap", { envelope: damaged }, "decryption_failed"],
      ["envelope.rewrap", { envelope: String(envelope).slice(0, -4) }, "malformed"],
      ["envelope.rewrap", { envelope, key: "f" }, "denied"],
      ["rewrap", { message: `crypto:v1:${envelope}` }, "malformed"],
      ["rewrap", { message: sealed.message }, "malformed"],
    ] as const
  ) {
    assert.equal(codeOf(await daemon.one(method, params)), code, `${method} ${code}`);
  }
  // Version 3 is disabled and 2 retired: 1 encrypts, and what is under 2 stays there.
  await daemon.call(rotate, ["key.retire", { name: "default", version: 2 }]);
  await daemon.call(["key.disable", { name: "default", version: 3 }]);
  assert.equal(resultOf(await daemon.one("encrypt", { text: "x" })).version, 1);
  const params = { envelope: resultOf(newer!).envelope };
  const stays = resultOf(await daemon.one("envelope.rewrap", params));
  assert.deepEqual([stays.rewrapped, stays.version], [false, 2]);
});

Deno.test("the right to rewrap is none to decrypt, and the other way round", async () => {
  using place = new Place();
  place.makeOwn();
  const layout = userLayout((name) => place.env[name]);
  const store = await KeyStore.open({ layout, engine: webCrypto, ownsConfiguration: true });
  const first = encryptingVersion(store.ring.get("default")!)!.version;
  const { envelope, dataKey } = await createEnvelope(first);
  await store.update((ring) => ring.rotate("default"), unannounced);
  const outcome = async (right: Operation, method: "envelope.rewrap" | "envelope.open") => {
    const access: Access = {
      mayConnect: () => true,
      mayAdminister: () => false,
      may: (_, operation) => operation === right,
    };
    const circumstances = () => assert.fail("nobody asks for the status");
    const usage = Usage.open(layout.usage);
    const parts = { store, usage, access, quotas: new Quotas(), engine: webCrypto };
    const service = new Service({
      ...{ ...parts, circumstances, random: randomBytes },
      log: { write: () => Promise.resolve(true) },
      contexts: new ContextTags({
        ...{ path: layout.contextKey, engine: webCrypto },
        ...{ sealingKey: () => randomBytes(32), onNew: () => Promise.resolve(true) },
      }),
    });
    const who = { uid: 1, gid: 1, groups: [], pid: 1 };
    const params = { envelope: toBase64Url(envelope) };
    return await service.handle(who, { id: 1, method, params });
  };
  assert.equal((await outcome("rewrap", "envelope.open")).error?.code, "denied");
  assert.equal((await outcome("decrypt", "envelope.rewrap")).error?.code, "denied");
  const { result } = await outcome("rewrap", "envelope.rewrap");
  const anew = Uint8Array.fromBase64((result as { envelope: string }).envelope, {
    alphabet: "base64url",
  });
  const newest = encryptingVersion(store.ring.get("default")!)!.version;
  assert.deepEqual(await openEnvelope(newest, readHeader(anew), anew), dataKey);
});
