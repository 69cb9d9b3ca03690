/** `crypto key` and `crypto status`. */
import assert from "node:assert/strict";
import { toBase64Url } from "../../core/base64.ts";
import { publicProgram } from "../support/process.ts";
import { startDaemon } from "../support/daemon.ts";
import {
  crypto,
  exec,
  failedWith,
  fails,
  Folder,
  NOT_ROOT,
  prints,
  PROGRAM,
  sample,
  succeeds,
  testIf,
} from "./support.ts";

const daemon = await startDaemon();
Deno.test.afterAll(() => daemon[Symbol.asyncDispose]());

const { env } = daemon;

/** 32 bytes that no other test uses, as a key file holds them. */
function material(seed: number): string {
  return toBase64Url(sample(32 * seed).subarray(-32));
}

async function json(args: readonly string[], stdin?: string): Promise<Record<string, unknown>> {
  return JSON.parse(await prints([...args, "--json"], { env, stdin }));
}

interface ListedKey {
  readonly name: string;
  readonly purpose: string;
  readonly versions: readonly { readonly id: string; readonly created: string }[];
}

async function listed(name: string): Promise<ListedKey | undefined> {
  const keys: ListedKey[] = JSON.parse(await prints(["key", "list", "--json"], { env }));
  return keys.find((key) => key.name === name);
}

Deno.test("a new daemon has one key, and key list shows it as a table and as JSON", async () => {
  const table = await prints(["key", "list"], { env });
  assert.match(table, /^NAME {5}PURPOSE {2}VERSION {2}ID {11}CREATED {5}STATE /);
  assert.match(table, /\ndefault {2}seal {5}1 {8}[\w-]{11} {2}\d{4}-\d\d-\d\d {2}encrypts /);
  const key = await listed("default");
  assert.deepEqual([key?.purpose, key?.versions.length], ["seal", 1]);
  assert.ok(!Number.isNaN(Date.parse(key?.versions[0]?.created ?? "")));
});

Deno.test("key create makes a key that encrypts", async () => {
  const said = await prints(["key", "create", "a.b_c-1"], { env });
  const id = (await listed("a.b_c-1"))?.versions[0]?.id ?? "";
  assert.ok(said.endsWith("\n") && said.includes(id) && said.includes("a.b_c-1"));
  const message = await succeeds(["encrypt", "--key", "a.b_c-1"], { env, stdin: "x" });
  assert.equal(toBase64Url(message.subarray(5, 13)), id);
});

Deno.test("a key for macs is said to make and verify, not to encrypt", async () => {
  await prints(["key", "create", "for-macs", "--purpose", "mac"], { env });
  await prints(["key", "rotate", "for-macs"], { env });
  const table = await prints(["key", "list"], { env });
  const states = [...table.matchAll(/^for-macs .* ([a-z]+ +0 +0) /gm)].map(([, row]) => row);
  assert.deepEqual(states.map((row) => row!.split(/ +/)[0]), ["verifies", "makes"]);
  const said = await prints(["key", "retire", "for-macs", "1"], { env });
  assert.match(said, /verifies/);
});

Deno.test("key create and key rotate print JSON for a script", async () => {
  const made = await json(["key", "create", "scripted", "--purpose", "fernet"]);
  assert.deepEqual([made.key, made.version], ["scripted", 1]);
  assert.equal((await listed("scripted"))?.purpose, "fernet");
  const rotated = await json(["key", "rotate", "scripted"]);
  assert.deepEqual([rotated.key, rotated.version], ["scripted", 2]);
  assert.notEqual(rotated.id, made.id);
});

Deno.test("a key's name that is taken or cannot be one is refused", async () => {
  await succeeds(["key", "create", "taken"], { env });
  await fails("key_exists", ["key", "create", "taken"], { env });
  await fails("key_exists", ["key", "create", "taken", "--purpose", "fernet"], { env });
  for (const name of ["", "A", "a b", "-a", "ä", "a/b", "x".repeat(65)]) {
    await fails("invalid_params", ["key", "create", "--", name], { env });
  }
  assert.equal((await crypto(["key", "create", "p", "--purpose", "sign"], { env })).code, 64);
  assert.equal((await crypto(["key", "create"], { env })).code, 64);
  assert.equal((await crypto(["key", "create", "a", "b"], { env })).code, 64);
});

Deno.test("after a rotation the new version encrypts and the old one still decrypts", async () => {
  await succeeds(["key", "create", "turning"], { env });
  const encrypt = ["encrypt", "--key", "turning"];
  const forms = [encrypt, [...encrypt, "--armor"], [...encrypt, "-q", "--text", "x"]];
  const old = await Promise.all(forms.map((form) => succeeds(form, { env, stdin: "x" })));
  for (const version of [2, 3]) {
    const { key, version: made } = await json(["key", "rotate", "turning"]);
    assert.deepEqual([key, made], ["turning", version]);
  }
  const ids = (await listed("turning"))?.versions.map(({ id }) => id);
  const message = await succeeds(encrypt, { env, stdin: "x" });
  assert.equal(toBase64Url(message.subarray(5, 13)), ids?.at(-1));
  assert.equal(toBase64Url(old[0]!.subarray(5, 13)), ids?.at(0));
  for (const stdin of [...old, message]) {
    assert.equal(await prints(["decrypt"], { env, stdin }), "x");
  }
  await fails("denied", ["key", "rotate", "nobody"], { env });
});

Deno.test("an old Fernet version still decrypts after a rotation", async () => {
  await succeeds(["key", "create", "fernet", "--purpose", "fernet"], { env });
  const token = await succeeds(["encrypt", "--key", "fernet"], { env, stdin: "x" });
  await succeeds(["key", "rotate", "fernet"], { env });
  assert.equal(await prints(["decrypt"], { env, stdin: token }), "x");
});

Deno.test("key import takes a key from standard input or a file", async () => {
  using folder = new Folder();
  const fromInput = await json(["key", "import", "in"], material(1) + "\n");
  assert.deepEqual([fromInput.key, fromInput.version], ["in", 1]);
  const file = folder.write("key", `  ${material(2)}=\r\n`);
  const imported = await json(["key", "import", "old", file, "--purpose", "fernet"]);
  assert.equal(imported.key, "old");
  const dash = await prints(["key", "import", "dash", "-"], { env, stdin: material(3) });
  assert.ok(dash.includes("dash"));
});

Deno.test("a key that is there already is not imported, by name or by material", async () => {
  await succeeds(["key", "import", "first"], { env, stdin: material(4) });
  await fails("key_exists", ["key", "import", "second"], { env, stdin: material(4) });
  const asFernet = ["key", "import", "third", "--purpose", "fernet"];
  await fails("key_exists", asFernet, { env, stdin: material(4) + "=" });
  await fails("key_exists", ["key", "import", "first"], { env, stdin: material(5) });
  for (const name of ["second", "third"]) assert.equal(await listed(name), undefined);
});

Deno.test("what is no key is not imported, and not quoted", async () => {
  const wrong = ["", "short", material(6) + "=", material(6) + "AA", `${material(6)}\nmore`, "ü"];
  for (const stdin of wrong) {
    const { stderr } = await fails("malformed", ["key", "import", "wrong"], { env, stdin });
    assert.ok(!stderr.includes(material(6)));
  }
  const fernet = ["key", "import", "wrong", "--purpose", "fernet"];
  await fails("malformed", fernet, { env, stdin: material(6) });
  await fails("io", ["key", "import", "wrong", "/nowhere/key"], { env });
  assert.equal(await listed("wrong"), undefined);
});

Deno.test("a key of one purpose does nothing for another", async () => {
  await succeeds(["key", "import", "sealing"], { env, stdin: material(7) });
  const token = await succeeds(["encrypt", "--key", "fernet"], { env, stdin: "x" });
  await fails("wrong_purpose", ["decrypt", "--key", "sealing"], { env, stdin: token });
});

testIf(NOT_ROOT, "a stranger is kept out by the directory, and denied by the daemon", async () => {
  const other = ["setpriv", "--reuid", "60123", "--regid", "60123", "--clear-groups"];
  const ask = (...args: string[]) => {
    const command = [...other, publicProgram(PROGRAM), ...args, "--socket", daemon.socket];
    return exec(command, { stdin: "x" });
  };
  failedWith("unavailable", await ask("key", "list"));
  const folders = [daemon.directory, `${daemon.directory}/run`, daemon.place.runtime];
  for (const folder of folders) Deno.chmodSync(folder, 0o755);
  Deno.chmodSync(daemon.socket, 0o666);
  for (const args of [["key", "list"], ["key", "create", "x"], ["status"], ["encrypt"]]) {
    failedWith("denied", await ask(...args));
  }
});

Deno.test("status tells how the daemon runs, for people and for scripts", async () => {
  const said = await prints(["status"], { env });
  for (const word of ["user", "keys:", "libcrypto", "note:"]) assert.ok(said.includes(word), word);
  const status = await json(["status"]);
  assert.equal(status.protocol, 1);
  assert.equal(status.mode, "user");
  assert.equal(status.sealing, "file");
  assert.equal(typeof status.uptime, "number");
  assert.ok(Number(status.keys) > 1 && Number(status.connections) === 1);
  assert.ok(Array.isArray(status.warnings) && status.warnings.length === 1);
});

Deno.test("status --check says by its exit status that the daemon can be worked with", async () => {
  assert.ok((await prints(["status", "--check"], { env })).includes("keys:"));
  await fails("unavailable", ["status", "--check", "--socket", "/nowhere"], { env });
});
