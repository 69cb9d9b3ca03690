/** A short soak. `deno task soak` is the long one, which sees a slow leak too. */
import assert from "node:assert/strict";
import { linuxTest } from "../support/linux.ts";
import { soak } from "./soak.ts";

const TIME = 12_000;
const MEMORY = 200_000_000;

await linuxTest(
  "64 clients, killed at random like the daemon: no wrong answer, no lost key",
  ["activation", "setpriv"],
  async () => {
    const { wrong, keys, done, daemonKills, clientKills, memory } = await soak(TIME);
    assert.deepEqual(wrong, []);
    for (const number of [keys, done, daemonKills, clientKills]) assert.ok(number > 0);
    assert.ok(memory.last < MEMORY, `${memory.last} bytes`);
  },
);
