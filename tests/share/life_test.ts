/** What survives kills, stops and the passing of time: the compiled server as a whole. */
import assert from "node:assert/strict";
import { toBase64Url } from "../../core/base64.ts";
import { ERRORS } from "../../core/errors.ts";
import { formatUploadPlace } from "../../core/share/wire.ts";
import { call, Victim } from "../../share/attack/victim.ts";
import { eventually } from "../support/wait.ts";
import { ShareProcess, startShare, UNHURRIED } from "./server_support.ts";
import { filesHold } from "./support.ts";

/** A store that outlives its servers. */
class Place implements Disposable {
  readonly directory = Deno.makeTempDirSync({ prefix: "cts-" });

  start(): Promise<ShareProcess> {
    return startShare(UNHURRIED, this.directory);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.directory, { recursive: true });
  }
}

Deno.test("a taker whose server is killed before it answers asks again, a stranger gets nothing", async () => {
  using place = new Place();
  let server = await place.start();
  try {
    for (let round = 0; round < 10; round++) {
      const victim = await new Victim().create(server.url);
      const claim = victim.claim();
      // The kill comes sooner or later each round: before the write, or after it.
      const lost = call(server.url, "take", claim).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, round / 2));
      await server.end("SIGKILL");
      await lost;
      server = await place.start();
      const again = await call(server.url, "take", claim);
      assert.equal(again.json.body, toBase64Url(victim.content), again.text);
      assert.equal((await call(server.url, "take", victim.claim())).status, 410);
    }
  } finally {
    await server[Symbol.asyncDispose]();
  }
});

Deno.test("no unread secret is lost by a kill, nor by a stop", async () => {
  using place = new Place();
  for (const signal of ["SIGKILL", "SIGTERM"] as const) {
    const server = await place.start();
    const victims: Victim[] = [];
    for (let i = 0; i < 20; i++) victims.push(await new Victim().create(server.url));
    const { code } = await server.end(signal);
    assert.equal(code, signal === "SIGTERM" ? 0 : 137);
    await using next = await place.start();
    for (const victim of victims) {
      const { json } = await call(next.url, "take", victim.claim());
      assert.equal(json.body, toBase64Url(victim.content));
    }
  }
});

Deno.test("ten seconds after it is acknowledged no file of the store holds the ciphertext", async () => {
  await using server = await startShare();
  for (const size of [1024, 200_000]) {
    const victim = await new Victim({ size }).create(server.url);
    const needle = victim.content.subarray(size / 2, size / 2 + 64);
    assert.ok(filesHold(server.directory, needle), "the search finds what is there");
    const claim = victim.claim();
    await call(server.url, "take", claim);
    const { status } = await call(server.url, "acknowledge", {
      id: victim.id,
      claimToken: claim.claimToken,
    });
    assert.equal(status, 204);
    await eventually("it is erased", () => !filesHold(server.directory, needle), 10_000);
  }
});

Deno.test("a server says nothing of what it is asked", async () => {
  await using server = await startShare(["--requests-per-minute", "20"]);
  const victim = await new Victim().create(server.url);
  for (let i = 0; i < 40; i++) await call(server.url, "take", victim.claim());
  await fetch(`${server.url}/s%23${victim.link.linkProof}`).then((page) => page.text());
  await server.end("SIGTERM");
  const lines = server.stderr.trim().split("\n");
  assert.deepEqual(lines.map((line) => /sharing at|without TLS|stopped/.exec(line)?.[0]), [
    "sharing at",
    "without TLS",
    "stopped",
  ]);
});

Deno.test("a body of 300 MB is no reason for much memory", async () => {
  await using server = await startShare();
  const size = 300_000_000;
  const victim = new Victim({ size: 300_000 });
  await call(server.url, "create", await victim.creation({ size }));
  for (let offset = 0; offset < size;) {
    const up = await fetch(`${server.url}/api/upload`, {
      method: "POST",
      headers: { "crypto-share": formatUploadPlace({ ...victim.place, offset }) },
      body: new Uint8Array(10_000_000),
    });
    offset = (await up.json()).offset;
  }
  const claim = victim.claim();
  await call(server.url, "take", claim);
  const down = await fetch(`${server.url}/api/body`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ id: victim.id, claimToken: claim.claimToken, offset: 0 }),
  });
  let got = 0;
  for await (const piece of down.body!) got += piece.length;
  assert.equal(got, size);
  const peak = Number(
    /VmHWM:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${server.pid}/status`))![1],
  );
  assert.ok(peak < 150_000, `${peak} kB`);
});

Deno.test("settings that are wrong keep a server from starting, and are named", async () => {
  using place = new Place();
  const file = `${place.directory}/share.toml`;
  Deno.writeTextFileSync(file, "max_tll = 60\n");
  const wrong = [
    [["--max-ttl", "59"], "maxTtl"],
    [["--max-views", "1.5"], "maxViews"],
    [["--metrics", "somewhere"], "metrics"],
    [["--origin", "https://host/path"], "origin"],
    [["--origin", "javascript:1"], "origin"],
    [["--origin", "http://share.example.org"], "origin"],
    [["--listen", "0.0.0.0:0"], "origin"],
    [["--listen", "[::]:0"], "origin"],
    [["--proxies", "127.0.0.1,localhost"], "proxies"],
    [["--config", file], "max_tll"],
    [["--config", `${file}.absent`], ".absent"],
  ] as const;
  for (const [args, named] of wrong) {
    const server = new ShareProcess(args, place.directory);
    const { code } = await server.end("SIGCONT");
    assert.equal(code, ERRORS.config.exit, args.join(" "));
    assert.ok(server.stderr.includes(named), server.stderr);
  }
});

Deno.test("a directory that others can look into is refused", async () => {
  using place = new Place();
  Deno.chmodSync(place.directory, 0o755);
  const server = new ShareProcess([], place.directory);
  const { code } = await server.end("SIGCONT");
  assert.equal(code, ERRORS.unsafe_path.exit);
});

Deno.test("a directory in which nothing can be made is named", async () => {
  using place = new Place();
  Deno.writeTextFileSync(`${place.directory}/bodies`, "in the way");
  const server = new ShareProcess([], place.directory);
  const { code } = await server.end("SIGCONT");
  assert.equal(code, ERRORS.io.exit);
  assert.ok(server.stderr.includes(place.directory), server.stderr);
});

Deno.test("a flag goes before the environment, that before the file", async () => {
  using place = new Place();
  const file = `${place.directory}/share.toml`;
  Deno.writeTextFileSync(
    file,
    'max_ttl = 100\nmax_views = 3\norigin = "https://share.example.org"\n',
  );
  await using server = await startShare(["--config", file, "--max-ttl", "200"], place.directory);
  const create = async (more: object) =>
    (await call(server.url, "create", await new Victim().creation(more))).status;
  assert.equal(await create({ ttl: 200, views: 3 }), 201);
  assert.equal(await create({ ttl: 201, views: 3 }), 422);
  assert.equal(await create({ ttl: 200, views: 4 }), 422);
  assert.ok(server.stderr.includes("https://share.example.org"), server.stderr);
  const { headers } = await call(server.url, "look", {});
  assert.ok(headers.has("strict-transport-security"));
});

Deno.test("the counts are on a listener of their own, and tell of no secret", async () => {
  await using server = await startShare([...UNHURRIED, "--metrics", "127.0.0.1:0"]);
  const victim = await new Victim().create(server.url);
  const outside = await fetch(`${server.url}/metrics`);
  assert.equal(outside.status, 404);
  await outside.body?.cancel();
  const port = server.stderr.match(/metrics at (\S+)/)![1];
  const text = await (await fetch(`http://${port}/metrics`)).text();
  assert.ok(text.includes('crypto_share_requests_total{operation="create",status="201"} 1'), text);
  assert.ok(text.includes("crypto_share_secrets 1"), text);
  assert.ok(!text.includes(victim.id));
  const head = await fetch(`http://${port}/metrics`, { method: "HEAD" });
  assert.deepEqual([head.status, await head.text()], [200, ""]);
  const statusOf = async (path: string, method = "GET") => {
    const response = await fetch(`http://${port}${path}`, { method });
    await response.body?.cancel();
    return response.status;
  };
  for (const path of ["/", "/metrics/", "/healthz", "/s", "/api/look"]) {
    assert.equal(await statusOf(path), 404, path);
  }
  assert.equal(await statusOf("/metrics", "POST"), 405);
});

Deno.test("a wrong method is told those that the path has, and nothing is nothing by any method", async () => {
  await using server = await startShare(["--managed"]);
  await using unmanaged = await startShare();
  const asked = async (url: string, method: string) => {
    const response = await fetch(url, { method });
    await response.body?.cancel();
    return [response.status, response.headers.get("allow")];
  };
  const allowed = {
    "/": "GET, HEAD",
    "/s%23x": "GET, HEAD",
    "/page.js": "GET, HEAD",
    "/healthz": "GET, HEAD",
    "/managed": "GET, HEAD, POST",
    "/managed/open": "POST",
    "/api/take": "POST",
    "/api/upload": "POST",
  };
  for (const [path, methods] of Object.entries(allowed)) {
    for (const method of ["PUT", "DELETE", "OPTIONS", "GET", "POST"]) {
      if (methods.includes(method)) continue;
      assert.deepEqual(await asked(server.url + path, method), [405, methods], method + path);
    }
  }
  const nothing = [`${server.url}/x`, `${server.url}/api/x`, `${unmanaged.url}/managed`];
  for (const url of nothing) {
    for (const method of ["PUT", "GET", "POST"]) {
      assert.deepEqual(await asked(url, method), [404, null], method + url);
    }
  }
});
