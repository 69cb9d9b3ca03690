/** A second of each fuzzer, always with the same inputs. `deno task fuzz` goes on for longer. */
import assert from "node:assert/strict";
import { utf8 } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";
import { Found, fuzz, TARGETS, tryOut } from "./fuzz.ts";
import { target } from "./target.ts";

const FEW = 20;
const MOST = 10_000;
const SEEDS = [utf8('{"a":1}')];

Deno.test("fuzz: an error that is no refusal is found, with the input that did it", async () => {
  const unsound = target(SEEDS, (input) => {
    if (input.includes(0)) throw new TypeError("a zero");
    throw new CryptoError("malformed");
  });
  await assert.rejects(tryOut(unsound, [], { milliseconds: MOST, seed: 1 }), (error) => {
    return error instanceof Found && error.input.includes(0);
  });
});

Deno.test("fuzz: what never ends is found", async () => {
  const endless = target(SEEDS, () => new Promise(() => {}));
  await assert.rejects(tryOut(endless, [], { milliseconds: MOST, seed: 1 }), Found);
});

for (const name of Object.keys(TARGETS)) {
  Deno.test(`fuzz: ${name} refuses what it cannot read, and does nothing else`, async () => {
    assert.ok(await fuzz(name, { milliseconds: 1_000, seed: 1 }) > FEW);
  });
}
