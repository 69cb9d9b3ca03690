/** Who has no right to a key learns nothing of its state. */
import assert from "node:assert/strict";
import { randomBytes } from "../../core/bytes.ts";
import { webCrypto } from "../../core/engine.ts";
import { userLayout } from "../../core/layout.ts";
import { scheduleDestruction, setDisabled } from "../../core/lifecycle.ts";
import { ownerAccess } from "../../server/access.ts";
import { KeyStore } from "../../server/keystore.ts";
import { KeyLookup } from "../../server/lookup.ts";
import { Quotas } from "../../server/quotas.ts";
import { Place } from "../support/daemon.ts";
import { unannounced } from "./support.ts";

const owner = { uid: 1_000, gid: 1_000, groups: [], pid: 1 };
const stranger = { ...owner, uid: 1_001 };

Deno.test("a stranger hears the same of a disabled, a destroyed and an unknown version", async () => {
  using place = new Place();
  place.makeOwn();
  const layout = userLayout((name) => place.env[name]);
  const store = await KeyStore.open({ layout, engine: webCrypto, ownsConfiguration: true });
  for (let i = 0; i < 2; i++) await store.update((ring) => ring.rotate("default"), unannounced);
  const now = new Date();
  await store.update(
    (ring) => ring.change("default", (key) => scheduleDestruction(key, 1, now)),
    unannounced,
  );
  await store.destroy(now, unannounced);
  await store.update(
    (ring) => ring.change("default", (key) => setDisabled(key, 2, true)),
    unannounced,
  );
  const [destroyed, disabled] = store.ring.get("default")!.versions.map(({ id }) => id);
  const access = ownerAccess({ uid: owner.uid });
  const lookup = new KeyLookup({ store, access, quotas: new Quotas() });
  const cases = [
    [destroyed!, "key_destroyed"],
    [disabled!, "key_disabled"],
    [randomBytes(8), "denied"],
  ] as const;
  for (const [id, code] of cases) {
    for (const operation of ["decrypt", "rewrap"] as const) {
      assert.throws(() => lookup.byId({ who: owner, operation }, { id, purpose: "seal" }), {
        code,
      });
      assert.throws(() => lookup.byId({ who: stranger, operation }, { id, purpose: "seal" }), {
        code: "denied",
      });
    }
  }
});
