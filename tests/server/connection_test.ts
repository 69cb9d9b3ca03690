/** A connection by itself: the test is its transport, and lets its service answer. */
import assert from "node:assert/strict";
import { utf8 } from "../../core/bytes.ts";
import type { Call } from "../../core/calls.ts";
import { CryptoError } from "../../core/errors.ts";
import type { Receiver, Transport } from "../../server/channel.ts";
import { Connection } from "../../server/connection.ts";
import type { Identity } from "../../server/identity.ts";
import { Admission, DEFAULT_LIMITS, type Limits } from "../../server/limits.ts";
import { Metrics } from "../../server/metrics.ts";
import type { Outcome } from "../../server/outcome.ts";
import type { Service } from "../../server/service.ts";
import { DEFAULT_AUDIT_LIMITS } from "../../server/audit/files.ts";
import { AuditLog, type AuditTarget } from "../../server/audit/log.ts";
import { Turns } from "../../server/turns.ts";
import { request, type WireAnswer } from "../support/peer.ts";
import { eventually } from "../support/wait.ts";
import { targetOf } from "./support.ts";

const WHO: Identity = { pid: 1, uid: 1_000, gid: 1_000, groups: [] };

/** A service whose calls wait until they are let go. */
class HeldService {
  readonly waiting: (() => void)[] = [];
  readonly done: string[] = [];

  handle(_who: Identity, { method }: Call): Promise<Outcome> {
    return new Promise((resolve) => {
      this.waiting.push(() => {
        this.done.push(method);
        resolve({ result: {}, decision: { op: method } });
      });
    });
  }

  /** Lets the next call go, once there is one. */
  async release(): Promise<void> {
    await eventually("a call waits", () => this.waiting.length > 0);
    this.waiting.shift()!();
  }
}

/** The daemon's end of a connection, and what it has written so far. */
class Wire implements Transport {
  written = "";
  waiting = 0;
  taken = 0;
  paused = false;
  /** While set, nothing that is sent leaves. */
  stalled = false;
  readonly happened: string[] = [];
  #receiver: Receiver | undefined;
  #untold: (() => void)[] = [];
  #whenSent: (() => void)[] = [];
  #ending = false;
  #destroyed = false;

  tell(receiver: Receiver): void {
    this.#receiver = receiver;
  }

  pause(): void {
    this.paused = true;
    this.happened.push("pause");
  }

  resume(): void {
    this.paused = false;
    this.happened.push("resume");
    for (const tell of this.#untold.splice(0)) this.#later(tell);
  }

  send(bytes: Uint8Array): void {
    this.written += new TextDecoder().decode(bytes);
    if (this.stalled) this.waiting += bytes.length;
    else this.taken += bytes.length;
  }

  sent(): Promise<void> {
    if (this.waiting === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenSent.push(resolve));
  }

  end(): void {
    this.#ending = true;
    if (this.waiting === 0) this.destroy();
  }

  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#receiver!.closed();
  }

  /** The peer takes what waits. */
  take(): void {
    this.stalled = false;
    this.taken += this.waiting;
    this.waiting = 0;
    for (const resolve of this.#whenSent) resolve();
    if (this.#ending) this.destroy();
  }

  says(text: string): void {
    this.#later(() => this.#receiver!.data(utf8(text)));
  }

  saysNoMore(): void {
    this.#later(() => this.#receiver!.end());
  }

  #later(tell: () => void): void {
    if (this.paused) this.#untold.push(tell);
    else if (!this.#destroyed) tell();
  }

  answers(): WireAnswer[] {
    const lines = this.written.split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as WireAnswer);
  }
}

interface Setup {
  readonly limits?: Partial<Limits>;
  readonly file?: Pick<AuditTarget, "write">;
}

/** Connections that share a service and a log. */
function setup({ limits = {}, file }: Setup = {}) {
  const service = new HeldService();
  const admission = new Admission({ ...DEFAULT_LIMITS, ...limits });
  const lines: string[] = [];
  const toMemory = { write: (bytes: Uint8Array) => lines.push(new TextDecoder().decode(bytes)) };
  const target = targetOf((bytes) => (file ?? toMemory).write(bytes));
  const log = AuditLog.on(target, { limits: DEFAULT_AUDIT_LIMITS });
  const turns = new Turns(() => {});
  let closed = 0;
  const connect = () => {
    const wire = new Wire();
    const parts = {
      ...{ service: service as unknown as Service, admission, log, turns },
      metrics: new Metrics(),
    };
    const connection = new Connection(WHO, wire, {
      ...parts,
      closed: () => closed++,
    });
    return { wire, connection };
  };
  return { service, turns, connect, logged: () => lines.join(""), closed: () => closed };
}

function codes(wire: Wire): (string | undefined)[] {
  return wire.answers().map(({ error }) => error?.data.code);
}

async function answered(wire: Wire, count: number): Promise<void> {
  await eventually("the answers are written", () => wire.answers().length >= count);
}

Deno.test("no answer is written before its line is in the log", async () => {
  const order: string[] = [];
  const wires: Wire[] = [];
  const file = { write: () => order.push(`logged, ${wires[0]!.written.length} written`) };
  const { service, connect } = setup({ file });
  const { wire, connection } = connect();
  wires.push(wire);
  wire.says(`[${request(1, "status")},${request(2, "status")}]\n`);
  await service.release();
  assert.deepEqual([order, wire.written], [[], ""]);
  await service.release();
  await answered(wire, 1);
  assert.deepEqual(order, ["logged, 0 written"]);
  connection.destroy();
});

Deno.test("a log that fails withholds the answers of its group, and no others", async () => {
  let full = false;
  const file = {
    write() {
      if (full) throw new Error("no space");
    },
  };
  const { service, connect } = setup({ file });
  const { wire, connection } = connect();
  wire.says(request(1, "status") + "\n");
  await service.release();
  await answered(wire, 1);
  full = true;
  wire.says(`${request(2, "status")}\n[${request(3, "status")},1]\n{"command":"x"}\n`);
  for (let i = 0; i < 2; i++) await service.release();
  await answered(wire, 4);
  const [first, second, batch, legacy] = wire.answers();
  assert.ok(first!.result);
  assert.equal(second!.error!.data.code, "log_unavailable");
  const inBatch = batch as unknown as WireAnswer[];
  assert.deepEqual(inBatch.map(({ id, error }) => [id, error!.data.code]), [
    [3, "log_unavailable"],
  ]);
  assert.equal((legacy as unknown as { status: string }).status, "error");
  full = false;
  wire.says(request(5, "status") + "\n");
  await service.release();
  await answered(wire, 5);
  assert.ok(wire.answers()[4]!.result);
  connection.destroy();
});

Deno.test("what ends a connection is not said when it cannot be logged", async () => {
  const file = {
    write() {
      throw new Error("no space");
    },
  };
  const { connect, closed } = setup({ file, limits: { idle: 10 } });
  const { wire, connection } = connect();
  connection.checkTimes(performance.now() + 1_000);
  await eventually("the connection is closed", () => closed() === 1);
  assert.equal(wire.written, "");
});

Deno.test("requests beyond the limit in flight are refused undone, and later ones are done", async () => {
  const { service, connect, logged } = setup({ limits: { requestsPerUser: 3 } });
  const one = connect();
  const two = connect();
  one.wire.says(`[${request(1, "status")},${request(2, "status")}]\n`);
  await eventually("the first waits", () => service.waiting.length === 1);
  two.wire.says(`[${request(3, "key.list")},${request(4, "key.list")}]\n`);
  await answered(two.wire, 1);
  const refused = two.wire.answers()[0] as unknown as WireAnswer[];
  assert.deepEqual(refused.map(({ id, error }) => [id, error!.data.code]), [
    [3, "too_many_requests"],
    [4, "too_many_requests"],
  ]);
  assert.equal(
    logged().match(
      /"requests":2,"error":"too_many_requests"|"error":"too_many_requests","requests":2/g,
    )!.length,
    1,
  );
  for (let i = 0; i < 2; i++) await service.release();
  await answered(one.wire, 1);
  two.wire.says(`[${request(5, "status")},${request(6, "status")},${request(7, "status")}]\n`);
  for (let i = 0; i < 3; i++) await service.release();
  await answered(two.wire, 2);
  assert.deepEqual(service.done, ["status", "status", "status", "status", "status"]);
  one.connection.destroy();
  two.connection.destroy();
});

Deno.test("requests of a connection that was closed meanwhile are counted down once", async () => {
  const { service, connect, closed } = setup({ limits: { requestsPerUser: 2 } });
  const [one, two, three] = [connect(), connect(), connect()];
  one.wire.says(request(1, "status") + "\n");
  await eventually("the first waits", () => service.waiting.length === 1);
  two.wire.says(request(2, "status") + "\n");
  await eventually("the second waits", () => service.waiting.length === 2);
  two.connection.destroy();
  await eventually("the second is closed", () => closed() === 1);
  service.waiting.pop()!();
  await eventually("the second is done", () => service.done.length === 1);
  await new Promise((resolve) => setImmediate(resolve));
  three.wire.says(`[${request(3, "status")},${request(4, "status")}]\n`);
  await answered(three.wire, 1);
  const refused = three.wire.answers()[0] as unknown as WireAnswer[];
  assert.equal(refused[0]!.error?.data.code, "too_many_requests");
  for (const each of [one, three]) each.connection.destroy();
});

Deno.test("a connection that waits for its answer is not idle, and its next line is not slow", async () => {
  const { service, connect } = setup({ limits: { idle: 50, line: 50 } });
  const { wire, connection } = connect();
  wire.says(`${request(1, "status")}\n{"jsonrpc"`);
  await eventually("the request waits", () => service.waiting.length === 1);
  const late = performance.now() + 60;
  await eventually("it is late", () => performance.now() > late);
  const before = performance.now();
  connection.checkTimes(before);
  await service.release();
  await answered(wire, 1);
  // Late enough for a line that began when it came, and not for one that began with the answer.
  connection.checkTimes(before);
  wire.says(`:"2.0","id":2,"method":"status"}\n`);
  await service.release();
  await answered(wire, 2);
  assert.deepEqual(codes(wire), [undefined, undefined]);
  connection.destroy();
});

Deno.test("a slow line, a silent peer and one that does not read have their ends", async () => {
  const { service, connect, logged, closed } = setup();
  const [slow, silent, deaf] = [connect(), connect(), connect()];
  slow.wire.says('{"jsonrpc"');
  deaf.wire.stalled = true;
  deaf.wire.says(request(1, "status") + "\n");
  await service.release();
  await answered(deaf.wire, 1);
  const now = performance.now();
  for (const { connection } of [slow, silent, deaf]) connection.checkTimes(now);
  for (const { connection } of [slow, silent, deaf]) connection.checkTimes(now + 9_000);
  assert.equal(closed(), 0);
  for (const { connection } of [slow, deaf]) connection.checkTimes(now + 11_000);
  silent.connection.checkTimes(now + 301_000);
  await eventually("all are closed", () => closed() === 3);
  assert.deepEqual(codes(slow.wire), ["line_timeout"]);
  assert.deepEqual(codes(silent.wire), ["idle_timeout"]);
  assert.deepEqual(codes(deaf.wire), [undefined]);
  assert.deepEqual(logged().match(/"error":"\w+"/g), [
    '"error":"line_timeout"',
    '"error":"idle_timeout"',
  ]);
});

Deno.test("after a refusal nothing that still comes is done", async () => {
  const { service, connect, closed } = setup();
  const { wire, connection } = connect();
  wire.stalled = true;
  wire.says('{"jsonrpc":"2.0","id":1,"method":"key.list"}');
  connection.checkTimes(performance.now() + 11_000);
  await answered(wire, 1);
  wire.says("\n" + request(2, "status") + "\n" + request(3, "status"));
  wire.saysNoMore();
  await new Promise((resolve) => setImmediate(resolve));
  wire.take();
  await eventually("it is closed", () => closed() === 1);
  assert.deepEqual(codes(wire), ["line_timeout"]);
  assert.equal(service.waiting.length, 0);
});

Deno.test("a stop answers what has come, says why, then hangs up", async () => {
  const { service, connect, closed } = setup();
  const { wire, connection } = connect();
  wire.says(`${request(1, "status")}\n${request(2, "status")}\n{"half`);
  await eventually("the request waits", () => service.waiting.length === 1);
  const stopped = connection.stop();
  await service.release();
  await service.release();
  await stopped;
  await eventually("it is closed", () => closed() === 1);
  assert.deepEqual(wire.answers().map(({ id }) => id), [1, 2, null]);
});

Deno.test("of who may no longer ask, nothing more is done, also of a batch that has begun", async () => {
  for (const [open, between, close] of [["[", ",", "]"], ["", "\n", ""]]) {
    const { service, connect, closed, logged } = setup();
    const { wire, connection } = connect();
    const lines = [1, 2, 3].map((id) => request(id, "key.rotate"));
    wire.says(open + lines.join(between) + close + "\n");
    await eventually("the first waits", () => service.waiting.length === 1);
    await connection.cut(new CryptoError("denied"));
    await service.release();
    await eventually("it is closed", () => closed() === 1);
    await eventually("it is in the log", () => logged().includes("key.rotate"));
    for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(service.waiting.length, 0);
    assert.equal(logged().match(/key\.rotate/g)!.length, 1);
  }
});

Deno.test("a connection closes once, whatever comes together", async () => {
  const { service, connect, closed } = setup();
  const { wire, connection } = connect();
  wire.says(request(1, "status") + "\n");
  await eventually("the request waits", () => service.waiting.length === 1);
  wire.saysNoMore();
  const stopped = connection.stop();
  connection.destroy();
  wire.destroy();
  await service.release();
  await stopped;
  await eventually("it is closed", () => closed() > 0);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(closed(), 1);
});

Deno.test("reading stops while much waits for its answers, though all of it is refused", async () => {
  const { connect } = setup({ limits: { requestsPerUser: 1 } });
  const { wire, connection } = connect();
  const { happened } = wire;
  wire.says(`[${Array(1_000).fill("1").join(",")}]\n`.repeat(40));
  await eventually("all is answered", () => wire.answers().length === 40);
  await eventually("reading went on", () => happened.at(-1) === "resume");
  assert.ok(happened.includes("pause"));
  connection.destroy();
});

Deno.test("lines that have begun may hold so many bytes of one user, and no more", async () => {
  const { connect, closed } = setup({ limits: { bytesPerUser: 150_000 } });
  const [first, second] = [connect(), connect()];
  first.wire.says("x".repeat(100_000));
  second.wire.says("x".repeat(100_000));
  await eventually("the second is closed", () => closed() === 1);
  assert.equal(second.wire.answers()[0]!.error!.data.code, "too_many_requests");
  assert.equal(first.wire.written, "");
  first.connection.destroy();
});

Deno.test("a long line that waits for its answer holds as many bytes as it has", async () => {
  const { connect, closed, service, turns } = setup({ limits: { bytesPerUser: 150_000 } });
  const [first, second] = [connect(), connect()];
  const line = request(1, "encrypt", { text: "x".repeat(100_000) }) + "\n";
  first.wire.says(line.slice(0, 99_000));
  first.wire.says(line.slice(99_000));
  await eventually("its turn comes", () => (turns.next(), service.waiting.length === 1));
  assert.ok(first.wire.paused, "and nothing is read meanwhile");
  second.wire.says("x".repeat(100_000));
  await eventually("the second is closed", () => closed() === 1);
  assert.equal(second.wire.answers()[0]!.error!.data.code, "too_many_requests");
  await service.release();
  await answered(first.wire, 1);
  assert.equal(first.wire.paused, false);
  const third = connect();
  third.wire.says("x".repeat(100_000));
  assert.equal(third.wire.written, "");
  for (const { connection } of [first, third]) connection.destroy();
});
