/** A disk that does not confirm a write: nothing is written after it, and the server ends. */
import assert from "node:assert/strict";
import { randomBytes } from "../../core/bytes.ts";
import { call, Victim } from "../../share/attack/victim.ts";
import { ShareApp } from "../../share/app.ts";
import type { Sync } from "../../share/embedded/database.ts";
import { EmbeddedStore } from "../../share/embedded/store.ts";
import { linuxTest } from "../support/linux.ts";
import { kill } from "../support/process.ts";
import { eventually, soon } from "../support/wait.ts";
import { claimTo, newSecret, taken, TEST_QUOTAS } from "./contract_support.ts";
import { rejectsWith } from "../core/support.ts";
import { startShare } from "./server_support.ts";

/** A store whose disk confirms or not as it is told. */
class OnDisk implements AsyncDisposable {
  readonly directory = Deno.makeTempDirSync({ prefix: "cts-" });
  failure: Error | undefined;
  readonly #sync: Sync = () => this.failure ? Promise.reject(this.failure) : Promise.resolve();
  readonly store = new EmbeddedStore(this.directory, TEST_QUOTAS, this.#sync);

  /** What another process finds in it. */
  async reopened<T>(use: (store: EmbeddedStore) => Promise<T>): Promise<T> {
    const store = new EmbeddedStore(this.directory, TEST_QUOTAS);
    try {
      return await use(store);
    } finally {
      await store.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.store.close().catch(() => {});
    Deno.removeSync(this.directory, { recursive: true });
  }
}

function systemError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

for (
  const [code, told] of [["EIO", "io"], ["ENOSPC", "share_full"], ["EDQUOT", "share_full"]] as const
) {
  Deno.test(`after ${code} from the disk a secret is neither given nor used up`, async () => {
    await using disk = new OnDisk();
    const { store } = disk;
    const [unread, body] = [newSecret(), randomBytes(1024)];
    await store.create(unread, body, Date.now());
    disk.failure = systemError(code);
    await rejectsWith(told, store.create(newSecret(), randomBytes(1024), Date.now()));
    assert.equal(store.failed?.code, told);
    // What it says later is not believed.
    disk.failure = undefined;
    const claim = claimTo(unread);
    await rejectsWith(told, store.take(claim, Date.now()));
    await rejectsWith(told, store.acknowledge(unread.id, claim.claimTokenHash, Date.now()));
    await rejectsWith(told, store.sweep(Date.now()));
    const found = await disk.reopened((other) => other.take(claimTo(unread), Date.now()));
    assert.deepEqual(taken(found).body, body);
  });
}

Deno.test("who asks for its health is told that the disk has failed", async () => {
  await using disk = new OnDisk();
  const failures: string[] = [];
  const app = new ShareApp({
    store: disk.store,
    allowed: { ttl: 2_592_000, views: 100, size: 1e7 },
    clock: Date.now,
    origin: "http://127.0.0.1",
    rates: { requests: 1e7, creations: 1e7 },
    proxies: new Set(),
    managed: false,
    onFailure: ({ code }) => failures.push(code),
  });
  const health = async () => {
    return (await app.handle(new Request("http://127.0.0.1/healthz"), "127.0.0.1")).status;
  };
  assert.equal(await health(), 200);
  disk.failure = systemError("EIO");
  const request = new Request("http://127.0.0.1/api/create", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(await new Victim().creation()),
  });
  assert.equal((await app.handle(request, "127.0.0.1")).status, 500);
  assert.deepEqual([await health(), failures], [503, ["io"]]);
});

await linuxTest(
  "a server whose disk has failed once ends, and another finds every unread secret",
  ["root", "strace"],
  async () => {
    await using server = await startShare();
    const victim = await new Victim().create(server.url);
    using _ = await failingSync(server.pid);
    await new Victim().create(server.url).catch(() => {});
    const { code } = await soon("the server's end", server.status);
    assert.equal(code, 74, server.stderr);
    await using next = await startShare(undefined, server.directory);
    assert.equal((await call(next.url, "take", victim.claim())).status, 200);
  },
);

/** Makes every confirmation of the disk fail, for a process that runs. */
async function failingSync(pid: number): Promise<Disposable> {
  const inject = ["-e", "trace=fdatasync", "-e", "inject=fdatasync:error=EIO"];
  const child = new Deno.Command("strace", {
    args: ["-f", "-p", `${pid}`, ...inject],
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  let said = "";
  void (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) said += text;
  })();
  await eventually("strace is attached", () => said.includes("attached"));
  return { [Symbol.dispose]: () => kill(child, "SIGKILL") };
}
