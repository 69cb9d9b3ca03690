import assert from "node:assert/strict";
import { utf8 } from "../../core/bytes.ts";
import { CryptoError, type ErrorCode, ERRORS } from "../../core/errors.ts";
import {
  type BadCall,
  type Call,
  errorLine,
  type Incoming,
  invalidParam,
  MAX_BATCH,
  readParams,
  readRequestLine,
  resultLine,
} from "../../core/calls.ts";
import { type Method, METHODS } from "../../core/methods.ts";
import { MAX_LINE, readAnswerLine, requestLine } from "../../core/rpc.ts";
import { failsWith, sameBytes } from "./support.ts";

const CODES = Object.keys(ERRORS) as ErrorCode[];

const read = (line: string): Incoming => readRequestLine(new TextEncoder().encode(line));

/** The one call of a line. */
function single(line: string): Call | BadCall {
  const incoming = read(line);
  assert.equal(incoming.kind, "single", line.slice(0, 100));
  return (incoming as { call: Call | BadCall }).call;
}

/** The calls of a batch. */
function batch(line: string): readonly (Call | BadCall)[] {
  const incoming = read(line);
  assert.equal(incoming.kind, "batch", line.slice(0, 100));
  return (incoming as { calls: readonly (Call | BadCall)[] }).calls;
}

/** A call as its id and either its method or its error's code. */
function brief(call: Call | BadCall): unknown[] {
  return [call.id, "error" in call ? call.error.code : call.method];
}

function refused(line: string, code: ErrorCode, id: unknown = null): void {
  assert.deepEqual(brief(single(line)), [id, code], line.slice(0, 100));
}

/** A request with an id written as it stands. */
const withId = (id: string) => `{"jsonrpc":"2.0","id":${id},"method":"status"}`;

Deno.test("a request is read", () => {
  const line = '{"jsonrpc":"2.0","id":7,"method":"encrypt","params":{"text":"a"}}';
  assert.deepEqual(single(line), { id: 7, method: "encrypt", params: { text: "a" } });
  assert.deepEqual(single(withId("1")), { id: 1, method: "status", params: {} });
  assert.deepEqual(brief(single(` ${withId("1")} \r`)), [1, "status"]);
});

Deno.test("a line that is not JSON is a parse error", () => {
  const lines = [
    "",
    " ",
    "{",
    "}",
    "[",
    "[1,",
    '{"a":}',
    "nul",
    "NaN",
    "undefined",
    "'a'",
    "{a:1}",
  ];
  lines.push(
    "\u0000",
    withId("01"),
    withId("1") + "x",
    withId("1").repeat(2),
    "\ufeff" + withId("1"),
  );
  lines.push(withId("0x1"), withId("1e"), `//c\n${withId("1")}`, '"\n"', "GET / HTTP/1.1");
  for (const line of lines) refused(line, "parse_error");
});

Deno.test("a line that is not UTF-8 is a parse error", () => {
  const around = (bytes: number[]) =>
    Uint8Array.from([
      ...utf8('{"jsonrpc":"2.0","id":"'),
      ...bytes,
      ...utf8('","method":"status"}'),
    ]);
  for (
    const bytes of [[0xff], [0xc3], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf8, 0x88, 0x80, 0x80]]
  ) {
    const incoming = readRequestLine(around(bytes));
    assert.equal(incoming.kind, "single");
    assert.deepEqual(brief((incoming as { call: BadCall }).call), [null, "parse_error"]);
  }
});

Deno.test("a JSON value that is no request is an invalid request", () => {
  for (
    const line of ["null", "true", "1", '"status"', "{}", "[]", '{"id":1}', '{"method":"status"}']
  ) {
    const id = line === '{"id":1}' ? 1 : null;
    refused(line, "invalid_request", id);
  }
});

Deno.test("another version of JSON-RPC is an invalid request", () => {
  for (const version of ['"1.0"', '"2"', "2.0", "2", "null", '["2.0"]', '"2.0 "', "{}"]) {
    refused(`{"jsonrpc":${version},"id":1,"method":"status"}`, "invalid_request", 1);
  }
  refused('{"id":1,"method":"status"}', "invalid_request", 1);
});

Deno.test("a method that is no string is an invalid request", () => {
  for (const method of ["1", "null", '["status"]', "{}", "true"]) {
    refused(`{"jsonrpc":"2.0","id":1,"method":${method}}`, "invalid_request", 1);
  }
  refused('{"jsonrpc":"2.0","id":1}', "invalid_request", 1);
});

Deno.test("only the table's own names are methods", () => {
  const others = [
    "",
    "Status",
    "status ",
    "constructor",
    "__proto__",
    "toString",
    "hasOwnProperty",
  ];
  for (const method of [...others, "valueOf", "envelope", "rpc.discover", "x".repeat(10_000)]) {
    const line = `{"jsonrpc":"2.0","id":1,"method":${JSON.stringify(method)}}`;
    refused(line, "unknown_method", 1);
  }
  for (const method of Object.keys(METHODS)) {
    assert.deepEqual(brief(single(requestLine(1, method as Method, {}))), [1, method]);
  }
});

Deno.test("parameters that are no object are invalid parameters", () => {
  for (const params of ["null", "[]", '["a"]', "1", '"text"', "false"]) {
    refused(`{"jsonrpc":"2.0","id":1,"method":"status","params":${params}}`, "invalid_params", 1);
  }
});

Deno.test("an id is a whole number within 2^53, or a text of at most 128 characters", () => {
  const good: [string, unknown][] = [["0", 0], ["-5", -5], ["1.0", 1], ["1e3", 1_000]];
  good.push(["9007199254740991", Number.MAX_SAFE_INTEGER], ['""', ""], ['"a b"', "a b"]);
  good.push([`"${"x".repeat(128)}"`, "x".repeat(128)], ['"\\ud800"', "\ud800"], ['"é"', "é"]);
  for (const [id, value] of good) assert.deepEqual(brief(single(withId(id))), [value, "status"]);
});

Deno.test("what is no id, and a missing one, is an invalid request with the id null", () => {
  const bad = ["null", "true", "1.5", "-0.1", "9007199254740992", "1e400", "-1e400", "1e308", "{}"];
  bad.push("[]", "[1]", '{"a":1}', `"${"x".repeat(129)}"`, `"${"x".repeat(100_000)}"`);
  for (const id of bad) refused(withId(id), "invalid_request");
  refused('{"jsonrpc":"2.0","method":"status"}', "invalid_request");
  refused('{"jsonrpc":"2.0","method":"key.rotate","params":{"name":"default"}}', "invalid_request");
});

Deno.test("of a name given twice, the last counts", () => {
  assert.deepEqual(brief(single(withId("1").replace("}", ',"id":2}'))), [2, "status"]);
});

Deno.test("what an object inherits is never read from a line", () => {
  refused(`{"__proto__":${withId("1")}}`, "invalid_request");
  refused('{"__proto__":{"id":1},"jsonrpc":"2.0","method":"status"}', "invalid_request");
  refused('{"constructor":{"prototype":{"id":1}}}', "invalid_request");
  assert.equal(({} as { id?: unknown }).id, undefined);
});

Deno.test("a batch keeps the order of its requests, the bad ones in their places", () => {
  const line = `[${withId("1")},7,null,[],{"jsonrpc":"2.0","id":"x","method":"no"},${withId("2")}]`;
  assert.deepEqual(batch(line).map(brief), [
    [1, "status"],
    [null, "invalid_request"],
    [null, "invalid_request"],
    [null, "invalid_request"],
    ["x", "unknown_method"],
    [2, "status"],
  ]);
});

Deno.test("a notification in a batch is refused, and the others are not", () => {
  const line = `[{"jsonrpc":"2.0","method":"status"},${withId("2")}]`;
  assert.deepEqual(batch(line).map(brief), [[null, "invalid_request"], [2, "status"]]);
});

Deno.test("a batch has 1 to 1,024 requests", () => {
  const of = (count: number) => `[${Array(count).fill(withId("1")).join(",")}]`;
  assert.equal(MAX_BATCH, 1_024);
  refused("[]", "invalid_request");
  refused(" [ ] ", "invalid_request");
  assert.equal(batch(of(1)).length, 1);
  assert.equal(batch(of(1_024)).length, 1_024);
  refused(of(1_025), "batch_too_large");
  refused(`[${Array(100_000).fill("1").join(",")}]`, "batch_too_large");
});

Deno.test("a request of the service before this one is told apart", () => {
  const line = '{"command":"encrypt","payload":"text"}';
  assert.deepEqual(read(line), { kind: "legacy", command: "encrypt", payload: "text" });
  const odd = '{"command":{"a":1},"other":2}';
  assert.deepEqual(read(odd), { kind: "legacy", command: { a: 1 }, payload: undefined });
  assert.equal(read('{"command":null}').kind, "legacy");
});

Deno.test("a request that has both forms, or inherits one, is not of the service before", () => {
  assert.deepEqual(brief(single(withId("1").replace("}", ',"command":"encrypt"}'))), [1, "status"]);
  refused('{"__proto__":{"command":"encrypt"}}', "invalid_request");
  assert.deepEqual(batch('[{"command":"encrypt","payload":""}]').map(brief), [
    [null, "invalid_request"],
  ]);
});

/** Values that are deep or wide, each about as long as the longest line. */
function bombs(): string[] {
  const deep = (open: string, close: string) => {
    const count = Math.floor((MAX_LINE - 100) / (open.length + close.length));
    return open.repeat(count) + (close === "}" ? "1" : "") + close.repeat(count);
  };
  const wide = (item: string) => Array(Math.floor((MAX_LINE - 100) / (item.length + 1))).fill(item);
  const names = Array.from({ length: 60_000 }, (_, i) => `"p${i}":0`);
  const values = [deep("[", "]"), deep('{"a":', "}"), `[${wide("[]").join(",")}]`];
  return [
    ...values,
    `{${names.join(",")}}`,
    `"${"\\u0000".repeat(170_000)}"`,
    "9".repeat(1_000_000),
  ];
}

Deno.test("values nested or wide up to 1 MiB are answered in bounded time, wherever they stand", () => {
  const started = performance.now();
  for (const bomb of bombs()) {
    assert.deepEqual(callsOf(read(bomb)).map(brief), [[null, bombCode(bomb)]]);
    refused(withId(bomb), "invalid_request");
    const params = single(`{"jsonrpc":"2.0","id":1,"method":"encrypt","params":{"text":${bomb}}}`);
    checkBombParams(params);
    assert.equal(read(`{"command":"encrypt","payload":${bomb}}`).kind, "legacy");
    assert.equal(batch(`[${bomb},1]`).length, 2);
  }
  for (const broken of ["[", '{"a":', '"\\u00']) refused(broken.repeat(170_000), "parse_error");
  // Quadratic work on a MiB would take minutes; this is generous for a slow machine.
  assert.ok(performance.now() - started < 10_000);
});

function callsOf(incoming: Incoming): readonly (Call | BadCall)[] {
  if (incoming.kind === "batch") return incoming.calls;
  return incoming.kind === "single" ? [incoming.call] : [];
}

/** A bomb is a batch too large, a batch of one that is no request, or no request. */
function bombCode(bomb: string): ErrorCode {
  return bomb.startsWith("[[],") ? "batch_too_large" : "invalid_request";
}

/** A text is a text, however long; all else is no text. */
function checkBombParams(call: Call | BadCall): void {
  const { params } = call as Call;
  if (typeof params.text === "string") return void readParams("encrypt", params);
  failsWith("invalid_params", () => readParams("encrypt", params));
}

Deno.test("an object of many names is refused at the first that is no parameter", () => {
  const names = Array.from({ length: 60_000 }, (_, i) => `"p${i}":0`).join(",");
  const { params } = single(
    `{"jsonrpc":"2.0","id":1,"method":"status","params":{${names}}}`,
  ) as Call;
  failsWith("invalid_params", () => readParams("status", params));
});

Deno.test("parameters are read by their types", () => {
  const encrypt = readParams("encrypt", { key: "k", text: "", contextData: "AQI" });
  assert.deepEqual({ ...encrypt, contextData: undefined }, {
    key: "k",
    text: "",
    contextData: undefined,
  });
  sameBytes(encrypt.contextData!, Uint8Array.of(1, 2));
  assert.deepEqual(readParams("status", {}), {});
  for (const size of [0, 1, Number.MAX_SAFE_INTEGER]) {
    assert.equal(readParams("envelope.create", { size }).size, size);
  }
});

Deno.test("a parameter of another type is refused, null too", () => {
  for (const value of [null, 1, true, [], {}, ["a"]]) {
    failsWith("invalid_params", () => readParams("encrypt", { text: value }));
    failsWith("invalid_params", () => readParams("encrypt", { data: value }));
  }
  const sizes = [null, "1", true, [], {}, 1.5, -1, 2 ** 53, Infinity, NaN];
  for (const size of sizes) {
    failsWith("invalid_params", () => readParams("envelope.create", { size }));
  }
});

Deno.test("bytes in any but the canonical spelling are refused", () => {
  for (const data of ["AA==", "A", "AB", "+AAA", "AA AA", "AAAA\n", "é"]) {
    failsWith("invalid_params", () => readParams("encrypt", { data }), data);
  }
});

Deno.test("a text that no UTF-8 can hold is refused", () => {
  const { params } = single(
    '{"jsonrpc":"2.0","id":1,"method":"encrypt","params":{"text":"\\ud800"}}',
  ) as Call;
  failsWith("invalid_text", () => readParams("encrypt", params));
});

Deno.test("a parameter that the method does not have is refused", () => {
  for (const method of Object.keys(METHODS) as Method[]) {
    for (const name of ["", "other", "Key", "constructor", "toString", "hasOwnProperty"]) {
      failsWith("invalid_params", () => readParams(method, { [name]: "a" }), `${method} ${name}`);
    }
    const proto = JSON.parse('{"__proto__":"a"}');
    failsWith("invalid_params", () => readParams(method, proto), method);
  }
});

Deno.test("a parameter that is missing is refused, and an inherited one is missing", () => {
  failsWith("invalid_params", () => readParams("decrypt", {}));
  failsWith("invalid_params", () => readParams("key.create", { purpose: "seal" }));
  failsWith("invalid_params", () => readParams("key.import", { name: "a" }));
  failsWith("invalid_params", () => readParams("decrypt", Object.create({ message: "a" })));
});

Deno.test("an error about a parameter quotes no more than 40 characters of its name", () => {
  const { hint, code } = invalidParam("\n\u001b[2J" + "x".repeat(5_000), "is missing");
  assert.equal(code, "invalid_params");
  assert.ok(hint.length < 100);
  // deno-lint-ignore no-control-regex -- that there are none is the point
  assert.doesNotMatch(hint, /[\u0000-\u001f]/);
});

Deno.test("every error comes back through the wire with its code, subject and hint", () => {
  for (const code of CODES) {
    for (const detail of [{}, { subject: "a key" }, { subject: "ü\n", hint: "do that" }]) {
      const error = new CryptoError(code, detail);
      const answer = readAnswerLine(utf8(errorLine(3, error)));
      assert.equal(answer.id, 3);
      const back = (answer.outcome as { error: CryptoError }).error;
      assert.ok(back instanceof CryptoError);
      assert.deepEqual([back.code, back.subject, back.hint], [code, error.subject, error.hint]);
    }
  }
});

Deno.test("an error line is JSON-RPC 2.0, one line, with the table's code and message", () => {
  for (const code of CODES) {
    const line = errorLine(
      null,
      new CryptoError(code, { subject: "a\nb", cause: new Error("unspeakable") }),
    );
    assert.doesNotMatch(line, /\n|unspeakable/);
    const { jsonrpc, id, error } = JSON.parse(line);
    assert.deepEqual([jsonrpc, id], ["2.0", null]);
    assert.deepEqual([error.code, error.message], [ERRORS[code].rpc, ERRORS[code].message]);
    assert.equal(error.data.code, code);
  }
});

Deno.test("a result comes back through the wire, under any id", () => {
  for (const id of [0, -1, "", 'a\n"b\\', "\ud800", null]) {
    const line = resultLine(id, { text: "a\nb" });
    assert.doesNotMatch(line, /\n/);
    const answer = readAnswerLine(utf8(line));
    assert.deepEqual(answer, { id, outcome: { result: { text: "a\nb" } } });
  }
});

Deno.test("a result with a long message or long bytes comes back through the wire, alone or not", () => {
  const long = "A".repeat(100_000);
  const results = [
    ...[{ message: long }, { data: long }, { message: long, key: "k", version: 3 }],
    ...[{ data: long, key: 'a"b' }, { text: `"${long}\n`, key: "k" }, { key: "k", message: long }],
    { message: long, data: '"\n' },
  ];
  for (const result of results) {
    const line = resultLine(7, result);
    assert.doesNotMatch(line, /\n/);
    assert.deepEqual(readAnswerLine(utf8(line)), { id: 7, outcome: { result } });
  }
});

Deno.test("a request comes back through the wire, without the parameters left out", () => {
  const line = requestLine(4, "encrypt", { text: "a\nb", key: undefined });
  assert.doesNotMatch(line, /\n/);
  assert.deepEqual(single(line), { id: 4, method: "encrypt", params: { text: "a\nb" } });
});

Deno.test("a line that is no answer means that there is no crypto daemon", () => {
  const lines = ["", "HTTP/1.1 400 Bad Request", "null", "[]", "1", '"a"', "{", "{}", '{"id":1}'];
  lines.push('{"jsonrpc":"2.0","id":1}', '{"jsonrpc":"1.0","id":1,"result":1}', '{"result":1}');
  for (const line of lines) failsWith("unavailable", () => readAnswerLine(utf8(line)), line);
  failsWith("unavailable", () => readAnswerLine(Uint8Array.of(0xff)));
});

Deno.test("an error whose code is not known here is an internal one", () => {
  const errors = [
    '{"code":-1,"message":"m"}',
    '{"data":{"code":"new_code"}}',
    '{"data":null}',
    "{}",
  ];
  errors.push('{"data":{"code":"constructor"}}', '{"data":{"code":["denied"]}}', '{"message":{}}');
  for (const error of errors) {
    const answer = readAnswerLine(utf8(`{"jsonrpc":"2.0","id":1,"error":${error}}`));
    assert.equal((answer.outcome as { error: CryptoError }).error.code, "internal", error);
  }
});

Deno.test("texts of an answer's error are cut, and what is no text is left out", () => {
  const data = { code: "denied", subject: "s".repeat(9_000), hint: ["no text"] };
  const line = JSON.stringify({ jsonrpc: "2.0", id: 1, error: { code: 1, message: "m", data } });
  const { error } = readAnswerLine(utf8(line)).outcome as { error: CryptoError };
  assert.equal(error.subject?.length, 500);
  assert.equal(error.hint, ERRORS.denied.hint);
});
