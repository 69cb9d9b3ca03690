/** Waiting with others: each is ended at its own time, and nobody who was in time. */
import assert from "node:assert/strict";
import { Patience } from "../../share/patience.ts";
import { rejectsWith } from "../core/support.ts";

Deno.test("what comes in time is given, and what fails, fails as it did", async () => {
  const patience = new Patience(60_000);
  assert.equal(await patience.wait(Promise.resolve(7)), 7);
  await assert.rejects(patience.wait(Promise.reject(new RangeError("own"))), RangeError);
});

Deno.test("who waits in vain is told so, and not before the time is over", async () => {
  const patience = new Patience(100);
  // A timer that stays keeps no process from its end, and a test needs one that does.
  const alive = setInterval(() => {}, 1_000);
  const never = new Promise<never>(() => {});
  const slow = Promise.withResolvers<string>();
  const inVain = async () => {
    const began = performance.now();
    await rejectsWith("idle_timeout", patience.wait(never));
    assert.ok(performance.now() - began >= 99);
  };
  const first = inVain();
  const inTime = patience.wait(slow.promise);
  slow.resolve("here");
  assert.equal(await inTime, "here");
  await first;
  // The timer of the first is over: the next gets another one.
  await Promise.all([inVain(), inVain()]);
  clearInterval(alive);
});
