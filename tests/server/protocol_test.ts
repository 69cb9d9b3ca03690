import assert from "node:assert/strict";
import { codeOf, request, resultOf, type WireAnswer } from "../support/daemon.ts";
import { base64Url, LocalDaemon } from "./support.ts";

const KEY = base64Url("0123456789abcdef0123456789abcdef");
const KEY_ID = /^[A-Za-z0-9_-]{11}$/;

Deno.test("status says what runs, for whom, and with how many keys", async () => {
  await using daemon = await LocalDaemon.start();
  const status = resultOf(await daemon.one("status"));
  assert.deepEqual(Object.keys(status).sort(), [
    "connections",
    "engine",
    "keys",
    "mode",
    "protocol",
    "sealed",
    "sealing",
    "stale",
    "uptime",
    "version",
    "warnings",
  ]);
  assert.equal(status.mode, "user");
  assert.equal(status.protocol, 1);
  assert.equal(status.keys, 1);
  assert.equal(status.connections, 1);
});

Deno.test("what encrypt gives, decrypt opens, as text and as data, with either context", async () => {
  await using daemon = await LocalDaemon.start();
  const data = base64Url("\x00\x01binary");
  for (const context of [{}, { context: "ähm" }, { contextData: base64Url("\x00") }]) {
    for (const plaintext of [{ text: "Grüße 👋" }, { text: "" }, { data }, { data: "" }]) {
      const as = "text" in plaintext ? "text" : "data";
      const sealed = resultOf(await daemon.one("encrypt", { ...plaintext, ...context }));
      assert.match(String(sealed.message), /^crypto:v1:[A-Za-z0-9_-]+$/);
      assert.deepEqual([sealed.key, sealed.version], ["default", 1]);
      const { message } = sealed;
      const opened = resultOf(await daemon.one("decrypt", { message, as, ...context }));
      assert.deepEqual(opened, { ...plaintext, key: "default", version: 1 });
    }
  }
});

Deno.test("a context as text and its UTF-8 as data are the same context", async () => {
  await using daemon = await LocalDaemon.start();
  const { message } = resultOf(await daemon.one("encrypt", { text: "x", context: "abc" }));
  const contextData = base64Url("abc");
  assert.equal(
    resultOf(await daemon.one("decrypt", { message, contextData, as: "text" })).text,
    "x",
  );
});

Deno.test("an envelope opens to the data key that was made with it", async () => {
  await using daemon = await LocalDaemon.start();
  const made = resultOf(await daemon.one("envelope.create", { size: 5_000_000_000 }));
  const opened = resultOf(await daemon.one("envelope.open", { envelope: made.envelope, size: 7 }));
  assert.equal(opened.dataKey, made.dataKey);
  assert.deepEqual(daemon.log().map(({ declaredBytes }) => declaredBytes), [5_000_000_000, 7]);
});

Deno.test("a value becomes an enveloped message if that is asked for, and is one in every way", async () => {
  await using daemon = await LocalDaemon.start();
  const asked = { text: "a value", context: "c", kind: "enveloped" };
  const made = resultOf(await daemon.one("encrypt", asked));
  const bytes = Buffer.from(String(made.message).slice("crypto:v1:".length), "base64url");
  assert.equal(bytes[4], 1);
  const envelope = bytes.subarray(0, 117).toString("base64url");
  resultOf(await daemon.one("envelope.open", { envelope }));
  const opened = { message: made.message, as: "text", context: "c" };
  const { text } = resultOf(await daemon.one("decrypt", opened));
  assert.equal(text, "a value");
  assert.equal(
    codeOf(await daemon.one("decrypt", { ...opened, context: "d" })),
    "decryption_failed",
  );
  const direct = resultOf(await daemon.one("encrypt", { text: "a value", kind: "direct" }));
  assert.match(String(direct.message), /^crypto:v1:Q1JZMQ[A-D]/);
  assert.equal(codeOf(await daemon.one("encrypt", { text: "x", kind: "other" })), "invalid_params");
  await daemon.one("key.create", { name: "fernet", purpose: "fernet" });
  const token = { text: "x", key: "fernet", kind: "enveloped" };
  assert.equal(codeOf(await daemon.one("encrypt", token)), "wrong_purpose");
  const bytesOf = daemon.log().filter(({ op, error }) => op === "encrypt" && !error);
  assert.deepEqual(bytesOf.map(({ bytes }) => bytes), [7, 7]);
});

Deno.test("keys are made, listed, rotated and imported, and old messages still open", async () => {
  await using daemon = await LocalDaemon.start();
  const [created, sealed, rotated, imported, list] = await daemon.call(
    ["key.create", { name: "db", purpose: "seal" }],
    ["encrypt", { key: "db", text: "old" }],
    ["key.rotate", { name: "db" }],
    ["key.import", { name: "legacy", purpose: "fernet", material: KEY }],
    ["key.list"],
  );
  assert.match(String(resultOf(created).id), KEY_ID);
  assert.notEqual(resultOf(created).id, resultOf(rotated).id);
  assert.equal(resultOf(rotated).version, 2);
  assert.equal(resultOf(imported).version, 1);
  const keys = resultOf(list).keys as { name: string; purpose: string; versions: object[] }[];
  const described = keys.map(({ name, purpose, versions }) => [name, purpose, versions.length]);
  assert.deepEqual(described, [["default", "seal", 1], ["db", "seal", 2], ["legacy", "fernet", 1]]);
  const { message } = resultOf(sealed);
  const [old, fresh] = await daemon.call(
    ["decrypt", { message, as: "text" }],
    ["encrypt", { key: "db", text: "new" }],
  );
  assert.deepEqual(resultOf(old), { text: "old", key: "db", version: 1 });
  assert.equal(resultOf(fresh).version, 2);
});

Deno.test("no answer of the keys' methods holds material", async () => {
  await using daemon = await LocalDaemon.start();
  const answers = await daemon.call(
    ["key.import", { name: "imported", material: KEY }],
    ["key.list"],
    ["key.import", { name: "twin", material: KEY }],
    ["status"],
  );
  assert.ok(!JSON.stringify(answers).includes(KEY));
});

Deno.test("Fernet tokens open under every version of every Fernet key", async () => {
  await using daemon = await LocalDaemon.start();
  const [, sealed, , other] = await daemon.call(
    ["key.create", { name: "fernet", purpose: "fernet" }],
    ["encrypt", { key: "fernet", text: "token" }],
    ["key.rotate", { name: "fernet" }],
    ["key.create", { name: "second", purpose: "fernet" }],
  );
  assert.equal(resultOf(other).version, 1);
  const { message } = resultOf(sealed);
  assert.match(String(message), /^gAAAAA/);
  const [any, named, wrong] = await daemon.call(
    ["decrypt", { message, as: "text" }],
    ["decrypt", { message, as: "text", key: "fernet" }],
    ["decrypt", { message, key: "second" }],
  );
  assert.deepEqual(resultOf(any), { text: "token", key: "fernet", version: 1 });
  assert.deepEqual(resultOf(named), resultOf(any));
  assert.equal(codeOf(wrong), "decryption_failed");
});

Deno.test("each wrong call has its code, and the next call is answered", async () => {
  await using daemon = await LocalDaemon.start();
  const [, , sealed] = await daemon.call(
    ["key.create", { name: "old", purpose: "fernet" }],
    ["key.import", { name: "mine", material: KEY }],
    ["encrypt", { text: "x", context: "c" }],
    ["encrypt", { text: "x", key: "old" }],
  );
  const message = String(resultOf(sealed).message);
  const token = String(resultOf(await daemon.one("encrypt", { text: "x", key: "old" })).message);
  const { envelope } = resultOf(await daemon.one("envelope.create"));
  const armored = `crypto:v1:${envelope}`;
  const unknownId = changed(message, 20);
  const cases: readonly (readonly [code: string, method: string, params?: object])[] = [
    ["unknown_method", "nothing"],
    ["unknown_method", "__proto__"],
    ["unknown_method", "toString"],
    ["invalid_params", "status", { extra: 1 }],
    ["invalid_params", "status", []],
    ["invalid_params", "encrypt"],
    ["invalid_params", "encrypt", { text: "x", data: "" }],
    ["invalid_params", "encrypt", { text: 1 }],
    ["invalid_params", "encrypt", { data: "+" }],
    ["invalid_params", "encrypt", { data: "AA==" }],
    ["invalid_params", "encrypt", { text: "x", context: "a", contextData: "" }],
    ["invalid_params", "encrypt", { text: "x", key: "old", context: "a" }],
    ["invalid_params", "decrypt", { message, as: "json" }],
    ["invalid_params", "decrypt", { message: token, context: "a" }],
    ["invalid_params", "decrypt", { as: "text" }],
    ["invalid_params", "envelope.create", { size: -1 }],
    ["invalid_params", "envelope.create", { size: 1.5 }],
    ["invalid_params", "key.create", { name: "new", purpose: "sign" }],
    ["invalid_params", "key.create", { name: "" }],
    ["invalid_params", "key.create", { name: "../x" }],
    ["invalid_params", "key.create", { name: "A" }],
    ["invalid_params", "key.create", { name: "a".repeat(65) }],
    ["invalid_params", "key.import", { name: "new", material: "not base64!" }],
    ["invalid_text", "encrypt", { text: "\ud800" }],
    ["invalid_text", "encrypt", { text: "x", context: "\udc00" }],
    ["too_large", "encrypt", { text: "x", context: "c".repeat(65_537) }],
    ["too_large", "decrypt", { message, context: "c".repeat(65_537) }],
    ["malformed", "decrypt", { message: "" }],
    ["malformed", "decrypt", { message: "hello" }],
    ["malformed", "decrypt", { message: "crypto:v1:" }],
    ["malformed", "decrypt", { message: "crypto:v2:AAAA" }],
    ["malformed", "decrypt", { message: message + "=" }],
    ["decryption_failed", "decrypt", { message: armored }],
    ["malformed", "envelope.open", { envelope: "" }],
    ["malformed", "envelope.open", { envelope: String(envelope).slice(0, -4) }],
    ["malformed", "key.import", { name: "new", material: "AAAA" }],
    ["decryption_failed", "decrypt", { message }],
    ["decryption_failed", "decrypt", { message, context: "d" }],
    ["decryption_failed", "decrypt", { message: message.slice(0, -3), context: "c" }],
    ["decryption_failed", "decrypt", { message: changed(token, 40) }],
    ["denied", "encrypt", { text: "x", key: "absent" }],
    ["denied", "decrypt", { message, key: "mine", context: "c" }],
    ["denied", "decrypt", { message, key: "absent", context: "c" }],
    ["denied", "decrypt", { message: unknownId, context: "c" }],
    ["denied", "envelope.create", { key: "absent" }],
    ["denied", "key.rotate", { name: "absent" }],
    ["wrong_purpose", "envelope.create", { key: "old" }],
    ["wrong_purpose", "decrypt", { message: token, key: "default" }],
    ["key_exists", "key.create", { name: "default" }],
    ["key_exists", "key.import", { name: "mine", material: base64Url("x".repeat(32)) }],
    ["key_exists", "key.import", { name: "twin", material: KEY }],
  ];
  const answers = await daemon.call(
    ...cases.map(([, method, params]) => [method, params] as const),
  );
  answers.forEach((answer, i) => {
    const [code, method, params] = cases[i]!;
    const what = `${method} ${JSON.stringify(params)?.slice(0, 80)}`;
    assert.equal(answer.error?.data.code, code, what);
    assert.equal(answer.id, i + 1, what);
  });
  assert.equal(resultOf(await daemon.one("status")).keys, 3);
});

/** A text of base64url with one character changed. */
function changed(text: string, at: number): string {
  return text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
}

Deno.test("a name that is not there and one that is not allowed are answered alike", async () => {
  await using daemon = await LocalDaemon.start();
  const [absent, sealed] = await daemon.call(
    ["encrypt", { text: "x", key: "absent" }],
    ["encrypt", { text: "x" }],
  );
  const message = String(resultOf(sealed).message);
  const unknownId = changed(message, 20);
  const unknown = await daemon.one("decrypt", { message: unknownId });
  assert.deepEqual(unknown.error, absent!.error);
});

const BAD_LINES: readonly (readonly [code: string, line: string, id?: string | number])[] = [
  ["parse_error", ""],
  ["parse_error", "{"],
  ["parse_error", "status"],
  ["parse_error", '{"jsonrpc":"2.0","id":1,"method":"status"} x'],
  ["invalid_request", "null"],
  ["invalid_request", "1"],
  ["invalid_request", "{}"],
  ["invalid_request", "[]"],
  ["invalid_request", '{"jsonrpc":"2.0","method":"status"}'],
  ["invalid_request", '{"jsonrpc":"2.0","method":"key.create","params":{"name":"note"}}'],
  ["invalid_request", '{"jsonrpc":"2.0","id":null,"method":"status"}'],
  ["invalid_request", '{"jsonrpc":"2.0","id":{},"method":"status"}'],
  ["invalid_request", '{"jsonrpc":"2.0","id":1.5,"method":"status"}'],
  ["invalid_request", `{"jsonrpc":"2.0","id":"${"i".repeat(129)}","method":"status"}`],
  ["invalid_request", '{"id":4,"method":"status"}', 4],
  ["invalid_request", '{"jsonrpc":"1.0","id":"a","method":"status"}', "a"],
  ["invalid_request", '{"jsonrpc":"2.0","id":5,"method":["status"]}', 5],
  ["batch_too_large", `[${"1,".repeat(1_024)}1]`],
];

Deno.test("lines that are no requests have their codes, and the next line is answered", async () => {
  await using daemon = await LocalDaemon.start();
  using peer = await daemon.connect();
  for (const [code, line, id = null] of BAD_LINES) {
    await peer.sendLine(line);
    const answer = await peer.answer();
    assert.equal(codeOf(answer), code, line.slice(0, 80));
    assert.equal(answer.id, id, line.slice(0, 80));
  }
  await peer.sendLine(request(9, "key.list"));
  assert.equal((resultOf(await peer.answer()).keys as object[]).length, 1, "nothing was done");
});

Deno.test("bytes that are not UTF-8 are refused", async () => {
  await using daemon = await LocalDaemon.start();
  using peer = await daemon.connect();
  for (const bad of [[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xc3]]) {
    const start = new TextEncoder().encode('{"jsonrpc":"2.0","id":1,"method":"');
    await peer.send(new Uint8Array([...start, ...bad, 0x22, 0x7d, 0x0a]));
    assert.equal(codeOf(await peer.answer()), "parse_error");
  }
});

Deno.test("JSON nested a million deep is answered and does no harm", async () => {
  await using daemon = await LocalDaemon.start();
  using peer = await daemon.connect();
  const deep = 500_000;
  await peer.sendLine("[".repeat(deep) + "]".repeat(deep));
  assert.equal(codeOf((await peer.answer() as unknown as WireAnswer[])[0]), "invalid_request");
  await peer.sendLine("[".repeat(1_000_000));
  assert.equal(codeOf(await peer.answer()), "parse_error");
  const bomb = `{"jsonrpc":"2.0","id":1,"method":"encrypt","params":${'{"text":'.repeat(100_000)}1${
    "}".repeat(100_001)
  }`;
  await peer.sendLine(bomb);
  assert.equal(codeOf(await peer.answer()), "invalid_params");
  await peer.sendLine(request(2, "status"));
  assert.equal((await peer.answer()).id, 2);
});

Deno.test("names of Object's own do nothing as parameters", async () => {
  await using daemon = await LocalDaemon.start();
  using peer = await daemon.connect();
  const own = ["__proto__", "constructor", "toString", "hasOwnProperty"];
  for (const name of own) {
    await peer.sendLine(
      `{"jsonrpc":"2.0","id":1,"method":"encrypt","params":{"text":"x","${name}":"y"}}`,
    );
    assert.equal(codeOf(await peer.answer()), "invalid_params", name);
  }
});

Deno.test("a batch is answered as one line, in order, good and bad mixed", async () => {
  await using daemon = await LocalDaemon.start();
  using peer = await daemon.connect();
  const calls = [
    request(1, "status"),
    request("two", "nothing"),
    "3",
    '{"jsonrpc":"2.0","method":"status"}',
    request(5, "encrypt", { text: "x" }),
    request(5, "encrypt", { text: "\ud800" }),
    '{"command":"encrypt","payload":"x"}',
    "[]",
  ];
  await peer.sendLine(`[${calls.join(",")}]`);
  const answers = JSON.parse((await peer.line())!) as WireAnswer[];
  assert.deepEqual(answers.map(({ id }) => id), [1, "two", null, null, 5, 5, null, null]);
  assert.deepEqual(answers.map(({ error }) => error?.data.code), [
    undefined,
    "unknown_method",
    "invalid_request",
    "invalid_request",
    undefined,
    "invalid_text",
    "invalid_request",
    "invalid_request",
  ]);
  const decided = daemon.log().map(({ op, requests }) => [op, requests]);
  assert.deepEqual(decided, [
    ["status", undefined],
    ["encrypt", undefined],
    ["encrypt", undefined],
    ["unknown", 5],
  ]);
});

Deno.test("a batch of the largest size is answered whole", async () => {
  await using daemon = await LocalDaemon.start();
  using peer = await daemon.connect();
  const calls = Array.from({ length: 1_024 }, (_, id) => request(id, "encrypt", { text: `${id}` }));
  await peer.sendLine(`[${calls.join(",")}]`);
  const answers = JSON.parse((await peer.line())!) as WireAnswer[];
  assert.deepEqual(answers.map(({ id }) => id), calls.map((_, id) => id));
  assert.ok(answers.every(({ result }) => result));
});

Deno.test("a change and a use of it in one batch happen in order", async () => {
  await using daemon = await LocalDaemon.start();
  using peer = await daemon.connect();
  const calls = [
    request(1, "encrypt", { key: "fresh", text: "x" }),
    request(2, "key.create", { name: "fresh" }),
    request(3, "encrypt", { key: "fresh", text: "x" }),
    request(4, "key.rotate", { name: "fresh" }),
    request(5, "encrypt", { key: "fresh", text: "x" }),
  ];
  await peer.sendLine(`[${calls.join(",")}]`);
  const answers = JSON.parse((await peer.line())!) as WireAnswer[];
  assert.equal(codeOf(answers[0]), "denied");
  assert.deepEqual(answers.slice(1).map((one) => resultOf(one).version), [1, 1, 2, 2]);
});

Deno.test("thousands of pipelined requests are answered in order", async () => {
  await using daemon = await LocalDaemon.start();
  using peer = await daemon.connect();
  const count = 5_000;
  const lines = Array.from({ length: count }, (_, id) => request(id, "encrypt", { text: "x" }));
  const sending = peer.send(lines.join("\n") + "\n");
  for (let id = 0; id < count; id++) {
    const answer = await peer.answer();
    assert.equal(answer.id, id);
    assert.ok(answer.result, `${id}`);
  }
  await sending;
  assert.equal(daemon.log().length, count);
});

Deno.test("lines may come byte by byte, or many in one piece with half of another", async () => {
  await using daemon = await LocalDaemon.start();
  using peer = await daemon.connect();
  const line = request("ä", "encrypt", { text: "Grüße" });
  for (const byte of new TextEncoder().encode(line + "\n")) await peer.send(new Uint8Array([byte]));
  assert.equal((await peer.answer()).id, "ä");
  await peer.send(`${request(1, "status")}\r\n${request(2, "status")}\n${line.slice(0, 20)}`);
  assert.deepEqual([(await peer.answer()).id, (await peer.answer()).id], [1, 2]);
  await peer.send(line.slice(20) + "\n");
  assert.equal((await peer.answer()).id, "ä");
});

Deno.test("a last line without a line break is answered when the client sends no more", async () => {
  await using daemon = await LocalDaemon.start();
  using peer = await daemon.connect();
  await peer.send(`${request(1, "status")}\n${request(2, "key.list")}`);
  await peer.closeWrite();
  assert.deepEqual([(await peer.answer()).id, (await peer.answer()).id], [1, 2]);
  assert.equal(await peer.line(), undefined);
});

Deno.test("a client that says nothing and sends no more is let go", async () => {
  await using daemon = await LocalDaemon.start();
  using peer = await daemon.connect();
  await peer.closeWrite();
  assert.equal(await peer.line(), undefined);
  assert.deepEqual(daemon.log(), []);
});

Deno.test("answers are written to a client that has said all before they are ready", async () => {
  await using daemon = await LocalDaemon.start();
  using peer = await daemon.connect();
  const count = 2_000;
  const lines = Array.from({ length: count }, (_, id) => request(id, "encrypt", { text: "x" }));
  const sending = peer.send(lines.join("\n")).then(() => peer.closeWrite());
  const answers = await peer.rest();
  await sending;
  assert.equal(answers.length, count);
});

Deno.test("random gives as many bytes as it is told, within its bounds", async () => {
  await using daemon = await LocalDaemon.start();
  for (
    const [params, length] of [[{}, 43], [{ length: 1 }, 2], [{ length: 65_536 }, 87_382]] as const
  ) {
    assert.equal(String(resultOf(await daemon.one("random", params)).data).length, length);
  }
  for (const length of [0, 65_537, -1, 1.5, "1"]) {
    assert.equal(codeOf(await daemon.one("random", { length })), "invalid_params", `${length}`);
  }
});
