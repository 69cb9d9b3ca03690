import assert from "node:assert/strict";
import { LineReader } from "../../core/lines.ts";
import { Admission, DEFAULT_LIMITS } from "../../server/limits.ts";
import { accountOf } from "../../server/identity.ts";
import { utf8 } from "../../core/bytes.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

function takeAll(lines: LineReader, data: string): string[] {
  const taken: string[] = [];
  lines.take(utf8(data), (line) => taken.push(text(line)));
  return taken;
}

Deno.test("lines are the same however their bytes are cut", () => {
  const data = "one\n\nthree äöü\nfour";
  const bytes = utf8(data);
  for (let size = 1; size <= bytes.length; size++) {
    const reader = new LineReader(100);
    const lines: string[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      reader.take(bytes.subarray(at, at + size), (line) => lines.push(text(line)));
    }
    assert.deepEqual([...lines, text(reader.rest())], data.split("\n"), `${size}`);
    assert.equal(reader.waiting, 0);
  }
});

Deno.test("what waits does not change with the buffer that it came in", () => {
  const reader = new LineReader(100);
  const buffer = utf8("waits");
  reader.take(buffer, () => assert.fail("no line has ended"));
  buffer.fill(0);
  assert.equal(text(reader.peek()), "waits");
  assert.equal(text(reader.rest()), "waits");
});

Deno.test("a line may be as long as the limit, and no longer, in one piece or many", () => {
  const tooLong = { code: "line_too_long" };
  assert.deepEqual(takeAll(new LineReader(3), "abc\nabc\n"), ["abc", "abc"]);
  assert.throws(() => takeAll(new LineReader(3), "abcd"), tooLong);
  assert.throws(() => takeAll(new LineReader(3), "abcd\n"), tooLong);
  const reader = new LineReader(3);
  for (const piece of ["a", "b", "c"]) takeAll(reader, piece);
  assert.throws(() => takeAll(reader, "d"), tooLong);
});

Deno.test("lines before one that is too long are given", () => {
  const given: string[] = [];
  assert.throws(() => {
    new LineReader(3).take(utf8("ab\nc\nabcd\n"), (line) => given.push(text(line)));
  }, { code: "line_too_long" });
  assert.deepEqual(given, ["ab", "c"]);
});

Deno.test("connections and requests are counted by user, and connections in all", () => {
  const limits = { ...DEFAULT_LIMITS, connections: 3, connectionsPerUser: 2, requestsPerUser: 5 };
  const admission = new Admission(limits);
  const full = { code: "too_many_connections" };
  for (const uid of [1, 1, 2]) admission.connect(uid, false);
  assert.throws(() => admission.connect(1, false), full);
  assert.throws(() => admission.connect(3, false), full);
  admission.disconnect(1);
  admission.connect(3, false);
  assert.equal(admission.connections, 3);
  assert.deepEqual([admission.begin(1, 5), admission.begin(1, 1), admission.begin(2, 5)], [
    true,
    false,
    true,
  ]);
  admission.answered(1, 2);
  assert.deepEqual([admission.begin(1, 3), admission.begin(1, 2)], [false, true]);
});

Deno.test("who comes by a certificate is counted by its first name", () => {
  const certified = (...names: [string, ...string[]]) => {
    return accountOf({ names, expires: 0, address: "192.0.2.1:1" });
  };
  const admission = new Admission({ ...DEFAULT_LIMITS, connectionsPerUser: 2 });
  admission.connect(certified("URI:a", "SHA256:01"), false);
  admission.connect(certified("URI:a", "SHA256:02"), false);
  assert.throws(() => admission.connect(certified("URI:a", "DNS:x"), false), {
    code: "too_many_connections",
  });
  admission.connect(certified("DNS:x", "SHA256:03"), false);
  admission.connect(0, false);
  assert.equal(admission.connections, 4);
});

Deno.test("some connections are kept for those who manage", () => {
  const full = { code: "too_many_connections" };
  const admission = new Admission({ ...DEFAULT_LIMITS, connections: 16, connectionsPerUser: 16 });
  for (let uid = 1; uid <= 14; uid++) admission.connect(uid, false);
  assert.throws(() => admission.connect(15, false), full);
  for (let i = 0; i < 2; i++) admission.connect(0, true);
  assert.throws(() => admission.connect(0, true), full);
});
