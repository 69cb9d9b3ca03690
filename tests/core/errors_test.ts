import assert from "node:assert/strict";
import {
  asCryptoError,
  CryptoError,
  type ErrorCode,
  type ErrorKind,
  ERRORS,
  isErrorCode,
} from "../../core/errors.ts";

const TABLE = Object.entries(ERRORS) as [ErrorCode, ErrorKind][];
const STANDARD = [-32700, -32600, -32601, -32602, -32603];

Deno.test("every JSON-RPC code is unique, but for the two names of wrong parameters", () => {
  const seen = new Map<number, ErrorCode>();
  for (const [code, { rpc }] of TABLE) {
    const other = seen.get(rpc);
    if (other) assert.deepEqual([other, code], ["usage", "invalid_params"]);
    seen.set(rpc, code);
  }
});

Deno.test("every JSON-RPC code is the standard's own or in the servers' range", () => {
  for (const [code, { rpc }] of TABLE) {
    const ours = rpc <= -32001 && rpc >= -32099;
    assert.ok(Number.isInteger(rpc) && (ours || STANDARD.includes(rpc)), code);
  }
});

Deno.test("every exit status is one of sysexits.h", () => {
  for (const [code, { exit }] of TABLE) {
    assert.ok(Number.isInteger(exit) && exit >= 64 && exit <= 78, code);
  }
});

Deno.test("every HTTP status is an error's", () => {
  for (const [code, { http }] of TABLE) {
    assert.ok(Number.isInteger(http) && http >= 400 && http <= 599, code);
  }
});

Deno.test("every code has one line of message and hint, without a full stop", () => {
  for (const [code, { message, hint }] of TABLE) {
    for (const text of [message, hint]) assert.match(text, /^[^\n]*[^\s.]$/, code);
    assert.match(code, /^[a-z]+(_[a-z]+)*$/);
  }
});

Deno.test("whatever failed in a decryption has one code, and it names no cause", () => {
  const aboutDecryption = TABLE.filter(([code]) => /decrypt|authentic|commit|tag/.test(code));
  assert.deepEqual(aboutDecryption.map(([code]) => code), ["decryption_failed"]);
});

Deno.test("an error carries its code, its row of the table, and what was added", () => {
  for (const [code, kind] of TABLE) {
    const plain = new CryptoError(code);
    assert.equal(plain.code, code);
    assert.equal(plain.kind, kind);
    assert.equal(plain.hint, kind.hint);
    assert.equal(plain.subject, undefined);
  }
  const cause = new Error("inner");
  const full = new CryptoError("io", { subject: "/a/path", hint: "try again", cause });
  assert.deepEqual([full.subject, full.hint, full.cause], ["/a/path", "try again", cause]);
  assert.ok(full.message.includes("/a/path"));
  assert.ok(full instanceof Error);
});

Deno.test("only the table's own names are codes", () => {
  for (const [code] of TABLE) assert.equal(isErrorCode(code), true);
  const others = ["", "constructor", "__proto__", "toString", "IO", "io ", undefined, null, 7, {}];
  for (const other of others) assert.equal(isErrorCode(other), false);
});

Deno.test("anything thrown becomes a CryptoError, and one that is stays itself", () => {
  const error = new CryptoError("denied");
  assert.equal(asCryptoError(error), error);
  for (const thrown of [new TypeError("x"), "text", undefined, null, 5]) {
    const wrapped = asCryptoError(thrown);
    assert.equal(wrapped.code, "internal");
    assert.equal(wrapped.cause, thrown);
  }
});
