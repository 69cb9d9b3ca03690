/** Messages under a passphrase: typed at a terminal, or from a file; no daemon is needed. */
import assert from "node:assert/strict";
import { Place } from "../support/daemon.ts";
import {
  crypto,
  exec,
  failedWith,
  fails,
  Folder,
  missing,
  onTerminal,
  prints,
  PROGRAM,
  sameBytes,
  sample,
  succeeds,
  testIf,
  text,
} from "./support.ts";

const NO_TERMINAL = missing("python3");

// No daemon runs here, and there is not even a directory where one could.
const place = new Place();
Deno.test.afterAll(() => place[Symbol.dispose]());
const { env } = place;

const ASK = "Passphrase: ";
const AGAIN = "The same again: ";

/** What is typed: the passphrase and the return key, once or twice. */
function typed(first: string, second: string = first) {
  return [{ expect: ASK, send: `${first}\r` }, { expect: AGAIN, send: `${second}\r` }];
}

testIf(NO_TERMINAL, "a new passphrase is asked for twice, and not shown", async () => {
  using folder = new Folder();
  folder.write("letter", sample(100_000));
  const options = { env, cwd: folder.path };
  const steps = typed("correct hörse");
  const made = await onTerminal(["encrypt", "--passphrase", "letter"], { ...options, steps });
  assert.deepEqual([made.code, made.echo, made.left], [0, true, 0]);
  assert.equal(made.output, `${ASK}\r\n${AGAIN}\r\n`);
  Deno.removeSync(folder.at("letter"));

  const back = ["decrypt", "letter.crypto"];
  const wrong = await onTerminal(back, { ...options, steps: typed("other").slice(0, 1) });
  assert.deepEqual([wrong.code, wrong.left], [65, 0]);
  assert.deepEqual(folder.names(), ["letter.crypto"]);
  const right = await onTerminal(back, { ...options, steps: steps.slice(0, 1) });
  assert.deepEqual([right.code, right.output, right.left], [0, `${ASK}\r\n`, 0]);
  sameBytes(folder.read("letter"), sample(100_000));
});

testIf(NO_TERMINAL, "two passphrases that differ, and an empty one, are refused", async () => {
  using folder = new Folder();
  folder.write("letter", "x");
  const options = { env, cwd: folder.path };
  const encrypt = ["encrypt", "-p", "letter"];
  const differ = await onTerminal(encrypt, { ...options, steps: typed("one", "two") });
  assert.deepEqual([differ.code, differ.left], [64, 0]);
  const empty = await onTerminal(encrypt, { ...options, steps: typed("").slice(0, 1) });
  assert.deepEqual([empty.code, empty.left], [64, 0]);
  assert.deepEqual(folder.names(), ["letter"]);
});

testIf(NO_TERMINAL, "Ctrl-C at the question ends it, and the terminal shows again", async () => {
  using folder = new Folder();
  folder.write("letter", "x");
  const steps = [{ expect: ASK, send: "half\x03" }];
  const run = await onTerminal(["encrypt", "-p", "letter"], { env, cwd: folder.path, steps });
  assert.deepEqual([run.code, run.echo, run.left], [64, true, 0]);
  assert.ok(!run.output.includes("half"));
  assert.deepEqual(folder.names(), ["letter"]);
});

testIf(NO_TERMINAL, "who ends it at the question gets a terminal that shows again", async () => {
  using folder = new Folder();
  folder.write("letter", "x");
  for (const signal of ["SIGTERM", "SIGHUP"] as const) {
    const steps = [{ expect: ASK, signal }];
    const run = await onTerminal(["encrypt", "-p", "letter"], { env, cwd: folder.path, steps });
    assert.deepEqual([run.code, run.echo, run.left], [64, true, 0], signal);
    assert.deepEqual(folder.names(), ["letter"]);
  }
});

testIf(NO_TERMINAL, "a typing error can be taken back, a whole character at a time", async () => {
  using folder = new Folder();
  folder.write("letter", "x");
  folder.write("passphrase", "aß");
  const options = { env, cwd: folder.path };
  const steps = typed("aöc\x7f\x7fß", "xy\b\baß");
  assert.equal((await onTerminal(["encrypt", "-p", "letter"], { ...options, steps })).code, 0);
  const args = ["decrypt", "letter.crypto", "--passphrase-file", "passphrase", "-o", "-"];
  assert.equal(await prints(args, options), "x");
});

testIf(
  NO_TERMINAL,
  "it is asked at the terminal also when the message comes by a pipe",
  async () => {
    using folder = new Folder();
    const passphrase = folder.write("passphrase", "in a pipe\nsecond line");
    const message = await succeeds(["encrypt", "--passphrase-file", passphrase], {
      env,
      stdin: "x",
    });
    const redirect = { "0": folder.write("message", message), "1": folder.at("out") };
    const steps = typed("in a pipe").slice(0, 1);
    const run = await onTerminal(["decrypt"], { env, steps, redirect });
    assert.deepEqual([run.code, run.left], [0, 0]);
    assert.equal(text(folder.read("out")), "x");
  },
);

Deno.test("the passphrase is the first line of a file, and no daemon is needed", async () => {
  using folder = new Folder();
  const file = folder.write("passphrase", "correct horse\r\nnot this\n");
  const args = ["--passphrase-file", file, "--context", "c"];
  const message = await succeeds(["encrypt", ...args], { env, stdin: sample(50_000) });
  assert.deepEqual([...message.subarray(0, 13)], [
    0x43,
    0x52,
    0x59,
    0x31,
    2,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
  ]);
  sameBytes(await succeeds(["decrypt", ...args], { env, stdin: message }), sample(50_000));
  folder.write("passphrase", "correct horse");
  sameBytes(await succeeds(["decrypt", ...args], { env, stdin: message }), sample(50_000));
  await fails("decryption_failed", ["decrypt", ...args.slice(0, 2)], { env, stdin: message });
  folder.write("passphrase", "correct horse ");
  await fails("decryption_failed", ["decrypt", ...args], { env, stdin: message });
});

Deno.test("a passphrase message can be text as well", async () => {
  const args = ["--passphrase-file", "/proc/version"];
  const armored = await prints(["encrypt", "--armor", ...args], { env, stdin: "x" });
  assert.match(armored, /^crypto:v1:[\w-]+\n$/);
  assert.equal(await prints(["decrypt", ...args], { env, stdin: armored }), "x");
  const argument = await prints(["encrypt", "-q", "-t", "y", ...args], { env });
  assert.equal(await prints(["decrypt", "-t", argument.trim(), ...args], { env }), "y");
});

Deno.test("two ways of typing the same letter are one passphrase", async () => {
  using folder = new Folder();
  const composed = folder.write("composed", "\u00e9");
  const decomposed = folder.write("decomposed", "e\u0301");
  const encrypt = ["encrypt", "--passphrase-file", composed];
  const message = await succeeds(encrypt, { env, stdin: "x" });
  const decrypt = ["decrypt", "--passphrase-file", decomposed];
  assert.equal(await prints(decrypt, { env, stdin: message }), "x");
});

Deno.test("a file that holds no passphrase is refused", async () => {
  using folder = new Folder();
  const encrypt = (content: string | Uint8Array) => {
    const file = folder.write("passphrase", content);
    return ["encrypt", "--passphrase-file", file];
  };
  await fails("no_passphrase", encrypt(""), { env, stdin: "x" });
  await fails("no_passphrase", encrypt("\nsecond line"), { env, stdin: "x" });
  await fails("no_passphrase", encrypt("x".repeat(4_097)), { env, stdin: "x" });
  await fails("invalid_text", encrypt(new Uint8Array([0xff])), { env, stdin: "x" });
  await fails("io", ["encrypt", "--passphrase-file", folder.at("none")], { env, stdin: "x" });
});

Deno.test("where there is no terminal to ask at, a file is asked for", async () => {
  const detached = ["setsid", "--wait", PROGRAM];
  const encrypted = await exec([...detached, "encrypt", "--passphrase"], { env, stdin: "x" });
  failedWith("no_passphrase", encrypted);
  assert.ok(encrypted.stderr.includes("--passphrase-file"));
  const args = ["encrypt", "--passphrase-file", "/proc/version"];
  const stdin = await succeeds(args, { env, stdin: "x" });
  failedWith("no_passphrase", await exec([...detached, "decrypt"], { env, stdin }));
});

Deno.test("a passphrase message that was changed or cut is refused", async () => {
  const args = ["--passphrase-file", "/proc/version"];
  const whole = await succeeds(["encrypt", ...args], { env, stdin: "plaintext" });
  const changed = (at: number, value: number) => whole.with(at, value) as Uint8Array;
  const malformed = [whole.subarray(0, 31), changed(5, 1), changed(29, 16), changed(29, 21)];
  for (const stdin of [...malformed, changed(30, 9), changed(31, 5), changed(31, 0)]) {
    await fails("malformed", ["decrypt", ...args], { env, stdin });
  }
  for (const stdin of [whole.subarray(0, 32), whole.subarray(0, -1), changed(20, whole[20]! ^ 1)]) {
    await fails("decryption_failed", ["decrypt", ...args], { env, stdin });
  }
});

Deno.test("a message under a daemon's key needs the daemon, and the hint says how to start it", async () => {
  const none = await crypto(["encrypt"], { env, stdin: "x" });
  failedWith("unavailable", none);
  assert.ok(none.stderr.includes("crypto serve"));
});
