/** The daemon's counters, as Prometheus asks for them. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { ERRORS } from "../../core/errors.ts";
import type { Stale } from "../../core/rpc.ts";
import { Metrics } from "../../server/metrics.ts";
import { activate, socketOf } from "../support/activation.ts";
import {
  DaemonProcess,
  Peer,
  Place,
  request,
  rpc,
  serveToEnd,
  startDaemon,
} from "../support/daemon.ts";
import { linuxTest } from "../support/linux.ts";
import { compiledProgram, must } from "../support/process.ts";
import { eventually } from "../support/wait.ts";

/** A place whose daemon tells its metrics. */
function placeWith(listen: string): Place {
  const place = new Place();
  place.makeOwn();
  Deno.writeTextFileSync(`${place.config}/crypto.toml`, `[metrics]\nlisten = "${listen}"\n`);
  return place;
}

/** Where a daemon says that it listens. */
function addressOf({ stderr }: DaemonProcess): string {
  return /^crypto: metrics at (.+)$/m.exec(stderr)![1]!;
}

/** Sends bytes to an address and gives all that comes. */
async function send(address: string, text: string): Promise<string> {
  const [, host = "", port] = /^\[?(.*?)\]?:(\d+)$/.exec(address) ?? [];
  using connection = address.startsWith("/")
    ? await Deno.connect({ transport: "unix", path: address })
    : await Deno.connect({ hostname: host, port: Number(port) });
  await connection.write(new TextEncoder().encode(text));
  return await new Response(connection.readable).text();
}

const GET = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";

/** The samples by their names and labels; throws for what is not Prometheus's text format. */
function parse(response: string): Map<string, number> {
  const [head = "", body = ""] = response.split("\r\n\r\n");
  assert.match(head, /^HTTP\/1\.1 200 OK\r\nContent-Type: text\/plain; version=0\.0\.4/);
  assert.ok(head.includes(`Content-Length: ${body.length}`));
  assert.ok(body.endsWith("\n"));
  const samples = new Map<string, number>();
  const typed = new Set<string>();
  for (const line of body.trimEnd().split("\n")) {
    const [, name] = /^# TYPE (\w+) (?:counter|gauge|histogram)$/.exec(line) ?? [];
    if (name) typed.add(name);
    if (line.startsWith("#")) continue;
    const sample = /^([a-z_]+)(\{(?:[a-z]+="[\w.+-]*",?)+\})? (-?[\d.e-]+)$/.exec(line);
    assert.ok(sample, line);
    const [, family, labels = "", value] = sample;
    assert.ok(typed.has(family!) || typed.has(family!.replace(/_(bucket|sum|count)$/, "")), line);
    assert.ok(!samples.has(family! + labels), line);
    samples.set(family! + labels, Number(value));
  }
  return samples;
}

Deno.test("what is asked and how it is answered is counted, and nothing of it is told", async () => {
  using place = placeWith("127.0.0.1:0");
  await using daemon = await startDaemon({ place });
  const address = addressOf(daemon);
  await rpc(daemon.socket, "encrypt", { text: "s3cret", context: "s3cret" });
  await rpc(daemon.socket, "encrypt", { text: "x", key: "s3cret" });
  await rpc(daemon.socket, "key.create", { name: "s3cret", purpose: "mac" });
  await rpc(daemon.socket, "key.rotate", { name: "s3cret" });
  using peer = await Peer.connect(daemon.socket);
  await peer.sendLine(`[${request(1, "status")},{},{}]`);
  await peer.line();
  await peer.sendLine("s3cret");
  await peer.line();
  const response = await send(address, GET);
  assert.ok(!response.includes("s3cret"));
  const samples = parse(response);
  const expected = {
    'crypto_requests_total{method="encrypt",code="ok"}': 1,
    'crypto_requests_total{method="encrypt",code="denied"}': 1,
    'crypto_requests_total{method="key.create",code="ok"}': 1,
    'crypto_requests_total{method="status",code="ok"}': 1,
    'crypto_requests_total{method="unknown",code="invalid_request"}': 2,
    'crypto_requests_total{method="unknown",code="parse_error"}': 1,
    "crypto_request_seconds_count": 8,
    'crypto_request_seconds_bucket{le="+Inf"}': 8,
    "crypto_log_failures_total": 0,
    'crypto_keys{purpose="seal"}': 1,
    'crypto_keys{purpose="mac"}': 1,
    'crypto_keys{purpose="fernet"}': 0,
    'crypto_key_versions{purpose="mac"}': 2,
    "crypto_sealed": 0,
    "crypto_connections": 1,
    "crypto_requests_in_flight": 0,
  };
  for (const [name, value] of Object.entries(expected)) {
    assert.equal(samples.get(name), value, name);
  }
  assert.ok(samples.get("process_resident_memory_bytes")! > 10_000_000);
  assert.ok(Math.abs(samples.get("process_start_time_seconds")! - Date.now() / 1_000) < 3_600);
});

Deno.test("a configuration that a reload could not take shows in status and metrics, with its time", async () => {
  using place = placeWith("127.0.0.1:0");
  await using daemon = await startDaemon({ place });
  const address = addressOf(daemon);
  const sample = async () => {
    return parse(await send(address, GET)).get('crypto_stale_since_seconds{part="configuration"}');
  };
  assert.equal(await sample(), 0);
  const before = Date.now();
  const config = `${place.config}/crypto.toml`;
  const right = Deno.readTextFileSync(config);
  const reload = async (text: string) => {
    Deno.writeTextFileSync(config, text);
    const length = daemon.stderr.length;
    daemon.signal("SIGHUP");
    await eventually("it is told", () => daemon.stderr.slice(length).includes("reloaded"));
  };
  await reload("[limits]\nidle_seconds = none\n");
  await reload("[limits]\nidle_seconds = never\n");
  const status = async (...args: string[]) => {
    return await must([compiledProgram(), "status", ...args], { env: place.env });
  };
  const { stale } = JSON.parse(await status("--check", "--json"));
  assert.deepEqual(stale.map(({ part }: Stale) => part), ["configuration"]);
  assert.ok(stale[0].problem.includes(`${config}:2`), stale[0].problem);
  assert.equal(await sample(), Math.floor(Date.parse(stale[0].since) / 1_000));
  assert.ok(Date.parse(stale[0].since) >= before);
  const said = await status("--check");
  assert.match(said, new RegExp(`^stale: +the configuration, since ${stale[0].since}: .*:2`, "m"));
  await reload(right);
  assert.equal(await sample(), 0);
  assert.doesNotMatch(await status(), /^stale/m);
});

Deno.test("a request is in the bucket of its time and in all above", () => {
  const metrics = new Metrics();
  for (const seconds of [0, 0.0001, 0.002, 50]) metrics.answered(seconds, 2);
  const gauges = { version: "0", engine: "none", connections: 0, inFlight: 0, sealed: true };
  const text = metrics.text({ ...gauges, keys: new Map(), stale: [], started: 0, resident: 0 });
  const buckets = [...text.matchAll(/_bucket\{le="(.+)"\} (\d+)/g)].map(([, end, n]) =>
    `${end} ${n}`
  );
  assert.deepEqual(buckets, [
    ...["0.0001 4", "0.00025 4", "0.0005 4", "0.001 4", "0.0025 6", "0.005 6", "0.01 6"],
    ...["0.025 6", "0.1 6", "1 6", "+Inf 8"],
  ]);
});

await linuxTest("answers that the log kept back are counted as such", ["root"], async () => {
  using place = placeWith("unix");
  await using daemon = await startDaemon({ place });
  Deno.removeSync(place.auditLog);
  await must(["mknod", "--mode=600", place.auditLog, "c", "1", "7"]);
  daemon.signal("SIGHUP");
  await eventually("it is reloaded", () => daemon.stderr.includes("crypto: reloaded\n"));
  await rpc(daemon.socket, "encrypt", { text: "x" });
  const samples = parse(await send(addressOf(daemon), GET));
  const failed = 'crypto_requests_total{method="encrypt",code="log_unavailable"}';
  assert.deepEqual([samples.get(failed), samples.get("crypto_log_failures_total")], [1, 1]);
});

Deno.test("the socket beside the daemon's is the owner's and group's, and goes with the daemon", async () => {
  using place = placeWith("unix");
  await using daemon = await startDaemon({ place });
  const address = addressOf(daemon);
  assert.equal(address, `${place.runtime}/metrics.sock`);
  assert.equal(Deno.statSync(address).mode! & 0o777, 0o600);
  parse(await send(address, GET));
  await daemon.kill();
  await using next = await startDaemon({ place });
  parse(await send(addressOf(next), GET));
  await next.stop();
  assert.throws(() => Deno.statSync(address), Deno.errors.NotFound);
});

Deno.test("what is no request for them is answered so, and hung up on", async () => {
  using place = placeWith("[::1]:0");
  await using daemon = await startDaemon({ place });
  const address = addressOf(daemon);
  const status = async (text: string) => (await send(address, text)).slice(9, 12);
  assert.equal(await status(GET.replace("1.1", "1.0")), "200");
  assert.equal(await status(GET.replace("metrics", "")), "404");
  assert.equal(await status(GET.replace("GET", "POST")), "405");
  assert.equal(await status("hello\r\n\r\n"), "400");
  assert.equal(await status(`GET /metrics HTTP/1.1\r\nx: ${"x".repeat(9_000)}`), "431");
});

Deno.test("a taken port, another's address, and what is none end the start", async () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = taken.addr;
  const cases = [
    [`127.0.0.1:${port}`, "already_running"],
    ...["0.0.0.0:1", "localhost:1", ":1", "x", "127.0.0.1:65536"].map(
      (listen) => [listen, "config"],
    ),
  ] as const;
  for (const [listen, code] of cases) {
    using place = placeWith(listen as string);
    const ended = await serveToEnd({ place });
    assert.equal(ended.code, ERRORS[code as "config"].exit, `${listen}: ${ended.stderr}`);
  }
});

await linuxTest("a socket by the name of metrics is handed over", ["activation"], async () => {
  using place = new Place();
  const path = `${place.directory}/anything.sock`;
  const names = ["--fdname", "requests:metrics"];
  const wrapper = activate(socketOf(place), place.env, "--listen", path, ...names);
  await using daemon = new DaemonProcess({ place, wrapper });
  await eventually("the sockets are there", () => daemon.stderr.split("Listening on").length === 3);
  await rpc(socketOf(place), "status");
  const samples = parse(await send(path, GET));
  assert.equal(samples.get('crypto_requests_total{method="status",code="ok"}'), 1);
});

await linuxTest("one that others than this machine reach is refused", ["python3"], async () => {
  const pass = fileURLToPath(new URL("../support/pass.py", import.meta.url));
  const wrapper = ["python3", pass, "a TCP listener for everybody", "1"];
  const { code, stderr } = await serveToEnd({ wrapper, env: { LISTEN_FDNAMES: "metrics" } });
  assert.equal(code, ERRORS.config.exit, stderr);
  assert.ok(stderr.includes("descriptor 3 (metrics)"), stderr);
});

await linuxTest(
  "a daemon that is handed its sockets makes none for metrics",
  ["activation"],
  async () => {
    using place = placeWith("unix");
    await using daemon = new DaemonProcess({
      place,
      wrapper: activate(socketOf(place), place.env),
    });
    await eventually("the socket is there", () => daemon.stderr.includes("Listening on"));
    using _ = await Peer.connect(socketOf(place));
    assert.equal((await daemon.status).code, ERRORS.config.exit, daemon.stderr);
    assert.ok(daemon.stderr.includes("metrics.listen"), daemon.stderr);
  },
);
