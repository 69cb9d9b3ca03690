import assert from "node:assert/strict";
import { MAX_LINE } from "../../core/rpc.ts";
import { codeOf, Peer, request, resultOf } from "../support/daemon.ts";
import { eventually } from "../support/wait.ts";
import { LocalDaemon } from "./support.ts";

async function serves(daemon: LocalDaemon): Promise<void> {
  assert.equal(resultOf(await daemon.one("status")).keys, 1);
}

/** The codes in the log, of what was refused. */
function refusals(daemon: LocalDaemon): (readonly [op: string, code: string])[] {
  return daemon.log().flatMap(({ op, error }) => error ? [[op, error] as const] : []);
}

/** A request of exactly so many bytes. */
function lineOf(length: number): string {
  const empty = request(1, "encrypt", { text: "", context: "" });
  const context = "c".repeat(1_000);
  const text = "x".repeat(length - empty.length - context.length);
  return request(1, "encrypt", { text, context });
}

Deno.test("a line of 1 MiB is answered, and one byte more ends the connection", async () => {
  await using daemon = await LocalDaemon.start();
  using peer = await daemon.connect();
  assert.equal(lineOf(MAX_LINE).length, 1_048_576);
  await peer.sendLine(lineOf(MAX_LINE));
  assert.ok(resultOf(await peer.answer()).message);
  await peer.sendLine(lineOf(MAX_LINE + 1));
  assert.equal(codeOf(await peer.answer()), "line_too_long");
  assert.equal(await peer.line(), undefined);
  assert.deepEqual(refusals(daemon), [["connection", "line_too_long"]]);
  await serves(daemon);
});

Deno.test("a line that is too long is refused before it ends, after what came before", async () => {
  await using daemon = await LocalDaemon.start();
  using peer = await daemon.connect();
  await peer.send(`${request(1, "status")}\n${request(2, "status")}\n${"x".repeat(MAX_LINE + 1)}`);
  assert.deepEqual([(await peer.answer()).id, (await peer.answer()).id], [1, 2]);
  assert.equal(codeOf(await peer.answer()), "line_too_long");
  assert.equal(await peer.line(), undefined);
  await serves(daemon);
});

Deno.test("connections of one user have a limit, and room again when one closes", async () => {
  await using daemon = await LocalDaemon.start({ connectionsPerUser: 3 });
  const peers = await connectMany(daemon, 3);
  using refused = await daemon.connect();
  assert.equal(codeOf(await refused.answer()), "too_many_connections");
  assert.equal(await refused.line(), undefined);
  peers[0]!.close();
  await eventually("there is room", () => admits(daemon));
  for (const peer of peers) peer.close();
});

Deno.test("connections in all have a limit", async () => {
  await using daemon = await LocalDaemon.start({ connections: 2 });
  const peers = await connectMany(daemon, 2);
  using refused = await daemon.connect();
  assert.equal(codeOf(await refused.answer()), "too_many_connections");
  assert.deepEqual(refusals(daemon), [["connect", "too_many_connections"]]);
  for (const peer of peers) peer.close();
  await eventually("there is room", () => admits(daemon));
});

/** Connections that have been admitted. */
async function connectMany(daemon: LocalDaemon, count: number): Promise<Peer[]> {
  const peers: Peer[] = [];
  for (let i = 0; i < count; i++) {
    const peer = await daemon.connect();
    await peer.sendLine(request(1, "status"));
    assert.equal(resultOf(await peer.answer()).connections, i + 1);
    peers.push(peer);
  }
  return peers;
}

async function admits(daemon: LocalDaemon): Promise<boolean> {
  using peer = await daemon.connect();
  // A peer that is refused may be so before it has sent anything.
  await peer.sendLine(request(1, "status")).catch(() => {});
  return (await peer.answer()).result !== undefined;
}

Deno.test("requests in flight have a limit, and the connection stays", async () => {
  await using daemon = await LocalDaemon.start({ requestsPerUser: 10 });
  using peer = await daemon.connect();
  const batch = (length: number) => `[${Array(length).fill(request(1, "status")).join(",")}]`;
  await peer.sendLine(batch(11));
  const refused = JSON.parse((await peer.line())!);
  assert.deepEqual(refused.map(codeOf), Array(11).fill("too_many_requests"));
  await peer.sendLine(batch(10));
  assert.equal(JSON.parse((await peer.line())!).map(resultOf).length, 10);
  assert.deepEqual(daemon.log().flatMap(({ error, requests }) => error ? [requests] : []), [11]);
});

Deno.test("a silent connection is told that it idled, and closed", async () => {
  await using daemon = await LocalDaemon.start({ idle: 50, line: 50 });
  using peer = await daemon.connect();
  await peer.sendLine(request(1, "status"));
  assert.ok((await peer.answer()).result);
  assert.equal(codeOf(await peer.answer()), "idle_timeout");
  assert.equal(await peer.line(), undefined);
  assert.deepEqual(refusals(daemon), [["connection", "idle_timeout"]]);
  await serves(daemon);
});

Deno.test("a line that drips in is cut off, however lively it drips", async () => {
  await using daemon = await LocalDaemon.start({ line: 100 });
  using peer = await daemon.connect();
  const started = Date.now();
  const dripping = drip(peer);
  assert.equal(codeOf(await peer.answer()), "line_timeout");
  assert.equal(await peer.line(), undefined);
  assert.ok(Date.now() - started >= 100);
  await dripping;
  assert.deepEqual(refusals(daemon), [["connection", "line_timeout"]]);
  await serves(daemon);
});

async function drip(peer: Peer): Promise<void> {
  const until = Date.now() + 20_000;
  try {
    while (Date.now() < until) {
      await peer.send(" ");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  } catch {
    // Cut off, as it should be.
  }
}

Deno.test("a peer that reads nothing is cut off, and holds up nobody", async () => {
  await using daemon = await LocalDaemon.start({ write: 300, line: 100 });
  using peer = await daemon.connect();
  const line = request(1, "encrypt", { text: "x".repeat(100_000) }) + "\n";
  const sending = assert.rejects(async () => {
    for (let i = 0; i < 10_000; i++) await peer.send(line);
  });
  await serves(daemon);
  await sending;
  await eventually("it is gone", async () => {
    return resultOf(await daemon.one("status")).connections === 1;
  });
});

Deno.test("a peer that reads slowly, but reads, is not cut off", async () => {
  await using daemon = await LocalDaemon.start({ write: 400, line: 200 });
  using peer = await daemon.connect();
  const line = request(1, "encrypt", { text: "x".repeat(100_000) }) + "\n";
  const sending = peer.send(line.repeat(12));
  let received = 0;
  const buffer = new Uint8Array(50_000);
  while (received < 12 * 133_333) {
    const length = await peer.connection.read(buffer);
    assert.notEqual(length, null, `cut off after ${received} bytes`);
    received += length!;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await sending;
  await serves(daemon);
});

Deno.test("a half-open peer is let go after its answers, and a vanished one at once", async () => {
  await using daemon = await LocalDaemon.start();
  using half = await daemon.connect();
  await half.send(request(1, "status"));
  await half.closeWrite();
  assert.equal((await half.answer()).id, 1);
  assert.equal(await half.line(), undefined);
  const vanishing = await daemon.connect();
  await vanishing.send(`${request(1, "encrypt", { text: "x".repeat(10_000) })}\n`.repeat(4));
  vanishing.close();
  await eventually("nobody is left", async () => {
    return resultOf(await daemon.one("status")).connections === 1;
  });
});
