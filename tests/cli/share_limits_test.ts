/** The command line and a server that allows less than is usual. */
import assert from "node:assert/strict";
import { startShare } from "../share/server_support.ts";
import { plainEnvironment } from "../support/process.ts";
import { crypto, fails, Folder, prints, sample } from "./support.ts";

const DAYS = 5 * 86_400;
const LIMITS = ["--max-ttl", `${DAYS}`, "--max-views", "3", "--max-bytes", "2000000"];

const server = await startShare(LIMITS);
const hasty = await startShare(["--max-ttl", "3600"]);
Deno.test.afterAll(async () => {
  await hasty[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

function envOf({ url, directory }: typeof server) {
  return { ...plainEnvironment(), HOME: directory, CRYPTO_SHARE_SERVER: url };
}
const env = envOf(server);

async function statusOf(holder: string, at = env) {
  return JSON.parse(await prints(["share", "status", "--json", holder], { env: at }));
}

Deno.test("what nobody says is what is usual, or as much of it as the server allows", async () => {
  using folder = new Folder();
  const asked = JSON.parse(await prints(["share", "request", "--json"], { env }));
  assert.equal((await statusOf(asked.ownLink)).ttl, DAYS);
  const answer = ["share", "send", "--json", "--to", asked.link];
  await fails("share_refused", [...answer, folder.write("large", sample(2_000_000))], { env });
  await prints([...answer, folder.write("fits", sample(1_800_000))], { env });
  const ttlAt = async (at: typeof env) => {
    const sent = await prints(["share", "send", "--json"], { env: at, stdin: "x" });
    return (await statusOf(JSON.parse(sent).receipt, at)).ttl;
  };
  assert.equal(await ttlAt(env), 86_400);
  assert.equal(await ttlAt(envOf(hasty)), 3_600);
});

Deno.test("what somebody says and the server does not allow is refused with its limit", async () => {
  using folder = new Folder();
  const large = folder.write("large", sample(2_000_000));
  const refusals: readonly (readonly [args: readonly string[], limit: RegExp])[] = [
    [["request", "--ttl", "7d"], /at most 5d\n/],
    [["request", "--max-size", "2M"], /at most 2000000 bytes, encrypted\n/],
    [["send", "--ttl", "121h"], /at most 5d\n/],
    [["send", "--views", "4"], /at most 3 views\n/],
    [["send", large], /at most 2000000 bytes, encrypted\n/],
  ];
  for (const [args, limit] of refusals) {
    const { stderr } = await fails("share_refused", ["share", ...args], { env, stdin: "x" });
    assert.match(stderr, limit);
  }
  const most = ["share", "send", "--ttl", "5d", "--views", "3"];
  assert.equal((await crypto(most, { env, stdin: "x" })).code, 0);
});
