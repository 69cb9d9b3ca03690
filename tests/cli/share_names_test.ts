/** Names that a sender makes up, through the real command line: they are data, and no more. */
import assert from "node:assert/strict";
import { utf8 } from "../../core/bytes.ts";
import { formatLink } from "../../core/share/link.ts";
import { ShareApi } from "../../share/client/api.ts";
import { sendSecret } from "../../share/client/send.ts";
import { startShareServer } from "../support/share.ts";
import {
  crypto,
  exec,
  fails,
  Folder,
  missing,
  onTerminal,
  prints,
  testIf,
  text,
} from "./support.ts";

const server = await startShareServer();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());
const { env, origin } = server;

/** What a sender may call a file, and what it is called here. */
const NAMES: readonly (readonly [given: string, here: string])[] = [
  ["../x", "x"],
  ["../../../../etc/cron.d/evil", "evil"],
  ["/etc/passwd", "passwd"],
  ["C:\\Windows\\evil.exe", "evil.exe"],
  ["a\0b.txt", "ab.txt"],
  ["photo\u202Egpj.exe", "photogpj.exe"],
  ["one\r\ntwo", "onetwo"],
  ["\x1b]0;owned\x07\x1b[31mred", "]0;owned[31mred"],
  ["", "file"],
  ["..", "file (2)"],
  [".bashrc", "bashrc"],
  ["CON.txt", "_CON.txt"],
  ["picture.svg", "picture.svg"],
  ["page.html", "page.html"],
  ["page.html", "page (2).html"],
  ["x".repeat(300) + ".pdf", "x".repeat(251) + ".pdf"],
];

/** Sends files whose names no file system would have, as a program of anybody's could. */
async function sendNamed(names: readonly string[]): Promise<string> {
  const contents = names.map((_, i) => utf8(`content ${i}`));
  const files = names.map((name, i) => ({ name, type: "text/html", size: contents[i]!.length }));
  const length = contents.reduce((sum, { length }) => sum + length, 0);
  const content = {
    manifest: { kind: "files", files },
    length,
    read: () => ReadableStream.from(contents),
  } as const;
  const { secret } = await sendSecret(new ShareApi(origin), content, {
    terms: { ttl: 600, views: 1 },
  });
  return formatLink(origin, secret);
}

Deno.test("hostile names become safe ones, in the directory and nowhere else", async () => {
  using outside = new Folder();
  Deno.mkdirSync(outside.at("a/inbox"), { recursive: true });
  const link = await sendNamed(NAMES.map(([given]) => given));
  const args = ["share", "open", link, "-o", "inbox"];
  const { code, stderr } = await crypto(args, { env, cwd: outside.at("a") });
  assert.equal(code, 0, stderr);
  assert.deepEqual(outside.names(), ["a"]);
  assert.deepEqual([...Deno.readDirSync(outside.at("a"))].map(({ name }) => name), ["inbox"]);
  for (const [i, [, here]] of NAMES.entries()) {
    const path = outside.at(`a/inbox/${here}`);
    assert.equal(Deno.readTextFileSync(path), `content ${i}`);
    assert.equal(Deno.statSync(path).mode! & 0o777, 0o600);
  }
  assert.equal([...Deno.readDirSync(outside.at("a/inbox"))].length, NAMES.length);
  assert.doesNotMatch(stderr, /[^\P{C}\n]/u);
});

testIf(missing("python3"), "no name drives the terminal that it is shown on", async () => {
  using inbox = new Folder();
  const link = await sendNamed(["\x1b]0;owned\x07.txt", "\x9b31m", "a\u202eb"]);
  const { code, output } = await onTerminal(["share", "open", link, "-o", inbox.path], { env });
  assert.equal(code, 0, output);
  assert.doesNotMatch(output, /[^\P{C}\r\n]/u);
});

Deno.test("files whose own names are odd are sent under them, and come back safe", async () => {
  using from = new Folder();
  using inbox = new Folder();
  const odd = ["new\nline.txt", "\x1b[31mred.txt", "back\\slash.txt", "javascript:alert(1)"];
  const paths = odd.map((name) => from.write(name, name));
  const { link } = JSON.parse(await prints(["share", "send", "--json", ...paths], { env }));
  const { code } = await crypto(["share", "open", link, "-o", inbox.path], { env });
  assert.equal(code, 0);
  assert.deepEqual(inbox.names(), [
    "[31mred.txt",
    "javascript_alert(1)",
    "newline.txt",
    "slash.txt",
  ]);
  assert.equal(text(inbox.read("slash.txt")), "back\\slash.txt");
});

Deno.test("a name that is no text is told, and not only the folder that it is in", async () => {
  using from = new Folder();
  Deno.mkdirSync(from.at("folder"));
  await exec(["sh", "-c", 'printf x > "$1/$(printf "odd\\377")"', "sh", from.at("folder")]);
  const { stderr } = await fails("io", ["share", "send", from.at("folder")], { env });
  assert.ok(stderr.includes("folder/odd\ufffd"), stderr);
});

Deno.test("a link in a text is text, and nothing is opened", async () => {
  const stdin = "javascript:alert(1)\nhttps://attacker.example/\n<script>alert(1)</script>";
  const { link } = JSON.parse(await prints(["share", "send", "--json"], { env, stdin }));
  assert.equal(await prints(["share", "open", link], { env }), stdin);
});
