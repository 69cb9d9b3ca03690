/** `crypto share request`, `send --to` and `open` of an own link, as typed at a shell. */
import assert from "node:assert/strict";
import { startShareServer } from "../support/share.ts";
import {
  crypto,
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

interface Requested {
  readonly link: string;
  readonly ownLink: string;
  readonly expires: number;
}

async function request(...args: readonly string[]): Promise<Requested> {
  return JSON.parse(await prints(["share", "request", "--json", ...args], { env }));
}

/** Answers, and gives the receipt. */
async function answer(link: string, stdin: string, ...files: readonly string[]): Promise<string> {
  const args = ["share", "send", "--json", "--to", link, ...files];
  return JSON.parse(await prints(args, { env, stdin })).receipt;
}

async function openInto(ownLink: string, folder: Folder): Promise<void> {
  const { code, stderr } = await crypto(["share", "open", ownLink, "-o", folder.path], { env });
  assert.equal(code, 0, stderr);
}

Deno.test("a request goes out as a link, an answer comes back once, byte for byte", async () => {
  const asked = await crypto(["share", "request"], { env });
  assert.equal(asked.code, 0, asked.stderr);
  const link = text(asked.stdout).trim();
  assert.match(link, new RegExp(`^${server.origin}/s#request\\.[\\w-]{43}$`));
  const [ownLink = ""] = /http\S+#own\.[\w-]{43}/.exec(asked.stderr) ?? [];
  await fails("share_waiting", ["share", "open", ownLink], { env });

  const stdin = new Uint8Array([0, 255, 10, 13, 0x1b, 0x5b]);
  const sent = await crypto(["share", "send", "--to", link], { env, stdin });
  assert.deepEqual([sent.code, text(sent.stdout)], [0, ""], sent.stderr);
  assert.match(sent.stderr, /receipt.*: crypto:receipt:v1:[\w-]{64}\n/);
  const { stderr } = await fails("share_answered", ["share", "send", "--to", link], {
    env,
    stdin: "another",
  });
  assert.match(stderr, /\d{4}-\d\d-\d\d \d\d:\d\d UTC/);

  sameBytes(await succeeds(["share", "open", ownLink], { env }), stdin);
  const again = await fails("share_opened", ["share", "open", ownLink], { env });
  assert.match(again.stderr, /hint: since .*your own link/);
});

Deno.test("files and a folder answer a request, under their names", async () => {
  using from = new Folder();
  using to = new Folder();
  const large = sample(3_000_000);
  from.write("large.bin", large);
  Deno.mkdirSync(from.at("folder"));
  from.write("folder/leaf", "green");
  const { link, ownLink } = await request();
  await answer(link, "", from.at("large.bin"), from.at("folder"));
  await openInto(ownLink, to);
  assert.deepEqual(to.names(), ["folder.tar", "large.bin"]);
  for (const name of to.names()) assert.equal(to.mode(name), 0o600);
  sameBytes(to.read("large.bin"), large);
});

Deno.test("the link that was given away reads nothing, the own link answers nothing", async () => {
  const { link, ownLink } = await request();
  await answer(link, "hello");
  for (const command of ["open", "status", "revoke"]) {
    await fails("bad_link", ["share", command, link], { env });
  }
  const bytes = link.split("request.")[1]!;
  for (const forged of [`#own.${bytes}`, `#${bytes}`]) {
    await fails("share_unavailable", ["share", "open", `${server.origin}/s${forged}`], { env });
  }
  await fails("bad_link", ["share", "send", "--to", ownLink], { env, stdin: "x" });
  assert.equal(await prints(["share", "open", ownLink], { env }), "hello");
});

Deno.test("a link may come from standard input, and its # may be encoded", async () => {
  const { link, ownLink } = await request();
  const mangled = link.replace("#", "%23");
  const sent = await crypto(["share", "send", "--to", mangled], { env, stdin: "hello" });
  assert.equal(sent.code, 0, sent.stderr);
  assert.match(sent.stderr, /warning/);
  assert.equal(await prints(["share", "open"], { env, stdin: `${ownLink}\n` }), "hello");
});

Deno.test("the own link shows what became of a request, and so does the answerer's receipt", async () => {
  const { link, ownLink, expires } = await request("--ttl", "2h");
  const status = async (holder: string) =>
    JSON.parse(await prints(["share", "status", "--json", holder], { env }));
  const before = await status(ownLink);
  assert.deepEqual([before.state, before.expires, before.ttl], ["waiting", expires, 7_200]);
  const receipt = await answer(link, "hello");
  assert.deepEqual([(await status(ownLink)).state, (await status(receipt)).state], [
    "live",
    "live",
  ]);
  // A receipt says nothing of a server, an own link does.
  const elsewhere = { ...env, CRYPTO_SHARE_SERVER: "http://127.0.0.1:1" };
  await prints(["share", "status", ownLink], { env: elsewhere });
  await prints(["share", "open", ownLink], { env });
  assert.equal((await status(receipt)).taken[0].acknowledged, true);
});

Deno.test("a request is taken back, and an answer is, by whoever holds it", async () => {
  const first = await request();
  assert.match(await prints(["share", "revoke", first.ownLink], { env }), /^revoked/);
  await fails("share_revoked", ["share", "send", "--to", first.link], { env, stdin: "x" });
  const second = await request();
  const receipt = await answer(second.link, "hello");
  assert.match(await prints(["share", "revoke", receipt], { env }), /^revoked/);
  await fails("share_revoked", ["share", "open", second.ownLink], { env });
});

Deno.test("an answer is as large as the request allows, and the answerer is told so", async () => {
  using folder = new Folder();
  const { link, ownLink } = await request("--max-size", "300k");
  const large = folder.write("large", sample(500_000));
  await fails("share_refused", ["share", "send", "--to", link, large], { env });
  await answer(link, "", folder.write("fits", sample(300_000)));
  await openInto(ownLink, folder);
});

Deno.test("what makes no sense is refused before anything is asked", async () => {
  const { link } = await request();
  for (
    const flag of ["--ttl=0s", "--ttl=31d", "--max-size=0", "--max-size=1.5M", "--max-size=1TB"]
  ) {
    const { code, stdout } = await crypto(["share", "request", flag], { env });
    assert.deepEqual([code, text(stdout)], [64, ""], flag);
  }
  const more = [
    "--ttl=1d",
    "--views=1",
    "--code",
    "--passphrase",
    "--qr",
    `--server=${server.origin}`,
  ];
  for (const flag of more) {
    await fails("usage", ["share", "send", "--to", link, flag], { env, stdin: "x" });
  }
  await fails("bad_link", ["share", "send", "--to", "x"], { env, stdin: "x" });
  await answer(link, "x");
});

Deno.test("a code to scan is of the link that is given away", async () => {
  const { code, stdout, stderr } = await crypto(["share", "request", "--qr"], { env });
  assert.equal(code, 0, stderr);
  assert.match(text(stdout), /#request\.[\w-]{43}\n[▀▄█ \n]+$/);
});

testIf(missing("python3"), "at a terminal it asks for the answer, which is not shown", async () => {
  const { link, ownLink } = await request();
  const steps = [{ expect: "not shown", send: "hello\n" }];
  const sent = await onTerminal(["share", "send", "--to", link], { env, steps });
  assert.deepEqual([sent.code, sent.left], [0, 0], sent.output);
  assert.ok(!sent.output.includes("hello"));
  assert.equal(await prints(["share", "open", ownLink], { env }), "hello");
});
