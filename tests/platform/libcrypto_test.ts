import assert from "node:assert/strict";
import { loadLibcrypto } from "../../platform/libcrypto.ts";
import { engineContract } from "../core/engine_contract.ts";
import { must } from "../support/process.ts";

const engine = loadLibcrypto();

if (engine) {
  engineContract("libcrypto", engine);

  const run = (input: number, output: number, key = 32, baseNonce = 12) => ({
    key: new Uint8Array(key),
    baseNonce: new Uint8Array(baseNonce),
    first: 0,
    input: new Uint8Array(input),
    output: new Uint8Array(output),
  });

  Deno.test("libcrypto: buffers that do not fit together are refused before libcrypto sees them", () => {
    for (
      const bad of [run(5, 20), run(5, 22), run(5, 21, 31), run(5, 21, 33), run(5, 21, 32, 11)]
    ) {
      assert.throws(() => engine.sealChunks(bad), RangeError);
    }
    for (const bad of [run(21, 4), run(21, 6), run(21, 5, 16), run(21, 5, 32, 16)]) {
      assert.throws(() => engine.openChunks(bad), RangeError);
    }
  });

  Deno.test("libcrypto: it does not clean up at the end, beside threads that end", async () => {
    const script = new URL("libcrypto_end.ts", import.meta.url).pathname;
    await must([Deno.execPath(), "run", "--allow-all", "--no-check", "--quiet", script]);
  });

  Deno.test("libcrypto: a run too short for a tag does not open", async () => {
    for (const length of [0, 1, 15]) assert.equal(await engine.openChunks(run(length, 0)), false);
  });
} else {
  const name = "libcrypto passes the contract of engines";
  console.log(`SKIP: ${name}: there is no OpenSSL 3`);
  Deno.test({ name, ignore: true, fn: () => {} });
}
