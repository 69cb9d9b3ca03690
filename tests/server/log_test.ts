import assert from "node:assert/strict";
import { AccessLog, AppendedFile } from "../../server/log.ts";
import { codeOf, Peer, Place, request, resultOf, rpc, startDaemon } from "../support/daemon.ts";
import { linuxTest, onSmallDisk, shellInMountsOf } from "../support/linux.ts";
import { base64Url } from "./support.ts";

const WHO = { pid: 7, uid: 1, gid: 2, groups: [3] };
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

async function inTemporary(run: (path: string) => void | Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "ctl-" });
  try {
    await run(`${directory}/access.log`);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("a line says when, who, what and with which outcome", async () => {
  const written: string[] = [];
  const file = { write: (bytes: Uint8Array) => void written.push(text(bytes)) };
  const log = new AccessLog(file, () => Date.parse("2026-01-02T03:04:05.678Z"));
  const first = log.write(WHO, [
    { op: "encrypt", key: "k", version: 2, bytes: 0 },
    { op: "decrypt", error: "denied" },
  ]);
  const second = log.write(undefined, [{ op: "connect", error: "no_identity" }]);
  assert.deepEqual(await Promise.all([first, second]), [true, true]);
  const start = '{"time":"2026-01-02T03:04:05.678Z"';
  assert.equal(
    written.join(""),
    `${start},"pid":7,"uid":1,"gid":2,"op":"encrypt","key":"k","version":2,"bytes":0}\n` +
      `${start},"pid":7,"uid":1,"gid":2,"op":"decrypt","error":"denied"}\n` +
      `${start},"op":"connect","error":"no_identity"}\n`,
  );
});

Deno.test("what cannot be written is said not to be, and what comes later is written", async () => {
  let full = true;
  const file = {
    write() {
      if (full) throw new Error("no space");
    },
  };
  const log = new AccessLog(file);
  const both = [log.write(WHO, [{ op: "status" }]), log.write(WHO, [{ op: "status" }])];
  assert.deepEqual(await Promise.all(both), [false, false]);
  full = false;
  assert.equal(await log.write(WHO, [{ op: "status" }]), true);
});

Deno.test("a log is made for its owner alone, and added to", () =>
  inTemporary((path) => {
    new AppendedFile(path).write(new TextEncoder().encode("one\n"));
    new AppendedFile(path).write(new TextEncoder().encode("two\n"));
    assert.equal(Deno.readTextFileSync(path), "one\ntwo\n");
    assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
  }));

Deno.test("a torn last line of an earlier daemon is not glued to the next", () =>
  inTemporary((path) => {
    Deno.writeTextFileSync(path, '{"time":"2026');
    new AppendedFile(path).write(new TextEncoder().encode("one\n"));
    assert.equal(Deno.readTextFileSync(path), '{"time":"2026\none\n');
  }));

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
    ["unknown", "parse_error"],
    ["unknown", "parse_error"],
    ["unknown", "invalid_request"],
    ["encrypt", undefined],
    ["decrypt", undefined],
    ["legacy.encrypt", "denied"],
  ]);
  await daemon.stop();
  const seen = Deno.readTextFileSync(daemon.place.accessLog) + daemon.stderr;
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

await linuxTest(
  "while the log's disk is full nothing is answered, then it goes on without glued lines",
  ["root", "mounts"],
  async () => {
    using place = new Place();
    place.makeOwn();
    const wrapper = onSmallDisk(place.state, "48k");
    await using daemon = await startDaemon({ place, wrapper });
    const inside = (script: string) => shellInMountsOf(daemon.pid, script, place.state);
    using peer = await Peer.connect(daemon.socket);
    await inside('dd if=/dev/zero of="$1/filler" bs=1k 2>/dev/null || true');
    const batch = `[${Array(64).fill(request(1, "encrypt", { text: "x" })).join(",")}]`;
    let withheld = 0;
    for (let i = 0; i < 20; i++) {
      await peer.sendLine(batch);
      const answers = JSON.parse((await peer.line())!);
      if (answers[0].result) continue;
      assert.deepEqual(answers.map(codeOf), Array(64).fill("log_unavailable"));
      withheld++;
    }
    assert.ok(withheld > 10);
    await inside('rm "$1/filler"');
    for (let id = 1; id <= 3; id++) {
      await peer.sendLine(request(id, "key.list"));
      assert.ok((await peer.answer()).result);
    }
    const lines = (await inside('cat "$1/access.log"')).split("\n");
    assert.equal(lines.pop(), "");
    const torn = lines.filter((line) => !isLine(line));
    assert.ok(torn.length <= withheld);
    assert.deepEqual(lines.slice(-3).map((line) => JSON.parse(line).op), Array(3).fill("key.list"));
    // A torn line is the start of one; glued to another it would hold two.
    for (const line of torn) assert.equal(line.split('{"time"').length, 2, line);
  },
);

function isLine(line: string): boolean {
  try {
    return typeof JSON.parse(line).op === "string";
  } catch {
    return false;
  }
}
