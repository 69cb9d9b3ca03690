/** What the client may still do when it reads its first byte: nothing. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { exec, Folder, sameBytes, succeeds, text } from "../cli/support.ts";
import { startDaemon } from "../support/daemon.ts";

Deno.test("when everything is open, every permission is given up, and the work goes on", async () => {
  await using daemon = await startDaemon();
  using folder = new Folder();
  const probe = fileURLToPath(new URL("permissions_probe.ts", import.meta.url));
  const output = folder.at("out.crypto");
  const args = ["run", "--quiet", "--no-check", "--allow-all", "--no-prompt", probe];
  const env = { ...Deno.env.toObject(), ...daemon.env, DENO_DIR: await cacheDirectory() };
  const run = await exec([Deno.execPath(), ...args, daemon.socket, output], { env });
  assert.equal(run.code, 0, run.stderr);
  const seen = JSON.parse(text(run.stdout));
  // The attempts are good ones: with permissions nearly all of them succeed.
  assert.ok(seen.before.length >= 12, seen.before.join(", "));
  assert.deepEqual([seen.after, seen.last], [[], []]);
  assert.deepEqual([seen.value, seen.rest], ["still working", 0]);
  const plaintext = await succeeds(["decrypt", output, "-o", "-"], { env: daemon.env });
  sameBytes(plaintext, await Deno.readFile(Deno.execPath()));
  assert.deepEqual(folder.names().filter((name) => name.startsWith(".")), []);
});

/** Where Deno keeps what it has fetched: not below the probe's HOME. */
async function cacheDirectory(): Promise<string> {
  const env = Deno.env.toObject();
  const { stdout } = await exec([Deno.execPath(), "info", "--json"], { env });
  return JSON.parse(text(stdout)).denoDir;
}
