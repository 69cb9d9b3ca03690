/**
 * What a start of the program makes the runtime load: its own scripts of Node's are many, and one
 * global that belongs to them (`setTimeout`) or one import costs as much as all that the program does.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { mustDeno, PROJECT } from "../../tools/process.ts";
import { startDaemon } from "../support/daemon.ts";
import { CLIENT, networkTest } from "../support/network.ts";
import { Folder } from "./support.ts";

/** Loaded by an empty program, too. */
const ALWAYS = ["ext:deno_node/02_register_cloneable.js"];

/** Runs the program: what it prints, and which of Node's scripts V8's log says were loaded. */
async function start(args: readonly string[]) {
  using folder = new Folder();
  const log = folder.at("v8.log");
  const flags = `--log-function-events,--no-logfile-per-isolate,--logfile=${log}`;
  const run = ["run", "--quiet", "--no-check", "--allow-all", `--v8-flags=${flags}`];
  const stdout = await mustDeno([...run, join(PROJECT, "main.ts"), ...args]);
  const scripts = Deno.readTextFileSync(log).matchAll(/^script-details,\d+,([^,]*),/gm);
  const names = Array.from(scripts, ([, name]) => name!);
  assert.ok(names.some((name) => name.endsWith("/main.ts")), "the log names what is loaded");
  const isOfNode = (name: string) => /^(node:|ext:deno_node\/)/.test(name);
  return { stdout, ofNode: names.filter((name) => isOfNode(name) && !ALWAYS.includes(name)) };
}

Deno.test("what declares the options, and so every help, needs nothing of Node's", async () => {
  assert.deepEqual((await start(["--version"])).ofNode, []);
});

Deno.test("a text is encrypted, and decrypted, with nothing of Node's", async () => {
  await using daemon = await startDaemon();
  const common = ["--quiet", "--socket", daemon.socket, "--text"];
  const encrypted = await start(["encrypt", ...common, "hello"]);
  assert.deepEqual(encrypted.ofNode, []);
  const decrypted = await start(["decrypt", ...common, encrypted.stdout.trim()]);
  assert.deepEqual(decrypted, { stdout: "hello", ofNode: [] });
});

networkTest("a daemon elsewhere is asked with nothing of Node's", async ({ network, port }) => {
  using folder = new Folder();
  const { certificate, key } = await network.authority.issue(CLIENT);
  const files = [[certificate, "cert"], [key, "key"], [network.authority.certificate, "ca"]];
  for (const [from, to] of files) Deno.copyFileSync(from!, folder.at(`${to}.pem`));
  const by = ["--server", `tls://localhost:${port}`, "--identity", folder.at(".")];
  const { stdout, ofNode } = await start(["encrypt", ...by, "--quiet", "--text", "hello"]);
  assert.match(stdout, /^crypto:v1:/);
  assert.deepEqual(ofNode, []);
});
