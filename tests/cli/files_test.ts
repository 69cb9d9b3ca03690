/** `crypto encrypt` and `crypto decrypt`: what goes in, what comes out, under which name. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { startDaemon } from "../support/daemon.ts";
import {
  crypto,
  exec,
  failedWith,
  fails,
  Folder,
  missing,
  pipedIn,
  prints,
  PROGRAM,
  sameBytes,
  sample,
  succeeds,
  testIf,
  text,
} from "./support.ts";

const daemon = await startDaemon();
Deno.test.afterAll(() => daemon[Symbol.asyncDispose]());

const { env } = daemon;
const LONG = sample(3_000_000);

Deno.test("standard input goes to standard output and back, and nothing else is said", async () => {
  for (const length of [0, 1, 16_383, 16_384, 16_385, 1_048_576, LONG.length]) {
    const plaintext = LONG.subarray(0, length);
    const message = await succeeds(["encrypt"], { env, stdin: plaintext });
    assert.equal(text(message.subarray(0, 4)), "CRY1");
    sameBytes(await succeeds(["decrypt"], { env, stdin: message }), plaintext, `${length}`);
  }
});

Deno.test("- stands for standard input and output", async () => {
  const message = await succeeds(["encrypt", "-"], { env, stdin: LONG });
  const back = await succeeds(["decrypt", "-", "--output", "-"], { env, stdin: message });
  sameBytes(back, LONG);
});

Deno.test("standard input and output may be files, also one that is added to", async () => {
  using folder = new Folder();
  folder.write("in", LONG);
  folder.write("out", "before");
  const line = '"$0" encrypt <in >message && "$0" decrypt <message >>out && "$0" decrypt message ' +
    "-o - >/dev/null";
  const run = await exec(["sh", "-c", line, PROGRAM], { env, cwd: folder.path });
  assert.deepEqual([run.code, run.stderr], [0, ""]);
  const out = folder.read("out");
  assert.equal(text(out.subarray(0, 6)), "before");
  sameBytes(out.subarray(6), LONG);
});

Deno.test("FILE becomes FILE.crypto beside it, and that becomes FILE again", async () => {
  using folder = new Folder();
  const file = folder.write("report.pdf", LONG);
  assert.equal(await prints(["encrypt", file], { env }), "");
  assert.deepEqual(folder.names(), ["report.pdf", "report.pdf.crypto"]);
  sameBytes(folder.read("report.pdf"), LONG);
  Deno.removeSync(file);
  assert.equal(await prints(["decrypt", `${file}.crypto`], { env }), "");
  sameBytes(folder.read("report.pdf"), LONG);
});

Deno.test("several files are done in one call, relative ones from the current folder", async () => {
  using folder = new Folder();
  const names = ["a", "b b", "-c", "ü\n"];
  for (const name of names) folder.write(name, `content of ${name}`);
  await succeeds(["encrypt", "--", ...names], { env, cwd: folder.path });
  for (const name of names) Deno.removeSync(folder.at(name));
  const messages = names.map((name) => `${name}.crypto`);
  await succeeds(["decrypt", "--", ...messages], { env, cwd: folder.path });
  for (const name of names) assert.equal(text(folder.read(name)), `content of ${name}`);
});

Deno.test("a file can go to standard output, and standard input to a file", async () => {
  using folder = new Folder();
  const file = folder.write("in", LONG);
  const message = await succeeds(["encrypt", file, "--output", "-"], { env });
  assert.deepEqual(folder.names(), ["in"]);
  const back = folder.at("back");
  assert.equal(await prints(["decrypt", "-o", back], { env, stdin: message }), "");
  sameBytes(folder.read("back"), LONG);
});

Deno.test("a FIFO and a file of /proc are read to their end", async () => {
  using folder = new Folder();
  const script = `mkfifo p && (printf through >p & "$0" encrypt p --output -) | "$0" decrypt`;
  const fifo = await exec(["sh", "-c", script, PROGRAM], { env, cwd: folder.path });
  assert.deepEqual([fifo.code, text(fifo.stdout)], [0, "through"]);
  const message = await succeeds(["encrypt", "/proc/version", "--output", "-"], { env });
  const back = await prints(["decrypt"], { env, stdin: message });
  assert.equal(back, Deno.readTextFileSync("/proc/version"));
});

Deno.test("an output file that exists is left alone, also when it appears meanwhile", async () => {
  using folder = new Folder();
  const file = folder.write("a", "plaintext");
  folder.write("a.crypto", "precious");
  await fails("file_exists", ["encrypt", file], { env });
  await fails("file_exists", ["encrypt", "-o", folder.at("a.crypto")], { env, stdin: "x" });
  Deno.symlinkSync("/nowhere/at/all", folder.at("dangling"));
  await fails("file_exists", ["encrypt", "-o", folder.at("dangling")], { env, stdin: "x" });
  assert.equal(text(folder.read("a.crypto")), "precious");

  const script = `(printf x; while [ ! -e ready ]; do sleep 0.01; done) | "$0" encrypt -o late &
    pid=$!; while ! ls -l /proc/[0-9]*/fd 2>/dev/null | grep -q "$PWD/.*deleted"; do sleep 0.01; done
    echo precious >late; touch ready; wait $pid`;
  const late = await exec(["sh", "-c", script, PROGRAM], { env, cwd: folder.path });
  failedWith("file_exists", late);
  assert.equal(text(folder.read("late")), "precious\n");
  assert.deepEqual(folder.names(), ["a", "a.crypto", "dangling", "late", "ready"]);
});

Deno.test("--force replaces a file in one step, by a new one", async () => {
  using folder = new Folder();
  const file = folder.write("a", LONG);
  folder.write("a.crypto", "old");
  const old = Deno.openSync(folder.at("a.crypto"));
  const before = old.statSync().ino;
  await succeeds(["encrypt", "--force", file], { env });
  assert.notEqual(Deno.statSync(folder.at("a.crypto")).ino, before);
  // Who had the old file open still has all of it.
  assert.equal(text(readAll(old)), "old");
  await succeeds(["decrypt", "-f", `${file}.crypto`], { env });
  sameBytes(folder.read("a"), LONG);
  assert.deepEqual(folder.names(), ["a", "a.crypto"]);
});

function readAll(file: Deno.FsFile): Uint8Array {
  const buffer = new Uint8Array(100);
  const length = file.readSync(buffer) ?? 0;
  file.close();
  return buffer.subarray(0, length);
}

Deno.test("--force that fails leaves the old file, and no other", async () => {
  using folder = new Folder();
  folder.write("a", "old");
  const message = await succeeds(["encrypt"], { env, stdin: LONG });
  const cut = folder.write("cut", message.subarray(0, -1));
  await fails("decryption_failed", ["decrypt", "-f", cut, "-o", folder.at("a")], { env });
  assert.equal(text(folder.read("a")), "old");
  assert.deepEqual(folder.names(), ["a", "cut"]);
});

Deno.test("input and output may be the same file with --force", async () => {
  using folder = new Folder();
  const file = folder.write("a", LONG);
  await succeeds(["encrypt", "-f", file, "-o", file], { env });
  await succeeds(["decrypt", "-f", file, "-o", file], { env });
  sameBytes(folder.read("a"), LONG);
});

Deno.test("a decrypted file is its owner's alone, an encrypted one follows the umask", async () => {
  using folder = new Folder();
  const options = { env, cwd: folder.path, wrapper: ["sh", "-c", 'umask 027; exec "$0" "$@"'] };
  folder.write("a", "secret");
  await succeeds(["encrypt", "a"], options);
  assert.equal(folder.mode("a.crypto"), 0o640);
  await succeeds(["decrypt", "a.crypto", "-o", "b"], options);
  assert.equal(folder.mode("b"), 0o600);
  Deno.chmodSync(folder.at("b"), 0o644);
  await succeeds(["decrypt", "-f", "a.crypto", "-o", "b"], options);
  assert.equal(folder.mode("b"), 0o600);
});

Deno.test("a name as long as names can be is no problem", async () => {
  using folder = new Folder();
  const name = "n".repeat(255 - ".crypto".length);
  const file = folder.write(name, "long");
  await succeeds(["encrypt", file], { env });
  await succeeds(["decrypt", "-f", `${file}.crypto`], { env });
  assert.deepEqual(folder.names(), [name, `${name}.crypto`]);
});

Deno.test("a file whose name does not end in .crypto needs --output to be decrypted", async () => {
  using folder = new Folder();
  const file = folder.write("message", await succeeds(["encrypt"], { env, stdin: "x" }));
  await fails("usage", ["decrypt", file], { env });
  await succeeds(["decrypt", file, "--output", folder.at("plain")], { env });
  assert.equal(text(folder.read("plain")), "x");
  const hidden = folder.write(".crypto", "x");
  await fails("usage", ["decrypt", hidden], { env });
});

Deno.test("what cannot be meant is refused before anything is read", async () => {
  using folder = new Folder();
  const [a, b] = [folder.write("a", "1"), folder.write("b", "2")];
  await fails("usage", ["encrypt", a, b, "--output", folder.at("c")], { env });
  await fails("usage", ["encrypt", "--text", "x", a, "--quiet"], { env });
  await fails("usage", ["encrypt", ...Array.from({ length: 257 }, () => a)], { env });
  assert.deepEqual(folder.names(), ["a", "b"]);
});

Deno.test("256 files are encrypted in one call", async () => {
  using folder = new Folder();
  const names = Array.from({ length: 256 }, (_, i) => `f${i}`);
  for (const name of names) folder.write(name, name);
  await succeeds(["encrypt", ...names], { env, cwd: folder.path });
  const messages = names.map((name) => `${name}.crypto`);
  await succeeds(["decrypt", "--force", ...messages], { env, cwd: folder.path });
  for (const name of names) assert.equal(text(folder.read(name)), name);
  assert.equal(folder.names().length, 512);
});

Deno.test("when one of several files cannot be read or is bad, none is done", async () => {
  using folder = new Folder();
  const [a, b] = [folder.write("a", "1"), folder.write("b", "2")];
  await fails("io", ["encrypt", a, folder.at("missing"), b], { env });
  assert.deepEqual(folder.names(), ["a", "b"]);
  await succeeds(["encrypt", a], { env });
  folder.write("b.crypto", "no message at all");
  for (const plaintext of [a, b]) Deno.removeSync(plaintext);
  await fails("malformed", ["decrypt", `${a}.crypto`, folder.at("b.crypto")], { env });
  assert.deepEqual(folder.names(), ["a.crypto", "b.crypto"]);
});

Deno.test("a context binds: only the same one decrypts", async () => {
  using folder = new Folder();
  const context = "customer/42 ü";
  const file = folder.write("card", "4111");
  await succeeds(["encrypt", "--context", context, file], { env });
  const back = ["decrypt", `${file}.crypto`, "-o", "-"];
  assert.equal(await prints([...back, "-c", context], { env }), "4111");
  for (const other of [[], ["-c", "customer/43"], ["-c", ""]]) {
    await fails("decryption_failed", [...back, ...other], { env });
  }
  const none = await succeeds(["encrypt"], { env, stdin: "x" });
  assert.equal(await prints(["decrypt", "-c", ""], { env, stdin: none }), "x");
  await fails("too_large", ["encrypt", "-c", "x".repeat(65_537)], { env, stdin: "x" });
});

Deno.test("--key names the key, when decrypting too", async () => {
  await succeeds(["key", "create", "orders"], { env });
  const message = await succeeds(["encrypt", "--key", "orders"], { env, stdin: "x" });
  const direct = await succeeds(["encrypt", "-q", "-k", "orders", "--text", "y"], { env });
  for (const [stdin, plaintext] of [[message, "x"], [direct, "y"]] as const) {
    assert.equal(await prints(["decrypt"], { env, stdin }), plaintext);
    assert.equal(await prints(["decrypt", "-k", "orders"], { env, stdin }), plaintext);
    await fails("denied", ["decrypt", "-k", "default"], { env, stdin });
  }
  await fails("denied", ["encrypt", "--key", "nobody"], { env, stdin: "x" });
});

Deno.test("a text argument becomes one line of text, with a warning on standard error", async () => {
  const loud = await crypto(["encrypt", "--text", "a secret ü"], { env });
  assert.equal(loud.code, 0);
  assert.match(loud.stderr, /^crypto: warning: .+\n$/);
  assert.match(text(loud.stdout), /^crypto:v1:[\w-]+\n$/);
  const message = text(loud.stdout).trim();
  assert.equal(await prints(["decrypt", "--text", message], { env }), "a secret ü");
  assert.equal(await prints(["decrypt"], { env, stdin: loud.stdout }), "a secret ü");
  const quiet = await prints(["encrypt", "-q", "-t", ""], { env });
  assert.equal(await prints(["decrypt", "-t", quiet.trim()], { env }), "");
});

Deno.test("--armor writes one line of text, of any length", async () => {
  for (const length of [0, 1, 2, 3, 20, 5_000_000]) {
    const plaintext = sample(length);
    const message = await succeeds(["encrypt", "--armor"], { env, stdin: plaintext });
    const line = text(message);
    assert.ok(line.startsWith("crypto:v1:") && line.indexOf("\n") === line.length - 1);
    assert.match(line.slice(10, -1), /^[\w-]+$/);
    sameBytes(await succeeds(["decrypt"], { env, stdin: message }), plaintext, `${length}`);
    const unended = message.subarray(0, -1);
    sameBytes(await succeeds(["decrypt"], { env, stdin: unended }), plaintext, `${length}`);
  }
});

Deno.test("decrypt tells the forms apart by their beginning", async () => {
  await succeeds(["key", "create", "fernet", "--purpose", "fernet"], { env });
  const forms = [
    await succeeds(["encrypt"], { env, stdin: "same" }),
    await succeeds(["encrypt", "--armor"], { env, stdin: "same" }),
    await succeeds(["encrypt", "-q", "-t", "same"], { env }),
    await succeeds(["encrypt", "--key", "fernet"], { env, stdin: "same" }),
    await succeeds(["encrypt", "--passphrase-file", "/proc/version"], { env, stdin: "same" }),
  ];
  const starts = forms.map((form) => text(form.subarray(0, 4)));
  assert.deepEqual(starts, ["CRY1", "cryp", "cryp", "gAAA", "CRY1"]);
  for (const stdin of forms) {
    const back = ["decrypt", "--passphrase-file", "/proc/version"];
    assert.equal(await prints(back, { env, stdin }), "same");
  }
  for (const stdin of ["", "x", "CRY", "CRY2rest of it", "crypto:v2:AAAA", "gAAAAB", "{}"]) {
    await fails("malformed", ["decrypt"], { env, stdin });
  }
});

Deno.test("a Fernet key takes values, not streams, and no context", async () => {
  const key = ["encrypt", "--key", "fernet"];
  const token = await succeeds(key, { env, stdin: sample(524_288) });
  sameBytes(await succeeds(["decrypt"], { env, stdin: token }), sample(524_288));
  await fails("too_large", key, { env, stdin: sample(524_289) });
  const bound = await crypto([...key, "--context", "c"], { env, stdin: "x" });
  failedWith("invalid_params", bound);
  const opened = await crypto(["decrypt", "--context", "c"], { env, stdin: token });
  failedWith("invalid_params", opened);
});

testIf(missing("python3"), "what is short and piped in whole is as a stream's", async () => {
  using folder = new Folder();
  const piped = async (...args: string[]) => {
    return await exec(pipedIn("in", PROGRAM, "encrypt", ...args), { env, cwd: folder.path });
  };
  const succeedsPiped = async (...args: string[]) => {
    const { code, stdout, stderr } = await piped(...args);
    assert.deepEqual([code, stderr], [0, ""]);
    return stdout;
  };
  for (const length of [0, 7, 16_384, 65_536, 65_537]) {
    folder.write("in", sample(length));
    const message = await succeedsPiped("-c", "text");
    // What is longer is not for the daemon.
    assert.equal(daemon.log().at(-1)?.op, length > 65_536 ? "envelope.create" : "encrypt");
    assert.equal(message[4], 1);
    sameBytes(await succeeds(["decrypt", "-c", "text"], { env, stdin: message }), sample(length));
    await fails("decryption_failed", ["decrypt"], { env, stdin: message });
  }
  folder.write("in", "short");
  const armored = await succeedsPiped("--armor");
  assert.match(text(armored), /^crypto:v1:Q1JZMQ[E-H]\S+\n$/);
  assert.equal(text(await succeeds(["decrypt"], { env, stdin: armored })), "short");
  await succeedsPiped("-", "--output", "file");
  assert.equal(daemon.log().at(-1)?.op, "encrypt");
  assert.equal(text(await succeeds(["decrypt", folder.at("file"), "-o", "-"], { env })), "short");
  const token = await succeedsPiped("--key", "fernet");
  assert.match(text(token), /^gAAAA\S+\n$/);
  const denied = await piped("--key", "none");
  failedWith("denied", denied);
  assert.match(denied.stderr, /^crypto: standard input: /);
});

const IN_SOCKET = `
import os, socket, sys
one, other = socket.socketpair()
one.send(b"perhaps not all of it")
one.close()
os.dup2(other.fileno(), 0)
os.execv(sys.argv[1], sys.argv[1:])
`;

testIf(missing("python3"), "a connection that has ended is not taken for a whole", async () => {
  const command = ["python3", "-c", IN_SOCKET, PROGRAM, "encrypt"];
  assert.equal((await exec(command, { env })).code, 0);
  assert.equal(daemon.log().at(-1)?.op, "envelope.create");
});

testIf(missing("python3"), "an answer comes whole through a pipe that does not block", async () => {
  using folder = new Folder();
  const script = fileURLToPath(new URL("nonblocking.py", import.meta.url));
  const slowly = async (command: readonly string[]) => {
    const line = ["python3", script, "/dev/null", "out", ...command];
    const { code, stderr } = await exec(line, { env, cwd: folder.path });
    assert.deepEqual([code, stderr], [0, ""]);
    return await succeeds(["decrypt"], { env, stdin: folder.read("out") });
  };
  folder.write("in", sample(65_536));
  for (const form of [[], ["--armor"]]) {
    const command = pipedIn("in", PROGRAM, "encrypt", ...form);
    sameBytes(await slowly(command), sample(65_536));
  }
  const long = "x".repeat(100_000);
  assert.equal(text(await slowly([PROGRAM, "encrypt", "-q", "--text", long])), long);
});

Deno.test("an answer that cannot be written is a failure, and says why", async () => {
  using folder = new Folder();
  folder.write("in", "a secret");
  const ways: [string, RegExp][] = [
    ['"$0" encrypt -q --text x 1<in', /standard output/],
    ['"$0" encrypt -q --text x >/dev/full', /disk is full/],
  ];
  for (const [line, expected] of ways) {
    const { code, stderr } = await exec(["sh", "-c", line, PROGRAM], { env, cwd: folder.path });
    assert.equal(code, 74, line);
    assert.match(stderr, expected);
  }
});

Deno.test("the daemon's log says who did what, and not with which content", async () => {
  using folder = new Folder();
  const file = folder.write("logged", "tell nobody");
  await succeeds(["encrypt", file, "-c", "hidden context"], { env });
  const last = daemon.log().at(-1);
  assert.deepEqual([last?.op, last?.key, last?.declaredBytes], ["envelope.create", "default", 11]);
  const log = Deno.readTextFileSync(daemon.place.auditLog);
  for (const word of ["tell nobody", "hidden context", "logged"]) assert.ok(!log.includes(word));
});
