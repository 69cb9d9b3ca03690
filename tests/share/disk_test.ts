/** A disk without room, and quotas: what is new is refused, what is there stays. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { toBase64Url } from "../../core/base64.ts";
import { formatUploadPlace } from "../../core/share/wire.ts";
import { call, post, stillReads, Victim } from "../../share/attack/victim.ts";
import { EmbeddedStore } from "../../share/embedded/store.ts";
import { linuxTest, onSmallDisk, shellInMountsOf } from "../support/linux.ts";
import { eventually } from "../support/wait.ts";
import { ShareProcess, startShare, UNHURRIED } from "./server_support.ts";
import { filesHold } from "./support.ts";

const FULL = 507;

async function create(url: string, size = 100_000) {
  const victim = new Victim({ size });
  const { status, json } = await call(url, "create", await victim.creation());
  return { victim, status, error: json.error };
}

async function upload(url: string, victim: Victim, offset: number) {
  const response = await post(url, "upload", {
    headers: { "crypto-share": formatUploadPlace({ ...victim.place, offset }) },
    body: victim.content.slice(offset),
  });
  const json = await response.json() as { offset?: number; error?: string };
  return { status: response.status, ...json };
}

await linuxTest(
  "a full disk refuses what is new, and what was there is read when there is room again",
  ["root", "mounts"],
  async () => {
    const directory = Deno.makeTempDirSync({ prefix: "cts-" });
    const wrapper = onSmallDisk(directory, "8m");
    // The mount's own directory is everybody's: the store is one below it.
    const store = `${directory}/store`;
    await using server = await new ShareProcess(UNHURRIED, store, wrapper).ready();
    const inside = (script: string) => shellInMountsOf(server.pid, script, directory);
    const { url } = server;

    const kept = (await create(url)).victim;
    const large = await new Victim({ size: 5_000_000 }).create(url);
    await inside('dd if=/dev/zero of="$1/filler" bs=64k count=72 2>/dev/null');
    const cut = await upload(url, large, 0);
    assert.deepEqual([cut.status, cut.error], [FULL, "share_full"]);
    const other = await create(url);
    assert.equal(other.status, 201, "what was not kept of an upload takes no room from others");
    await inside('dd if=/dev/zero of="$1/filler2" bs=4k 2>/dev/null || true');
    const refused = await create(url);
    assert.deepEqual([refused.status, refused.error], [FULL, "share_full"]);
    assert.equal((await call(url, "look", kept.link)).status, 200);
    assert.equal(await fetch(`${url}/healthz`).then((r) => r.text()), "ok\n");

    await inside('rm "$1"/filler*');
    await stillReads(url, kept);
    const uploadToken = toBase64Url(large.uploadToken);
    const state = await call(url, "upload-state", { id: large.id, uploadToken });
    assert.equal((await upload(url, large, Number(state.json.offset))).offset, 5_000_000);
    assert.equal((await create(url)).status, 201);
    assert.ok(!server.stderr.includes("internal"), server.stderr);
    Deno.removeSync(directory, { recursive: true });
  },
);

Deno.test("quotas refuse what is new, leave what is there, and come free again", async () => {
  const quotas = ["--disk-bytes", "1000000", "--client-bytes", "400000"];
  await using server = await startShare([...UNHURRIED, ...quotas, "--proxies", "127.0.0.1"]);
  const { url } = server;
  const from = async (client: string) => {
    const victim = new Victim({ size: 100_000 });
    const headers = { "x-forwarded-for": client };
    const { status } = await call(url, "create", await victim.creation(), { headers });
    return { victim, status };
  };
  const fill = async (client: string) => {
    const made = [];
    for (let one = await from(client); one.status === 201; one = await from(client)) {
      made.push(one.victim);
    }
    return made;
  };
  const first = await fill("192.0.2.1");
  assert.equal(first.length, 3);
  assert.deepEqual([(await fill("2001:db8::1")).length, (await fill("2001:db8::2")).length], [
    3,
    0,
  ]);
  assert.equal((await fill("192.0.2.2")).length, 3);
  assert.equal((await from("192.0.2.3")).status, FULL);
  await stillReads(url, first[0]!);
  await call(url, "revoke", first[1]!.held);
  assert.equal((await from("192.0.2.1")).status, 201);
});

/** The key under which a store keeps who pays for what. */
function clientKey(directory: string): Uint8Array {
  using database = new DatabaseSync(`${directory}/share.db`, { readOnly: true });
  const { value } = database.prepare("SELECT value FROM settings").get() as { value: Uint8Array };
  return value;
}

Deno.test("two servers that were never told anything have no secret in common", async () => {
  await using one = await startShare();
  await using other = await startShare();
  const keys = [one, other].map(({ directory }) => clientKey(directory));
  assert.notDeepEqual(keys[0], keys[1]);
  for (const key of keys) assert.ok(key.some((byte) => byte !== 0));
});

Deno.test("what is erased is gone when a reader that held up the log has ended", async () => {
  await using server = await startShare();
  const victim = new Victim({ size: 50_000 });
  await victim.create(server.url);
  const needle = victim.content.subarray(25_000, 25_064);
  const reader = new DatabaseSync(`${server.directory}/share.db`, { readOnly: true });
  reader.exec("BEGIN");
  reader.prepare("SELECT count(*) FROM secrets").get();
  await call(server.url, "revoke", victim.held);
  const store = new EmbeddedStore(server.directory, { total: 1e9, perClient: 1e9 });
  await store.sweep(Date.now());
  assert.ok(filesHold(server.directory, needle), "the reader holds up what it reads");
  await store.close();
  reader.close();
  await eventually("it is erased", () => !filesHold(server.directory, needle), 10_000);
});
