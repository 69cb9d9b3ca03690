/**
 * Changes the ring of a place as the daemon does, and dies at one of the changes to the file
 * system. Arguments: the place's environment and the death as JSON, and what is to be done. Ends
 * with status 0 if it was not to die.
 */
import { webCrypto } from "../../core/engine.ts";
import { userLayout } from "../../core/layout.ts";
import { configure, retire, scheduleDestruction, setDisabled } from "../../core/lifecycle.ts";
import { KeyStore } from "../../server/keystore.ts";
import { dieAt } from "../support/die.ts";
import { unannounced } from "./support.ts";

const [env, death, act] = Deno.args as [string, string, string];
const layout = userLayout((name) => JSON.parse(env)[name]);
const parts = { layout, engine: webCrypto, ownsConfiguration: act !== "destroy, sealed as it is" };
const store = await KeyStore.open(parts);
const soon = new Date(Date.now() + 1_000);

const ACTS: Readonly<Record<string, () => Promise<unknown>>> = {
  rotate: () => store.update((ring) => ring.rotate("default"), unannounced),
  retire: () =>
    store.update((ring) => ring.change("default", (key) => retire(key, 2, soon)), unannounced),
  disable: () =>
    store.update((ring) => ring.change("default", (key) => setDisabled(key, 2, true)), unannounced),
  set: () =>
    store.update(
      (ring) => ring.change("default", (key) => configure(key, { minVersion: 2 })),
      unannounced,
    ),
  schedule: () => {
    return store.update(
      (ring) => ring.change("default", (key) => scheduleDestruction(key, 2, soon)),
      unannounced,
    );
  },
  "destroy, sealed anew": () => store.destroy(new Date(), unannounced),
  "destroy, sealed as it is": () => store.destroy(new Date(), unannounced),
};

dieAt(JSON.parse(death));
await ACTS[act]!();
