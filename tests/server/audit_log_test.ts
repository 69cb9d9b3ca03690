/** The lines of the audit log: what they say, how they are chained, and that they come first. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { DEFAULT_AUDIT_LIMITS, TornWrite } from "../../server/audit/files.ts";
import { AuditLog } from "../../server/audit/log.ts";
import { Peer, Place, request, resultOf, rpc, startDaemon } from "../support/daemon.ts";
import { base64Url, LocalDaemon, targetOf } from "./support.ts";

const WHO = { pid: 7, uid: 1, gid: 2, groups: [3] };
const START = "0".repeat(64);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const sha256 = (line: string) => createHash("sha256").update(line).digest("hex");

/** A log in memory, whose writes can be made to fail after some bytes. */
function memoryLog() {
  const written: string[] = [];
  const failure: { after?: number } = {};
  const target = targetOf((bytes) => {
    written.push(text(bytes.subarray(0, failure.after)));
    if (failure.after !== undefined) throw new TornWrite(failure.after, new Error("no space"));
  });
  const now = () => Date.parse("2026-01-02T03:04:05.678Z");
  const log = AuditLog.on(target, { limits: DEFAULT_AUDIT_LIMITS, now });
  return { log, written, failure };
}

Deno.test("a line says when, who, what and with which outcome, and names the line before", async () => {
  const { log, written } = memoryLog();
  const first = log.write(WHO, [
    { op: "encrypt", key: "k", version: 2, bytes: 0 },
    { op: "decrypt", error: "denied" },
  ]);
  const second = log.write(undefined, [{ op: "connect", error: "no_identity" }]);
  assert.deepEqual(await Promise.all([first, second]), [true, true]);
  assert.equal(written.length, 1, "one write for what came in one turn");
  const time = '"time":"2026-01-02T03:04:05.678Z"';
  const who = '"pid":7,"uid":1,"gid":2,"groups":[3]';
  const one =
    `{"seq":1,"prev":"${START}",${time},${who},"op":"encrypt","key":"k","version":2,"bytes":0}\n`;
  const two = `{"seq":2,"prev":"${sha256(one)}",${time},${who},"op":"decrypt","error":"denied"}\n`;
  const three = `{"seq":3,"prev":"${sha256(two)}",${time},"op":"connect","error":"no_identity"}\n`;
  assert.equal(written.join(""), one + two + three);
  assert.deepEqual(log.head, { seq: 3, hash: sha256(three) });
});

Deno.test("of many groups a line names some, and says how many there are", async () => {
  const { log, written } = memoryLog();
  const groups = Array.from({ length: 1_000 }, (_, i) => i);
  await log.write({ ...WHO, groups }, [{ op: "status" }]);
  const line = JSON.parse(written.join(""));
  assert.deepEqual([line.groups, line.moreGroups], [groups.slice(0, 32), 968]);
});

Deno.test("what cannot be written is said not to be; what comes later closes it and counts", async () => {
  const { log, written, failure } = memoryLog();
  assert.equal(await log.write(WHO, [{ op: "status" }]), true);
  const { head } = log;
  failure.after = 0;
  const both = [log.write(WHO, [{ op: "a" }, { op: "b" }]), log.write(WHO, [{ op: "c" }])];
  assert.deepEqual(await Promise.all(both), [false, false]);
  assert.deepEqual(log.head, head);
  assert.equal(await log.write(WHO, [{ op: "d", requests: 5 }]), false);
  delete failure.after;
  assert.equal(await log.write(WHO, [{ op: "e" }]), true);
  const [recovered, last] = written.at(-1)!.trimEnd().split("\n").map((one) => JSON.parse(one));
  // This memory has forgotten the line before, which a file that was removed has, too.
  assert.deepEqual(
    [recovered.event, recovered.seq, recovered.prev, recovered.refused, recovered.missing],
    ["recovered", 2, head.hash, 8, 1],
  );
  assert.deepEqual([last.op, last.seq], ["e", 3]);
});

Deno.test("of a write that was cut off, whole lines count, also one without its line break", async () => {
  for (const missing of [1, 2]) {
    const { log, written, failure } = memoryLog();
    await log.write(WHO, [{ op: "a" }, { op: "b" }]);
    failure.after = written[0]!.length - missing;
    const again = memoryLog();
    again.failure.after = failure.after;
    assert.equal(await again.log.write(WHO, [{ op: "a" }, { op: "b" }]), false);
    assert.equal(again.log.head.seq, missing === 1 ? 2 : 1);
    if (missing === 1) assert.deepEqual(again.log.head, log.head);
  }
});

Deno.test("every decision has one line, and none holds a secret or a context", async () => {
  await using daemon = await startDaemon();
  const secrets = [
    "MARKERtext",
    "MARKERcontext",
    base64Url("MARKER material, of 32 bytes ..."),
    "MARKERid",
  ];
  const [plaintext, context, material, id] = secrets as [string, string, string, string];
  using peer = await Peer.connect(daemon.socket);
  const calls = [
    request(id, "encrypt", { text: plaintext, context }),
    request(id, "encrypt", { data: base64Url(plaintext), contextData: base64Url(context) }),
    request(id, "encrypt", { text: plaintext, [context]: 1 }),
    request(id, "decrypt", { message: plaintext, context }),
    request(id, plaintext, { context }),
    request(id, "key.import", { name: "imported", material }),
    request(id, "key.import", { name: material, material }),
    request(id, "encrypt", { text: "x", key: plaintext }),
    plaintext,
    `{"jsonrpc":"2.0","id":1,"method":"encrypt","params":{"text":"${plaintext}`,
    '{"jsonrpc":"2.0","method":"status"}',
  ];
  for (const call of calls) {
    await peer.sendLine(call);
    await peer.answer();
  }
  await peer.sendLine(request(1, "encrypt", { text: plaintext, context }));
  const { message } = resultOf(await peer.answer());
  await peer.sendLine(request(2, "decrypt", { message, as: "text", context }));
  assert.equal(resultOf(await peer.answer()).text, plaintext);
  await peer.sendLine(`{"command":"encrypt","payload":"${plaintext}"}`);
  await peer.line();
  assert.deepEqual(daemon.log().map(({ op, error }) => [op, error]), [
    ["encrypt", undefined],
    ["encrypt", undefined],
    ["encrypt", "invalid_params"],
    ["decrypt", "malformed"],
    ["unknown", "unknown_method"],
    ["key.import", undefined],
    ["key.import", "invalid_params"],
    ["encrypt", "denied"],
    ["unknown", "parse_error"],
    ["unknown", "parse_error"],
    ["unknown", "invalid_request"],
    ["encrypt", undefined],
    ["decrypt", undefined],
    ["legacy.encrypt", "denied"],
  ]);
  await daemon.stop();
  const seen = Deno.readTextFileSync(daemon.place.auditLog) + daemon.stderr;
  const forbidden = [...secrets, ...secrets.map(base64Url), String(message).slice(30, 60)];
  for (const secret of forbidden) assert.ok(!seen.includes(secret), secret);
});

Deno.test("a line names the caller as the kernel knows it", async () => {
  await using daemon = await startDaemon();
  assert.equal(resultOf(await rpc(daemon.socket, "status")).keys, 1);
  const [{ pid, uid, gid, time }] = daemon.log() as [ReturnType<typeof daemon.log>[0]];
  assert.deepEqual({ pid, uid, gid }, { pid: Deno.pid, uid: Deno.uid(), gid: Deno.gid() });
  assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000);
});

Deno.test("what was not done names its key, version and context too", async () => {
  await using daemon = await LocalDaemon.start();
  const { message } = resultOf(await daemon.one("encrypt", { text: "x", context: "c" }));
  await daemon.one("decrypt", { message, context: "d" });
  await daemon.one("encrypt", { text: "x", key: "absent" });
  await daemon.one("envelope.create", { key: "absent", size: 5 });
  const [done, failed, absent, envelope] = daemon.log();
  assert.deepEqual([failed?.key, failed?.version, failed?.error], [
    "default",
    1,
    "decryption_failed",
  ]);
  assert.match(failed?.context ?? "", /^[\w-]{22}$/);
  assert.notEqual(failed?.context, done?.context);
  assert.deepEqual([absent?.key, absent?.error], ["absent", "denied"]);
  assert.deepEqual([envelope?.key, envelope?.declaredBytes], ["absent", 5]);
});

Deno.test("equal contexts are logged alike, however they are given, also after a restart", async () => {
  using place = new Place();
  await using daemon = await startDaemon({ place });
  for (const context of [{ context: "c/42" }, { contextData: base64Url("c/42") }, {}]) {
    await rpc(daemon.socket, "encrypt", { text: "x", ...context });
  }
  await rpc(daemon.socket, "encrypt", { text: "x", context: "c/43" });
  await daemon.stop();
  await using again = await startDaemon({ place });
  await rpc(again.socket, "encrypt", { text: "x", context: "c/42" });
  const [first, second, none, other, later] = place.log().map(({ context }) => context);
  assert.deepEqual([second, none, later], [first, undefined, first]);
  assert.notEqual(other, first);
  const keys = place.audit().filter(({ event }) => event === "context-key");
  assert.equal(keys.length, 1, "the key is made once");
});

Deno.test("a change of the ring has a line before it is done and one after, a refused one has not", async () => {
  await using daemon = await LocalDaemon.start();
  await daemon.call(
    ["key.create", { name: "new" }],
    ["key.create", { name: "new" }],
    ["key.rotate", { name: "new" }],
    ["key.rotate", { name: "absent" }],
  );
  const lines = daemon.place.audit().filter(({ event }) => !event);
  assert.deepEqual(
    lines.map(({ op, key, version, stage, error }) => [op, key, version, stage, error]),
    [
      ["key.create", "new", 1, "intent", undefined],
      ["key.create", "new", 1, "result", undefined],
      ["key.create", "new", undefined, undefined, "key_exists"],
      ["key.rotate", "new", 2, "intent", undefined],
      ["key.rotate", "new", 2, "result", undefined],
      ["key.rotate", "absent", undefined, undefined, "denied"],
    ],
  );
});

Deno.test("a line about a key says which version, and what was to be set, also if it is refused", async () => {
  await using daemon = await LocalDaemon.start();
  await daemon.call(
    ["key.set", { name: "default", rotateAfter: 86_400, minVersion: 1 }],
    ["key.destroy", { name: "default", version: 1, after: 60 }],
    ["key.retire", { name: "default", version: 1 }],
    ["key.rotate", { name: "default" }],
    ["key.destroy", { name: "default", version: 1 }],
    ["key.restore", { name: "default", version: 1 }],
  );
  const lines = daemon.place.audit().filter(({ event }) => !event);
  const settings = { key: "default", rotateAfter: 86_400, minVersion: 1 };
  const destroyed = { key: "default", version: 1, grace: 604_800 };
  const restored = { key: "default", version: 1 };
  assert.deepEqual(
    lines.map(({ op, stage, error, key, version, rotateAfter, minVersion, grace }) => {
      const about = { key, version, rotateAfter, minVersion, grace };
      return [op, stage ?? error, JSON.parse(JSON.stringify(about))];
    }),
    [
      ["key.set", "intent", settings],
      ["key.set", "result", settings],
      ["key.destroy", "key_in_use", { key: "default", version: 1, grace: 60 }],
      ["key.retire", "key_in_use", { key: "default", version: 1 }],
      ["key.rotate", "intent", { key: "default", version: 2 }],
      ["key.rotate", "result", { key: "default", version: 2 }],
      ["key.destroy", "intent", destroyed],
      ["key.destroy", "result", destroyed],
      ["key.restore", "intent", restored],
      ["key.restore", "result", restored],
    ],
  );
});

Deno.test("a ring is not changed when its intent cannot be written", async () => {
  await using daemon = await LocalDaemon.start();
  const { auditLog, ring } = daemon.place;
  const before = Deno.readFileSync(ring);
  Deno.removeSync(auditLog);
  Deno.mkdirSync(auditLog);
  const { error } = await daemon.one("key.create", { name: "new" });
  assert.equal(error?.data.code, "log_unavailable");
  assert.deepEqual(Deno.readFileSync(ring), before);
  Deno.removeSync(auditLog);
  assert.ok((await daemon.one("key.create", { name: "new" })).result);
});

Deno.test("the first line of a log follows nothing, and a start follows the stop before it", async () => {
  using place = new Place();
  for (let i = 0; i < 2; i++) {
    await using daemon = await startDaemon({ place });
    await rpc(daemon.socket, "status");
    await daemon.stop();
  }
  const lines = Deno.readTextFileSync(place.auditLog).trimEnd().split("\n");
  const events = lines.map((line) => JSON.parse(line).event);
  assert.deepEqual(events, ["start", undefined, "stop", "start", undefined, "stop"]);
  const prevs = lines.map((line) => JSON.parse(line).prev);
  assert.deepEqual(prevs, [START, ...lines.slice(0, -1).map((line) => sha256(`${line}\n`))]);
});
