/** When a refusal is answered over a store whose time would tell. */
import assert from "node:assert/strict";
import { CryptoError } from "../../core/errors.ts";
import { EVEN_TIME, evenTime, refuseEvenly } from "../../share/even.ts";

/** Refuses after so many milliseconds. */
function refusing(code: "share_unavailable" | "share_opened", after: number) {
  return async () => {
    if (after > 0) await new Promise((resolve) => setTimeout(resolve, after));
    throw new CryptoError(code);
  };
}

Deno.test("a refusal's time is the next multiple, never none", () => {
  for (const [taken, even] of [[0, 1], [0.2, 1], [24.9, 1], [25, 1], [25.1, 2], [60, 3]] as const) {
    assert.equal(evenTime(taken), even * EVEN_TIME, `${taken}`);
  }
});

Deno.test("who shows no proof is refused at a multiple of a fixed time, not before", async () => {
  for (const [after, least] of [[0, 25], [5, 25], [30, 50]] as const) {
    const began = performance.now();
    await assert.rejects(refuseEvenly(refusing("share_unavailable", after)));
    const taken = performance.now() - began;
    assert.ok(taken >= least, `${after}: ${taken}`);
  }
});

Deno.test("who shows a proof is answered at once", async () => {
  const timer = Promise.withResolvers<"late">();
  const late = setTimeout(() => timer.resolve("late"), 0);
  const answers = [
    refuseEvenly(() => Promise.resolve("answered")),
    refuseEvenly(refusing("share_opened", 0)).catch(({ code }) => code),
  ];
  for (const answer of answers) {
    assert.notEqual(await Promise.race([answer, timer.promise]), "late");
  }
  clearTimeout(late);
});
