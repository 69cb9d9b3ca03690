/** Opened files on the disk: what the program asks of the system, and in which order. */
import assert from "node:assert/strict";
import { linuxTest } from "../support/linux.ts";
import { startShareServer } from "../support/share.ts";
import { compiledProgram, run } from "../support/process.ts";
import { Folder, prints } from "./support.ts";

const server = await startShareServer();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());
const { env } = server;

async function sendTwo(): Promise<string> {
  using from = new Folder();
  from.write("a", "first");
  from.write("b", "second");
  const sent = await prints(["share", "send", "--json", from.at("a"), from.at("b")], { env });
  return (JSON.parse(sent) as { link: string }).link;
}

/** Opens under a tracer. @returns what it saw */
async function traced(link: string, to: Folder, trace: readonly string[]): Promise<string> {
  using seen = new Folder();
  const log = seen.at("log");
  const tracer = ["strace", "-f", "-y", "--output", log, ...trace];
  const open = [compiledProgram(), "share", "open", "--output", to.path, link];
  const { code, stderr } = await run([...tracer, ...open], { env });
  assert.equal(code, 0, stderr);
  return Deno.readTextFileSync(log);
}

await linuxTest(
  "names are on the disk before the claim, and with it the server's copy, is given up",
  ["strace"],
  async () => {
    using to = new Folder();
    const calls = "trace=link,linkat,unlink,unlinkat,fsync,ftruncate";
    const log = await traced(await sendTwo(), to, ["-e", calls]);
    const lines = log.split("\n");
    const last = (test: RegExp) => lines.findLastIndex((line) => test.test(line));
    const [linked, synced] = [
      last(/\blink(at)?\(/),
      last(new RegExp(`fsync\\(\\d+<${to.path}>\\)`)),
    ];
    const ended = last(/ftruncate\(.*crypto\/share\//);
    assert.ok(linked >= 0 && synced > linked && ended > synced, log);
  },
);

await linuxTest(
  "where a file can have one name only it is opened all the same, and replaces nothing",
  ["strace"],
  async () => {
    using to = new Folder();
    to.write("a", "mine");
    const denied = "inject=link,linkat:error=EPERM";
    const log = await traced(await sendTwo(), to, ["-e", "trace=link,linkat", "-e", denied]);
    assert.match(log, /INJECTED/);
    assert.deepEqual(to.names(), ["a", "a (2)", "b"]);
    const contents = to.names().map((name) => Deno.readTextFileSync(to.at(name)));
    assert.deepEqual(contents, ["mine", "first", "second"]);
    assert.equal(to.mode("b"), 0o600);
  },
);
