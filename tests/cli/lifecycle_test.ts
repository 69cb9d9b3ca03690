/** `crypto key set`, `retire`, `disable`, `enable`, `destroy` and `restore`, as people type them. */
import assert from "node:assert/strict";
import { ERRORS } from "../../core/errors.ts";
import type { KeyInfo } from "../../core/rpc.ts";
import { startDaemon } from "../support/daemon.ts";
import { eventually } from "../support/wait.ts";
import { crypto, fails, onTerminal, prints, succeeds, text } from "./support.ts";

const daemon = await startDaemon();
Deno.test.afterAll(() => daemon[Symbol.asyncDispose]());

const { env } = daemon;

async function rotated(name: string): Promise<Uint8Array> {
  await succeeds(["key", "create", name], { env });
  const message = await succeeds(["encrypt", "--key", name], { env, stdin: "x" });
  await succeeds(["key", "rotate", name], { env });
  return message;
}

async function keyOf(name: string): Promise<KeyInfo> {
  const keys: KeyInfo[] = JSON.parse(await prints(["key", "list", "--json"], { env }));
  return keys.find((key) => key.name === name)!;
}

Deno.test("key list shows states and counts, for people and for scripts", async () => {
  await rotated("listed");
  const [head = "", ...rows] = (await prints(["key", "list"], { env })).split("\n");
  assert.match(head, /CREATED +STATE +ENCRYPTED +DECRYPTED +BYTES +LAST USED$/);
  const own = rows.filter((row) => row.startsWith("listed"));
  assert.match(own[0]!, /\d{4}-\d\d-\d\d +decrypts +1 +0 +\d+ B +\d{4}-\d\d-\d\d$/);
  assert.match(own[1]!, /\d{4}-\d\d-\d\d +encrypts +0 +0 +0 B +never$/);
  const { encrypts, versions } = await keyOf("listed");
  assert.deepEqual([encrypts, versions.map(({ state }) => state)], [2, ["active", "active"]]);
});

Deno.test("a version is retired, disabled and enabled, and a key too", async () => {
  const stdin = await rotated("turned");
  assert.match(
    await prints(["key", "retire", "turned", "1"], { env }),
    /turned version 1 is retired/,
  );
  assert.equal(await prints(["decrypt"], { env, stdin }), "x");
  await succeeds(["key", "disable", "turned", "1"], { env });
  await fails("key_disabled", ["decrypt"], { env, stdin });
  await succeeds(["key", "enable", "turned", "1"], { env });
  await succeeds(["key", "disable", "turned"], { env });
  await fails("key_disabled", ["encrypt", "--key", "turned"], { env, stdin: "x" });
  const enabled = JSON.parse(await prints(["key", "enable", "turned", "--json"], { env }));
  assert.deepEqual(enabled, { state: "active", key: "turned" });
  assert.equal(await prints(["decrypt"], { env, stdin }), "x");
  await fails("key_in_use", ["key", "retire", "turned", "2"], { env });
});

Deno.test("what is set for a key is told, and nonsense is refused", async () => {
  await rotated("set");
  const said = await prints(["key", "set", "set", "--rotate-after", "90d"], { env });
  assert.match(said, /every 90d/);
  assert.equal((await keyOf("set")).rotateAfter, 7_776_000);
  await succeeds(["key", "set", "set", "--rotate-after", "never", "--min-version", "2"], { env });
  const { rotateAfter, minVersion } = await keyOf("set");
  assert.deepEqual([rotateAfter, minVersion], [undefined, 2]);
  await fails("usage", ["key", "set", "set"], { env });
  await fails("invalid_params", ["key", "set", "set", "--rotate-after", "1s"], { env });
  for (const wrong of [["--rotate-after", "90"], ["--min-version", "0"], ["--min-version", "x"]]) {
    assert.equal((await crypto(["key", "set", "set", ...wrong], { env })).code, 64);
  }
  assert.equal((await crypto(["key", "retire", "set", "0"], { env })).code, 64);
});

Deno.test("key destroy asks for the version's name, and without a terminal does nothing", async () => {
  await rotated("asked");
  const destroy = ["key", "destroy", "asked", "1", "--grace", "0s"];
  const setsid = { env, wrapper: ["setsid", "--wait"] };
  const run = await crypto(destroy, setsid);
  assert.deepEqual([run.code, text(run.stdout)], [64, ""]);
  assert.match(run.stderr, /encrypted 1 messages/);
  const question = 'Type "asked 1" to go on: ';
  const no = await onTerminal(destroy, { env, steps: [{ expect: question, send: "yes\r" }] });
  assert.equal(no.code, 64);
  assert.equal((await keyOf("asked")).versions[0]?.state, "active");
  const yes = await onTerminal(destroy, { env, steps: [{ expect: question, send: "asked 1\n" }] });
  assert.equal(yes.code, 0, yes.output);
  const isGone = async () => (await keyOf("asked")).versions[0]?.state === "destroyed";
  await eventually("it is destroyed", isGone);
  await fails("key_destroyed", ["key", "restore", "asked", "1"], { env });
});

Deno.test("nothing is asked where it would be refused", async () => {
  await rotated("refused");
  const refusals = [["2", "key_in_use"], ["3", "no_such_version"], ["1", "key_destroyed"]] as const;
  await succeeds(["key", "destroy", "refused", "1", "--grace", "0s", "--yes"], { env });
  const isGone = async () => (await keyOf("refused")).versions[0]?.state === "destroyed";
  await eventually("it is destroyed", isGone);
  for (const [version, code] of refusals) {
    const destroy = ["key", "destroy", "refused", version];
    const { output, code: status } = await onTerminal(destroy, { env });
    assert.equal(status, ERRORS[code].exit, output);
    assert.ok(output.includes(ERRORS[code].message) && !output.includes("to go on"), output);
    await fails(code, [...destroy, "--yes"], { env });
  }
  await fails("no_such_version", ["key", "retire", "refused", "99"], { env });
});

Deno.test("key restore keeps a version that is to be destroyed", async () => {
  const stdin = await rotated("kept");
  const planned = await prints(["key", "destroy", "kept", "1", "--yes"], { env });
  assert.match(planned, /older copies of the key ring will open no more/);
  await fails("key_disabled", ["decrypt"], { env, stdin });
  assert.match(await prints(["key", "list"], { env }), /kept .* until \d{4}-/);
  await succeeds(["key", "restore", "kept", "1"], { env });
  assert.equal(await prints(["decrypt"], { env, stdin }), "x");
});
