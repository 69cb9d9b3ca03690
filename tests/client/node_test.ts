/** `client/mod.ts` under Node, as its documentation says to use it. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { exec, Folder, missing, testIf, text } from "../cli/support.ts";
import { startDaemon } from "../support/daemon.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

async function bundled(folder: Folder): Promise<string> {
  const bundle = folder.at("crypto-client.mjs");
  const args = ["bundle", "--quiet", "--platform", "deno", "--output", bundle, "client/mod.ts"];
  const { code, stderr } = await exec([Deno.execPath(), ...args], {
    cwd: ROOT,
    env: Deno.env.toObject(),
    patience: 60_000,
  });
  assert.equal(code, 0, stderr);
  return bundle;
}

/** Why Node cannot be used. */
async function withoutNode(): Promise<string | undefined> {
  if (missing("node")) return missing("node");
  const version = text((await exec(["node", "--version"])).stdout);
  return Number(/^v(\d+)/.exec(version)?.[1]) >= 20 ? undefined : `this is Node ${version}`;
}

testIf(await withoutNode(), "a program for Node uses a bundle of the library", async () => {
  using folder = new Folder();
  await using daemon = await startDaemon();
  await using dying = await startDaemon();
  const bundle = await bundled(folder);
  dying.signal("SIGSTOP");
  const script = fileURLToPath(new URL("node_client.mjs", import.meta.url));
  const args = [script, bundle, daemon.socket, dying.socket, `${dying.pid}`];
  const { code, stdout, stderr } = await exec(["node", ...args]);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.deepEqual(JSON.parse(text(stdout)), {
    node: true,
    value: "a value ü",
    wrongContext: "decryption_failed",
    many: true,
    stream: true,
    cut: "decryption_failed",
    nowhere: "unavailable",
    unnamed: "config",
    closed: "unavailable",
    after: "unavailable",
    died: ["unavailable", "unavailable"],
    afterDeath: "unavailable",
  });
});

testIf(await withoutNode(), "the bundle needs nothing but Node's own modules", async () => {
  using folder = new Folder();
  const source = await Deno.readTextFile(await bundled(folder));
  const imports = [
    ...source.matchAll(/^(?:im|ex)port\b.*["']([^"']+)["'];?$/gm),
    ...source.matchAll(/\bimport\(\s*["'](\S+)["']\s*\)/g),
  ];
  assert.ok(imports.length > 0);
  assert.ok(imports.every(([, name]) => name!.startsWith("node:")), imports.join("\n"));
});
