/** `crypto share attack`: what it says of a server that holds, and of one that does not. */
import assert from "node:assert/strict";
import { ERRORS } from "../../core/errors.ts";
import { PAST } from "../../share/attack/past.ts";
import { ATTACKS } from "../../share/attack/suite.ts";
import { startShare, UNHURRIED } from "../share/server_support.ts";
import { crypto, failedWith, fails, prints, text } from "./support.ts";

const QUICK = ["--rounds", "1", "--attempts", "50"];

/** What nobody listens on. */
const NOWHERE = "http://127.0.0.1:1";

Deno.test("a server that holds gets a line for each attack, and status 0", async () => {
  await using server = await startShare();
  await using second = await startShare(UNHURRIED, server.directory);
  const args = ["share", "attack", server.url, "--second", second.url, ...QUICK];
  const printed = await prints(args);
  const lines = printed.trimEnd().split("\n").filter((line) => !line.startsWith(" "));
  assert.equal(lines.length, ATTACKS.length);
  // There is no storage beside it.
  const absent = PAST.map(({ name }) => name);
  for (const line of lines) {
    const verdict = absent.some((name) => line.endsWith(name)) ? "absent" : "held";
    assert.match(line, new RegExp(`^${verdict} {2,}\\d+ ms {2}\\w`));
  }
});

Deno.test("as JSON each has a name, a verdict, a time, and a reason where there is one", async () => {
  await using server = await startShare(["--requests-per-minute", "300"]);
  const { code, stdout } = await crypto(["share", "attack", server.url, "--json", ...QUICK]);
  assert.equal(code, ERRORS.too_many_requests.exit);
  const outcomes = JSON.parse(text(stdout));
  assert.deepEqual(outcomes.map(({ name }: { name: string }) => name), ATTACKS.map((a) => a.name));
  for (const { verdict, why, milliseconds } of outcomes) {
    const isOpen = verdict === "untried" || verdict === "absent";
    assert.ok(verdict === "held" || (isOpen && why.length > 0), verdict);
    assert.ok(milliseconds >= 0);
  }
});

Deno.test("limits are tried alone, on a server that has some", async () => {
  await using server = await startShare(["--requests-per-minute", "300"]);
  const lines = await prints(["share", "attack", server.url, "--limits"]);
  assert.match(lines, /^held +\d+ ms {2}who claims to be somebody else .+\n$/);
});

Deno.test("a server that is broken is named so, with what broke, and the status says it", async () => {
  await using server = await startShare();
  await using proxy = careless(server.url);
  const run = await crypto(["share", "attack", proxy.url, ...QUICK]);
  failedWith("attack_succeeded", run);
  assert.match(text(run.stdout), /^broken +\d+ ms {2}previews.+\n +GET \/: cache-control is ""$/m);
});

/** A proxy that lets answers be stored. */
function careless(origin: string) {
  const onError = () => new Response(null, { status: 502 });
  const options = { hostname: "127.0.0.1", port: 0, onListen() {}, onError };
  const proxy = Deno.serve(options, async (request) => {
    const { pathname, search } = new URL(request.url);
    const { method, headers } = request;
    const body = method === "GET" || method === "HEAD" ? null : await request.arrayBuffer();
    const answer = await fetch(origin + pathname + search, { method, headers, body });
    const kept = new Headers(answer.headers);
    kept.delete("cache-control");
    return new Response(answer.body, { status: answer.status, headers: kept });
  });
  return {
    url: `http://127.0.0.1:${proxy.addr.port}`,
    [Symbol.asyncDispose]: () => proxy.shutdown(),
  };
}

Deno.test("only what is one's own is attacked", async () => {
  const attack = (...args: string[]) => ["share", "attack", ...args];
  await fails("not_confirmed", attack("https://share.example"));
  await fails("not_confirmed", attack(NOWHERE, "--second", "https://share.example"));
  await fails("usage", attack("http://share.example", "--mine"));
  await fails("share_unreachable", attack(NOWHERE));
  for (const odd of ["--rounds=0", "--attempts=1e9", "--rounds=x"]) {
    const { code } = await crypto(attack(NOWHERE, odd));
    assert.equal(code, ERRORS.usage.exit, odd);
  }
});

Deno.test("two servers over two stores are no target", async () => {
  await using server = await startShare();
  await using other = await startShare();
  await fails("usage", ["share", "attack", server.url, "--second", other.url]);
});
