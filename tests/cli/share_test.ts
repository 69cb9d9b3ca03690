/** `crypto share` against its own server: what a sender and a reader see. */
import assert from "node:assert/strict";
import { ERRORS } from "../../core/errors.ts";
import { startShareServer } from "../support/share.ts";
import {
  type CliOptions,
  crypto,
  exec,
  fails,
  Folder,
  missing,
  onTerminal,
  prints,
  sameBytes,
  sample,
  succeeds,
  testIf,
  text,
} from "./support.ts";

const server = await startShareServer();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());
const env = server.env;

interface Sent {
  readonly link: string;
  readonly receipt: string;
  readonly code?: string;
  readonly expires: number;
  readonly views: number;
}

async function send(args: readonly string[], options: CliOptions = {}): Promise<Sent> {
  return JSON.parse(await prints(["share", "send", "--json", ...args], { env, ...options }));
}

Deno.test("a text goes out as a link on standard output and comes back once, byte for byte", async () => {
  const stdin = new Uint8Array([0, 255, 10, 13, 0x1b, 0x5b]);
  const sent = await crypto(["share", "send"], { env, stdin });
  assert.equal(sent.code, 0, sent.stderr);
  const link = text(sent.stdout).trim();
  assert.match(link, new RegExp(`^${server.origin}/s#[\\w-]{43}$`));
  assert.match(sent.stderr, /receipt.*: crypto:receipt:v1:[\w-]{64}\n/);
  assert.ok(!sent.stderr.includes(link.split("#")[1]!));
  sameBytes(await succeeds(["share", "open", link], { env }), stdin);
  const { stderr } = await fails("share_opened", ["share", "open", link], { env });
  assert.match(stderr, /\d{4}-\d\d-\d\d \d\d:\d\d UTC/);
});

Deno.test("a link may come from standard input, and its # may be encoded", async () => {
  const { link } = await send([], { stdin: "hello" });
  const mangled = link.replace("#", "%23");
  const { code, stdout, stderr } = await crypto(["share", "open"], { env, stdin: `${mangled}\n` });
  assert.deepEqual([code, text(stdout)], [0, "hello"]);
  assert.match(stderr, /warning/);
});

Deno.test("files and a folder come back under their names, for their owner alone", async () => {
  using from = new Folder();
  using to = new Folder();
  const large = sample(9_000_000);
  from.write("large.bin", large);
  from.write("empty", "");
  Deno.mkdirSync(from.at("folder/inner"), { recursive: true });
  from.write("folder/inner/leaf", "green");
  Deno.symlinkSync("/etc/passwd", from.at("folder/link"));
  const names = ["large.bin", "empty", "folder/"];
  const { link } = await send(names.map((name) => from.at(name)));
  const { code, stdout } = await crypto(["share", "open", link, "-o", to.path], { env });
  assert.deepEqual([code, text(stdout)], [0, ""]);
  assert.deepEqual(to.names(), ["empty", "folder.tar", "large.bin"]);
  for (const name of to.names()) assert.equal(to.mode(name), 0o600);
  sameBytes(to.read("large.bin"), large);
  assert.equal(to.read("empty").length, 0);
  const { stdout: listed } = await exec(["tar", "tf", to.at("folder.tar")]);
  assert.equal(text(listed), "folder/\nfolder/inner/\nfolder/inner/leaf\n");
});

Deno.test("a file that is there is not replaced", async () => {
  using from = new Folder();
  using to = new Folder();
  to.write("a.txt", "old");
  const { link } = await send([from.write("a.txt", "new")]);
  await crypto(["share", "open", link, "-o", to.path], { env });
  assert.deepEqual(to.names(), ["a (2).txt", "a.txt"]);
  assert.equal(text(to.read("a.txt")), "old");
});

Deno.test("a secret that cannot be written stays: nothing is taken from who asks again", async () => {
  using from = new Folder();
  using to = new Folder();
  const { link } = await send([from.write("a.txt", "new")]);
  await fails("io", ["share", "open", link, "-o", to.at("missing")], { env });
  const { code } = await crypto(["share", "open", link, "-o", to.path], { env });
  assert.equal(code, 0);
});

Deno.test("with a code the link is not enough, and a wrong code takes nothing", async () => {
  using folder = new Folder();
  const { link, code } = await send(["--code"], { stdin: "hello" });
  assert.match(code!, /^[a-z]+(-[a-z]+){3}$/);
  await fails("no_passphrase", ["share", "open", link], { env });
  const open = (line: string) => {
    const file = folder.write("code", `${line}\n`);
    return ["share", "open", link, "--passphrase-file", file];
  };
  await fails("wrong_passphrase", open("acid-acid-acid-acid"), { env });
  assert.equal(await prints(open(code!.toUpperCase().replaceAll("-", " ")), { env }), "hello");
});

Deno.test("ten wrong passphrases lock it, and the receipt unlocks it", async () => {
  using folder = new Folder();
  const right = folder.write("right", "correct horse\n");
  const wrong = folder.write("wrong", "battery staple\n");
  const { link, receipt } = await send(["--passphrase-file", right], { stdin: "hello" });
  const open = (file: string) => ["share", "open", link, "--passphrase-file", file];
  for (let i = 0; i < 10; i++) await fails("wrong_passphrase", open(wrong), { env });
  await fails("share_locked", open(right), { env });
  await prints(["share", "unlock", receipt], { env });
  assert.equal(await prints(open(right), { env }), "hello");
});

Deno.test("the receipt shows what became of it, and what only the link gives does not", async () => {
  const { link, receipt } = await send(["--views", "2"], { stdin: "hello" });
  const status = async () =>
    JSON.parse(await prints(["share", "status", "--json", receipt], { env }));
  assert.equal((await status()).state, "live");
  await prints(["share", "open", link], { env });
  const { taken } = await status();
  assert.deepEqual([taken.length, taken[0].acknowledged], [1, true]);
  await fails("bad_link", ["share", "status", link], { env });
  const other = `${receipt.slice(0, -1)}${receipt.endsWith("A") ? "Q" : "A"}`;
  await fails("share_unavailable", ["share", "status", other], { env });
});

Deno.test("what is revoked cannot be opened", async () => {
  const { link, receipt } = await send([], { stdin: "hello" });
  assert.match(await prints(["share", "revoke", receipt], { env }), /^revoked/);
  await fails("share_revoked", ["share", "open", link], { env });
});

Deno.test("what can no longer be revoked or unlocked is told with what became of it", async () => {
  const opened = await send([], { stdin: "hello" });
  await prints(["share", "open", opened.link], { env });
  for (const command of ["revoke", "unlock"]) {
    const { stderr } = await fails("share_opened", ["share", command, opened.receipt], { env });
    assert.match(stderr, /since \d{4}-\d\d-\d\d /);
  }
  const revoked = await send([], { stdin: "hello" });
  for (let i = 0; i < 2; i++) await prints(["share", "revoke", revoked.receipt], { env });
  await fails("share_revoked", ["share", "unlock", revoked.receipt], { env });
  assert.match(await prints(["share", "status", revoked.receipt], { env }), /^revoked/);
});

Deno.test("lifetime and views are kept as asked, and what makes no sense is refused", async () => {
  const before = Date.now();
  const { expires, views } = await send(["--ttl", "90s", "--views", "3"], { stdin: "x" });
  assert.ok(expires >= before + 90_000 && expires < Date.now() + 91_000);
  assert.equal(views, 3);
  const lifetimes = ["0s", "59s", "31d", "-1d", "1.5d", "1e9s", "d", "1", "1d ", "99999999d"];
  const numbers = ["0", "101", "-1", "1.5", "one"];
  const wrong = [
    ...lifetimes.map((ttl) => `--ttl=${ttl}`),
    ...numbers.map((views) => `--views=${views}`),
  ];
  for (const flag of wrong) {
    const { stderr } = await fails("usage", ["share", "send", flag], { env, stdin: "x" });
    const [, name = "", value = ""] = /^--(\w+)=(.*)$/.exec(flag) ?? [];
    assert.match(stderr, new RegExp(`^crypto: ${name}: .*\n  hint: .* from 1m? to `), flag);
    if (value.length > 2) assert.ok(!stderr.includes(value), "what was typed is not repeated");
  }
});

Deno.test("a server that is not there, or no server, is an error at once", async () => {
  const away = { ...env, CRYPTO_SHARE_SERVER: "http://127.0.0.1:1" };
  await fails("share_unreachable", ["share", "send"], { env: away, stdin: "x" });
  const unprotected = { ...env, CRYPTO_SHARE_SERVER: "http://share.example" };
  await fails("usage", ["share", "send"], { env: unprotected, stdin: "x" });
  await fails("bad_link", ["share", "open", "https://share.example/"], { env });
});

Deno.test("an empty text is not sent, an empty file is", async () => {
  await fails("share_empty", ["share", "send"], { env, stdin: "" });
  const { code, stderr } = await crypto(["share", "send", "--text", ""], { env });
  assert.equal(code, ERRORS.share_empty.exit, stderr);
  using folder = new Folder();
  const { link } = await send([folder.write("empty", "")]);
  assert.equal((await crypto(["share", "open", link, "-o", folder.path], { env })).code, 0);
  assert.deepEqual(folder.names(), ["empty", "empty (2)"]);
});

Deno.test("who gives a text where files are named is told how texts are sent", async () => {
  const { stderr } = await fails("io", ["share", "send", "my text"], { env });
  assert.match(stderr, /hint: .*text.*piped/);
});

Deno.test("a text in an argument is warned of", async () => {
  const { code, stderr } = await crypto(["share", "send", "--text", "x"], { env });
  assert.equal(code, 0);
  assert.match(stderr, /warning/);
});

Deno.test("texts that are JSON or markup come back as they were", async () => {
  for (const stdin of ['{"file_name":"x"}', "null", "__proto__", "&lt;script&gt;"]) {
    const { link } = await send([], { stdin });
    assert.equal(await prints(["share", "open", link], { env }), stdin);
  }
});

testIf(missing("python3"), "on a terminal a text drives nothing", async () => {
  const { link } = await send([], { stdin: "red \u001b[31m \u009b2J \u202e end\n" });
  const { output, code } = await onTerminal(["share", "open", link], { env });
  assert.equal(code, 0, output);
  assert.match(output, /red \\u\{1b\}\[31m \\u\{9b\}2J \\u\{202e\} end/);
});

testIf(
  missing("python3"),
  "at a terminal it asks for the secret and for a passphrase",
  async () => {
    const steps = [
      { expect: "not shown", send: "hello\n" },
      { expect: "Passphrase", send: "correct horse\n" },
      { expect: "again", send: "correct horse\n" },
    ];
    const sent = await onTerminal(["share", "send", "--passphrase"], { env, steps });
    assert.deepEqual([sent.code, sent.left, sent.echo], [0, 0, true], sent.output);
    assert.ok(!sent.output.includes("hello"));
    const [link = ""] = /http\S+#\S{43}/.exec(sent.output) ?? [];
    const opened = await onTerminal(["share", "open", link], {
      env,
      steps: [{ expect: "Passphrase", send: "correct horse\n" }],
    });
    assert.equal(opened.code, 0, opened.output);
    assert.match(opened.output, /hello/);
  },
);
