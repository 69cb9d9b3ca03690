/** Every change of the ring, killed at every change of the file system: a good ring opens. */
import assert from "node:assert/strict";
import { webCrypto } from "../../core/engine.ts";
import { type Layout, nextSealingKeys, userLayout } from "../../core/layout.ts";
import { scheduleDestruction, stateOf, versionsOf } from "../../core/lifecycle.ts";
import { openRing } from "../../core/ring_file.ts";
import { KeyStore } from "../../server/keystore.ts";
import { Place } from "../support/daemon.ts";
import type { Death } from "../support/die.ts";
import { run } from "../support/process.ts";
import { unannounced } from "./support.ts";

const SCRIPT = new URL("killed.ts", import.meta.url).pathname;

/** What a change makes of a key with three versions, of which the first is due for destruction. */
const BEFORE = "scheduled active active";
const AFTER: Readonly<Record<string, string>> = {
  rotate: "scheduled active active active",
  retire: "scheduled retired active",
  disable: "scheduled disabled active",
  set: "scheduled active active",
  schedule: "scheduled scheduled active",
  "destroy, sealed anew": "destroyed active active",
  "destroy, sealed as it is": "destroyed active active",
};

function open(layout: Layout): Promise<KeyStore> {
  return KeyStore.open({ layout, engine: webCrypto, ownsConfiguration: true });
}

/** A place whose ring has such a key. */
async function makePlace(): Promise<{ place: Place; layout: Layout }> {
  const place = new Place();
  place.makeOwn();
  const layout = userLayout((name) => place.env[name]);
  const store = await open(layout);
  for (let i = 0; i < 2; i++) await store.update((ring) => ring.rotate("default"), unannounced);
  const past = new Date(0);
  await store.update(
    (ring) => ring.change("default", (key) => scheduleDestruction(key, 1, past)),
    unannounced,
  );
  return { place, layout };
}

async function states(layout: Layout): Promise<string> {
  const { ring } = await open(layout);
  return versionsOf(ring.get("default")!).map(stateOf).join(" ");
}

/** Does it in a process of its own. Says whether that was killed. */
async function isKilled(place: Place, death: Death, act: string): Promise<boolean> {
  const args = [JSON.stringify(place.env), JSON.stringify(death), act];
  const command = [Deno.execPath(), "run", "--allow-all", "--no-check", "--quiet", SCRIPT, ...args];
  const { code, signal, stderr } = await run(command, { env: Deno.env.toObject() });
  if (signal !== "SIGKILL") assert.equal(code, 0, stderr);
  return signal === "SIGKILL";
}

for (const [act, after] of Object.entries(AFTER)) {
  Deno.test(`${act}, killed at every change and in every write, leaves a good ring`, async () => {
    const seen = new Set<string>();
    for (const point of ["change", "write"] as const) {
      for (let number = 0, killed = true; killed; number++) {
        const { place, layout } = await makePlace();
        using _ = place;
        killed = await isKilled(place, { point, number }, act);
        const found = await states(layout);
        assert.ok([BEFORE, after].includes(found), `${point} ${number}: ${found}`);
        if (!killed) assert.equal(found, after);
        seen.add(found);
        // Whatever is left does not stop the next one, nor does a kill in that one lose the ring.
        await isKilled(place, { point: "change", number: 4 }, "destroy, sealed anew");
        assert.ok((await open(layout)).ring.keys.length === 1);
        await (await open(layout)).destroy(new Date(), unannounced);
        assert.ok((await states(layout)).startsWith("destroyed"));
      }
    }
    assert.ok(seen.has(after));
  });
}

Deno.test("after a destruction no older ring opens with what is there", async () => {
  const { place, layout } = await makePlace();
  using _ = place;
  const old = Deno.readFileSync(layout.ring);
  const store = await open(layout);
  await store.destroy(new Date(), unannounced);
  assert.equal(store.ring.isStale, false);
  const { sealingKey } = layout;
  await assert.rejects(openRing(old, Deno.readFileSync(sealingKey)), { code: "ring_unreadable" });
  assert.throws(() => Deno.lstatSync(nextSealingKeys(layout).sealingKey), Deno.errors.NotFound);
});

Deno.test("where no sealing key may be written a version is destroyed all the same, and told", async () => {
  const { place, layout } = await makePlace();
  using _ = place;
  const key = Deno.readFileSync(layout.sealingKey);
  const parts = { layout, engine: webCrypto, ownsConfiguration: false };
  const store = await KeyStore.open(parts);
  assert.equal(store.renews, false);
  await store.destroy(new Date(), unannounced);
  assert.deepEqual(Deno.readFileSync(layout.sealingKey), key);
  assert.equal((await KeyStore.open(parts)).ring.isStale, true);
});
