import assert from "node:assert/strict";
import { Peer, request, resultOf, type WireAnswer } from "../support/daemon.ts";
import { LocalDaemon } from "./support.ts";

interface LegacyAnswer {
  readonly status: "success" | "error";
  readonly encrypted?: string;
  readonly decrypted?: string;
  readonly message?: string;
}

async function withFernet(): Promise<LocalDaemon> {
  const daemon = await LocalDaemon.start();
  resultOf(await daemon.one("key.create", { name: "fernet", purpose: "fernet" }));
  return daemon;
}

/** Sends as the clients of the Python service did: one piece, no line break, then waits. */
async function legacy(socket: string, value: object): Promise<LegacyAnswer> {
  using peer = await Peer.connect(socket);
  await peer.send(JSON.stringify(value));
  return JSON.parse((await peer.line())!) as LegacyAnswer;
}

Deno.test("a client of the older protocol gets its answer without ending its line", async () => {
  await using daemon = await withFernet();
  const payload = 'Grüße "}\n{ 👋';
  const { status, encrypted } = await legacy(daemon.socket, { command: "encrypt", payload });
  assert.equal(status, "success");
  assert.match(atob(encrypted!), /^gAAAAA/);
  const opened = await legacy(daemon.socket, { command: "decrypt", payload: encrypted });
  assert.deepEqual(opened, { status: "success", decrypted: payload });
  const used = { key: "fernet", version: 1, bytes: new TextEncoder().encode(payload).length };
  assert.deepEqual(
    daemon.log().slice(1).map(({ op, key, version, bytes }) => {
      return { op, key, version, bytes };
    }),
    [{ op: "legacy.encrypt", ...used }, { op: "legacy.decrypt", ...used }],
  );
});

Deno.test("lines of the older protocol may end, and mix with the new one's", async () => {
  await using daemon = await withFernet();
  using peer = await daemon.connect();
  await peer.sendLine('{ "payload": "a", "command": "encrypt" }');
  const { encrypted } = JSON.parse((await peer.line())!) as LegacyAnswer;
  await peer.sendLine(request(1, "decrypt", { message: atob(encrypted!), as: "text" }));
  assert.equal(resultOf(await peer.answer()).text, "a");
  await peer.send(JSON.stringify({ command: "decrypt", payload: encrypted }));
  assert.deepEqual(JSON.parse((await peer.line())!), { status: "success", decrypted: "a" });
});

Deno.test("a request of the older protocol that comes in pieces is answered once, when whole", async () => {
  await using daemon = await withFernet();
  using peer = await daemon.connect();
  const text = JSON.stringify({ command: "encrypt", payload: "} } }" });
  for (const character of text) await peer.send(character);
  assert.equal((JSON.parse((await peer.line())!) as LegacyAnswer).status, "success");
  await peer.sendLine(request(1, "status"));
  assert.equal((await peer.answer()).id, 1);
});

Deno.test("the older protocol's wrong requests are answered in its own form", async () => {
  await using daemon = await withFernet();
  const wrong = [
    { command: "destroy", payload: "x" },
    { command: "encrypt", payload: 1 },
    { command: "encrypt" },
    { command: null, payload: "x" },
    { command: "decrypt", payload: "not base64!" },
    { command: "decrypt", payload: btoa("no token") },
    { command: "decrypt", payload: btoa("gAAAAA" + "A".repeat(92) + "==") },
    { command: "encrypt", payload: "\ud800" },
  ];
  for (const value of wrong) {
    const answer = await legacy(daemon.socket, value);
    assert.deepEqual(Object.keys(answer), ["status", "message"], JSON.stringify(value));
    assert.equal(answer.status, "error");
  }
  const codes = daemon.log().slice(1).map(({ op, error }) => [op, error]);
  assert.deepEqual(codes, [
    ["legacy.encrypt", "unknown_method"],
    ["legacy.encrypt", "invalid_params"],
    ["legacy.encrypt", "invalid_params"],
    ["legacy.encrypt", "unknown_method"],
    ["legacy.decrypt", "malformed"],
    ["legacy.decrypt", "malformed"],
    ["legacy.decrypt", "decryption_failed"],
    ["legacy.encrypt", "invalid_text"],
  ]);
});

Deno.test("without a key for it the older protocol is refused, and nothing is made", async () => {
  await using daemon = await LocalDaemon.start();
  const answer = await legacy(daemon.socket, { command: "encrypt", payload: "x" });
  assert.equal(answer.status, "error");
  assert.equal(daemon.log()[0]!.error, "denied");
  assert.equal(resultOf(await daemon.one("status")).keys, 1);
});

Deno.test("a request of the older protocol is an error in a batch", async () => {
  await using daemon = await withFernet();
  using peer = await daemon.connect();
  await peer.sendLine('[{"command":"encrypt","payload":"x"}]');
  const [answer] = JSON.parse((await peer.line())!) as WireAnswer[];
  assert.equal(answer!.error!.data.code, "invalid_request");
});

Deno.test("what is longer than the older protocol's requests waits for the end of its line", async () => {
  await using daemon = await withFernet();
  using peer = await daemon.connect();
  const payload = "p".repeat(5_000);
  await peer.send(JSON.stringify({ command: "encrypt", payload }));
  await peer.send("\n");
  const { encrypted } = JSON.parse((await peer.line())!) as LegacyAnswer;
  await peer.sendLine(JSON.stringify({ command: "decrypt", payload: encrypted }));
  assert.deepEqual(JSON.parse((await peer.line())!), { status: "success", decrypted: payload });
});
