/** `crypto rewrap`, on files as people have them. */
import assert from "node:assert/strict";
import { besidePaths } from "../../client/rewrap/beside.ts";
import type { Report } from "../../client/rewrap/worker.ts";
import { startDaemon } from "../support/daemon.ts";
import { must } from "../support/process.ts";
import {
  crypto,
  failedWith,
  fails,
  Folder,
  NOT_ROOT,
  onTerminal,
  prints,
  sameBytes,
  sample,
  succeeds,
  testIf,
  text,
} from "./support.ts";

const daemon = await startDaemon();
Deno.test.afterAll(() => daemon[Symbol.asyncDispose]());

const { env } = daemon;

/** A folder with what `encrypt` makes, under a key of its own that is rotated then. */
async function folderOf(key: string): Promise<Folder> {
  const folder = new Folder();
  await succeeds(["key", "create", key], { env });
  const encrypt = ["encrypt", "--key", key];
  const plain = folder.write("plain", sample(100_000));
  await succeeds([...encrypt, "--context", "c", "--output", folder.at("a"), plain], { env });
  await succeeds([...encrypt, "--armor", "--output", folder.at("b"), plain], { env });
  const direct = [...encrypt, "-q", "--text", "a value", "--context", "c"];
  await succeeds([...direct, "--output", folder.at("c")], { env });
  await succeeds(["key", "rotate", key], { env });
  return folder;
}

async function reportOf(args: readonly string[]): Promise<Report> {
  return JSON.parse(text((await crypto(["rewrap", "--json", ...args], { env })).stdout));
}

const versionsOf = ({ versions }: Report) => versions.map(({ version, files }) => [version, files]);

Deno.test("112 bytes of a file change, and neither mode, owner nor time", async () => {
  using folder = await folderOf("place");
  const [path, before] = [folder.at("a"), folder.read("a")];
  Deno.chmodSync(path, 0o604);
  if (!NOT_ROOT) Deno.chownSync(path, 12_345, 54_321);
  await must(["touch", "-d", "2020-01-02 03:04:05.678901234", path]);
  const stat = ["stat", "-c", "%i %a %u %g %s %y", path];
  const attributes = await must(stat);
  const said = await prints(["rewrap", path], { env });
  assert.match(
    said,
    /^KEY +VERSION +STATE +FILES +BYTES\nplace +2 +newest +1 +100 kB\n1 rewrapped/,
  );
  assert.equal(await must(stat), attributes);
  const after = folder.read("a");
  const changed = [...after.keys()].filter((i) => after[i] !== before[i]);
  assert.ok(changed[0]! >= 5 && changed.at(-1)! < 117 && changed.length > 90);
  const opened = await succeeds(["decrypt", "--context", "c", "-o", "-", path], { env });
  sameBytes(opened, sample(100_000));
  assert.match(await prints(["rewrap", path], { env }), /\n0 rewrapped, 1 were on the newest\n$/);
});

Deno.test("a folder is taken whole, and what cannot be rewrapped is told", async () => {
  using folder = await folderOf("whole");
  Deno.mkdirSync(folder.at("deep"));
  Deno.renameSync(folder.at("a"), folder.at("deep/a"));
  Deno.symlinkSync(folder.at("b"), folder.at("link"));
  await must(["mkfifo", folder.at("pipe")]);
  folder.write(
    "letter",
    await succeeds(["encrypt", "--armor", "--passphrase-file", passphrase(folder)], {
      stdin: "x",
    }),
  );
  const target = Deno.readLinkSync(folder.at("link"));
  const seen = await reportOf(["--dry-run", "--recursive", folder.path]);
  assert.deepEqual([versionsOf(seen), seen.rewrapped], [[[1, 3]], 0]);
  const rest = { other: 2, passphrase: 1, fernet: 0, link: 1, special: 1 };
  assert.deepEqual(seen.passed, rest);
  const run = await crypto(["rewrap", "--recursive", folder.path], { env });
  assert.equal(run.code, 65);
  assert.match(run.stderr, /\/c: decryption failed\n/);
  const done = await reportOf(["--recursive", "--context", "c", folder.path]);
  assert.deepEqual([versionsOf(done), done.rewrapped, done.current], [[[2, 3]], 1, 2]);
  assert.equal(Deno.readLinkSync(folder.at("link")), target);
  sameBytes(await succeeds(["decrypt", "-o", "-", folder.at("b")], { env }), sample(100_000));
  const value = ["decrypt", "--context", "c", "-o", "-", folder.at("c")];
  assert.equal(await prints(value, { env }), "a value");
});

function passphrase(folder: Folder): string {
  return folder.write("passphrase", "correct horse battery staple\n");
}

Deno.test("what is named and cannot be rewrapped is an error, each with its reason", async () => {
  using folder = await folderOf("named");
  Deno.symlinkSync(folder.at("a"), folder.at("link"));
  await succeeds(["key", "create", "f", "--purpose", "fernet"], { env });
  folder.write("token", await succeeds(["encrypt", "--key", "f"], { env, stdin: "x" }));
  const bad = ["plain", "link", "token", "missing", "."].map((name) => folder.at(name));
  const before = folder.read("a");
  const { failed, rewrapped } = await reportOf([...bad, folder.at("b")]);
  assert.equal(rewrapped, 1);
  assert.deepEqual(failed.map(({ path, code }) => [path.slice(folder.path.length), code]), [
    ["", "io"],
    ["/link", "io"],
    ["/missing", "io"],
    ["/plain", "malformed"],
    ["/token", "malformed"],
  ]);
  assert.deepEqual(folder.read("a"), before, "no link is followed");
  await fails("usage", ["rewrap"], { env });
  await fails("io", ["rewrap", `${folder.path}/no/where`], { env });
});

Deno.test("a file with two names is rewrapped under both, or told", async () => {
  using folder = await folderOf("linked");
  Deno.linkSync(folder.at("a"), folder.at("a2"));
  Deno.linkSync(folder.at("c"), folder.at("c2"));
  const report = await reportOf(["--recursive", "--context", "c", folder.path]);
  assert.deepEqual(report.failed.map(({ code }) => code), ["io", "io"]);
  assert.deepEqual(versionsOf(report), [[1, 2], [2, 3]]);
  assert.deepEqual(folder.read("a"), folder.read("a2"));
});

Deno.test("--fresh encrypts all of it anew, and needs the context", async () => {
  using folder = await folderOf("fresh");
  const before = folder.read("a");
  await succeeds(["rewrap", folder.at("a")], { env });
  sameBytes(folder.read("a").subarray(117), before.subarray(117));
  const wrong = await crypto(["rewrap", "--fresh", folder.at("a")], { env });
  assert.equal(wrong.code, 65);
  Deno.chmodSync(folder.at("a"), 0o640);
  const paths = ["a", "c"].map((name) => folder.at(name));
  await succeeds(["rewrap", "--fresh", "--context", "c", ...paths], { env });
  assert.notDeepEqual(folder.read("a").subarray(117), before.subarray(117));
  assert.equal(folder.mode("a"), 0o640);
  const opened = await succeeds(["decrypt", "--context", "c", "-o", "-", folder.at("a")], { env });
  sameBytes(opened, sample(100_000));
  await succeeds(["rewrap", "--fresh", folder.at("b")], { env });
  assert.match(text(folder.read("b")), /^crypto:v1:/);
  assert.deepEqual(folder.names(), ["a", "b", "c", "plain"]);
});

Deno.test("a damaged envelope is told, and the file is left alone", async () => {
  using folder = await folderOf("damaged");
  const bytes = folder.read("a");
  bytes[50]! ^= 1;
  folder.write("a", bytes);
  const { failed, versions } = await reportOf([folder.at("a")]);
  assert.deepEqual(failed.map(({ code }) => code), ["decryption_failed"]);
  assert.deepEqual(versions.map(({ version, files }) => [version, files]), [[1, 1]]);
  assert.deepEqual(folder.read("a"), bytes);
});

Deno.test("a second message behind the first is told, in every run", async () => {
  using folder = await folderOf("behind");
  const twice = new Uint8Array([...folder.read("b"), ...folder.read("b")]);
  folder.write("b", twice);
  for (const more of [["--dry-run"], [], ["--fresh"]]) {
    const { failed, versions, rewrapped } = await reportOf([...more, folder.at("b")]);
    assert.deepEqual([failed.map(({ code }) => code), rewrapped], [["malformed"], 0]);
    assert.deepEqual(versions.map(({ version, files }) => [version, files]), [[1, 1]]);
    assert.deepEqual(folder.read("b"), twice);
  }
  assert.equal((await crypto(["decrypt", "-o", "-", folder.at("b")], { env })).code, 65);
});

Deno.test("names drive no terminal, and one that is no UTF-8 is told as such", async () => {
  using folder = await folderOf("names");
  const damaged = folder.read("a").fill(0, 20, 40);
  folder.write("esc\u001b[31mRED\nspoof: ok", damaged);
  await must(["sh", "-c", 'cp "$1/a" "$1/$(printf "\\377")"', "sh", folder.path]);
  await must(["sh", "-c", 'mkdir "$1/$(printf "d\\377")"', "sh", folder.path]);
  const args = ["rewrap", "--recursive", "--context", "c", folder.path];
  const { code, stderr } = await crypto(args, { env });
  assert.equal(code, 65);
  assert.ok(!stderr.includes("\u001b") && !/^spoof/m.test(stderr), stderr);
  assert.match(stderr, /esc\\u\{1b\}\[31mRED\\u\{a\}spoof/);
  assert.equal(stderr.match(/no UTF-8/g)?.length, 2, stderr);
});

Deno.test("encrypting anew shows how far it is in one large file", async () => {
  using folder = await folderOf("progress");
  const plain = folder.write("large", sample(300_000_000));
  const large = folder.at("large.crypto");
  await succeeds(["encrypt", "--quiet", "--key", "progress", "-o", large, plain], { env });
  const { output, code } = await onTerminal(["rewrap", "--fresh", large], { env });
  assert.equal(code, 0, output);
  assert.match(output, /rewrap {2}[\d.]+ MB {2}/);
});

Deno.test("two runs do not work on one file", async () => {
  using folder = await folderOf("locked");
  const before = folder.read("a");
  using other = Deno.openSync((await besidePaths(folder.at("a"))).journal, {
    write: true,
    create: true,
  });
  other.lockSync(true);
  const { failed } = await reportOf([folder.at("a")]);
  assert.deepEqual(failed.map(({ code }) => code), ["already_running"]);
  assert.deepEqual(folder.read("a"), before);
});

Deno.test("what a killed run has left of a file that is gone is told", async () => {
  using folder = await folderOf("orphan");
  Deno.writeTextFileSync((await besidePaths(folder.at("gone"))).journal, "{}");
  const { failed } = await reportOf(["--recursive", "--context", "c", folder.path]);
  assert.deepEqual(failed.map(({ code }) => code), ["io"]);
});

testIf(
  NOT_ROOT,
  "root works in no directory of somebody else's, who could lead it away",
  async () => {
    using folder = await folderOf("foreign");
    Deno.mkdirSync(folder.at("theirs"));
    Deno.renameSync(folder.at("a"), folder.at("theirs/a"));
    Deno.chownSync(folder.at("theirs"), 12_345, 12_345);
    const deep = await reportOf(["--recursive", "--context", "c", folder.path]);
    assert.deepEqual(deep.failed.map(({ code }) => code), ["unsafe_path"]);
    const named = await crypto(["rewrap", folder.at("theirs/a")], { env });
    assert.match(named.stderr, /tampered/);
    failedWith("rewrap_incomplete", {
      ...named,
      stderr: named.stderr.slice(named.stderr.indexOf("\ncrypto: 1 of") + 1),
    });
  },
);

Deno.test("a thousand files take one connection", async () => {
  using folder = await folderOf("many");
  const bytes = folder.read("a");
  for (let i = 0; i < 1_000; i++) folder.write(`${i}.crypto`, bytes);
  const connected = (await reportOf(["--recursive", "--context", "c", folder.path])).rewrapped;
  assert.equal(connected, 1_003);
  const again = await reportOf(["--recursive", folder.path]);
  assert.deepEqual([again.rewrapped, again.current], [0, 1_003]);
});
