/** `crypto mac` and `crypto verify-mac`. */
import assert from "node:assert/strict";
import { startDaemon } from "../support/daemon.ts";
import { fails, Folder, prints, sample, succeeds } from "./support.ts";

const daemon = await startDaemon();
Deno.test.afterAll(() => daemon[Symbol.asyncDispose]());
const { env } = daemon;
await succeeds(["key", "create", "other", "--purpose", "mac"], { env });

Deno.test("without a key for it there is no mac, and the one that is named mac is the default", async () => {
  const { stderr } = await fails("denied", ["mac"], { env, stdin: "x" });
  assert.match(stderr, /crypto key create mac --purpose mac/);
  await prints(["key", "create", "mac", "--purpose", "mac"], { env });
  assert.match(await prints(["mac"], { env, stdin: "x" }), /^crypto:mac:v1:[\w-]{54}\n$/);
  await fails("wrong_purpose", ["mac", "--key", "default"], { env, stdin: "x" });
});

Deno.test("the mac of a file or a stream is verified, and says nothing", async () => {
  using folder = new Folder();
  const data = sample(3_000_000);
  const file = folder.write("data", data);
  const ofFile = (await prints(["mac", "--key", "other", file], { env })).trim();
  const ofStream = (await prints(["mac", "-k", "other"], { env, stdin: data })).trim();
  assert.equal(ofFile, ofStream);
  assert.equal(await prints(["verify-mac", ofFile, file], { env }), "");
  assert.equal(await prints(["verify-mac", ofFile, "-"], { env, stdin: data }), "");
  folder.write("data", data.with(1_500_000, data[1_500_000]! ^ 1));
  await fails("verification_failed", ["verify-mac", ofFile, file], { env });
});

Deno.test("a mac is bound to its context, and to its key where that is named", async () => {
  const args = ["--key", "other", "--context", "backup/7"];
  const mac = (await prints(["mac", ...args], { env, stdin: "x" })).trim();
  const verify = (...more: string[]) => ["verify-mac", ...more, mac];
  assert.equal(await prints(verify(...args), { env, stdin: "x" }), "");
  await fails("verification_failed", verify(), { env, stdin: "x" });
  await fails("verification_failed", verify("-c", "backup/8"), { env, stdin: "x" });
  await fails("denied", verify("-c", "backup/7", "-k", "default"), { env, stdin: "x" });
});

Deno.test("what is no mac is refused before anything is read", async () => {
  await fails("malformed", ["verify-mac", "crypto:mac:v1:", "/nowhere"], { env });
  const { stderr } = await fails("malformed", ["verify-mac", "hello"], { env: {} });
  assert.match(stderr, /crypto:mac:v1:/);
  await fails("io", ["mac", "/nowhere"], { env });
});
