/** Messages that were cut, lengthened, reordered, changed or are another daemon's. */
import assert from "node:assert/strict";
import { concat } from "../../core/bytes.ts";
import type { ErrorCode } from "../../core/errors.ts";
import { startDaemon } from "../support/daemon.ts";
import {
  type Bytes,
  crypto,
  exec,
  failedWith,
  fails,
  Folder,
  prints,
  PROGRAM,
  sample,
  succeeds,
  text,
} from "./support.ts";

const daemon = await startDaemon();
Deno.test.afterAll(() => daemon[Symbol.asyncDispose]());
const { env } = daemon;

const CHUNK = 16_400;
const ENVELOPE = 117;
const BODY = 173;

/** Two full chunks and a short one. */
const whole = await succeeds(["encrypt"], { env, stdin: sample(2 * 16_384 + 100) });
/** As long as two chunks to the byte, so that its last chunk is empty. */
const even = await succeeds(["encrypt"], { env, stdin: sample(2 * 16_384) });
const empty = await succeeds(["encrypt"], { env, stdin: "" });
const armored = await succeeds(["encrypt", "--armor"], { env, stdin: sample(100_000) });
const direct = await succeeds(["encrypt", "--quiet", "--text", "a value"], { env });

interface BadMessage {
  readonly what: string;
  readonly bytes: Bytes;
  readonly code: ErrorCode;
}

/** Decrypts bad messages to a file: each fails with its code, and no file is left. */
async function refusesAll(messages: readonly BadMessage[]): Promise<void> {
  using folder = new Folder();
  for (const { what, bytes, code } of messages) {
    const file = folder.write("m.crypto", bytes);
    failedWith(code, await crypto(["decrypt", file], { env }), what);
    assert.deepEqual(folder.names(), ["m.crypto"], what);
  }
}

function flipped(bytes: Bytes, at: number): Bytes {
  return bytes.with(at, bytes[at]! ^ (1 << at % 8));
}

function chunk(number: number): Bytes {
  return whole.subarray(BODY + number * CHUNK, BODY + (number + 1) * CHUNK);
}

Deno.test("a message cut at any boundary is refused, and no file is left", async () => {
  const cut = (bytes: Bytes, length: number, code: ErrorCode): BadMessage => {
    return { what: `cut to ${length}`, bytes: bytes.subarray(0, length), code };
  };
  const unreadable = [0, 1, 3, 4, 5, 12, 13, 14, 116];
  const untrue = [117, 118, 172, 173, 188, 189, 190, BODY + CHUNK - 1, BODY + CHUNK];
  const later = [BODY + CHUNK + 1, BODY + CHUNK + 15, BODY + CHUNK + 16, BODY + 2 * CHUNK];
  await refusesAll([
    ...unreadable.map((length) => cut(whole, length, "malformed")),
    ...[...untrue, ...later].map((length) => cut(whole, length, "decryption_failed")),
    cut(whole, whole.length - 1, "decryption_failed"),
    cut(even, even.length - 16, "decryption_failed"),
    cut(empty, empty.length - 1, "decryption_failed"),
  ]);
});

Deno.test("a message that was made longer is refused", async () => {
  const longer = (what: string, ...parts: Bytes[]): BadMessage => {
    return { what, bytes: concat(...parts), code: "decryption_failed" };
  };
  await refusesAll([
    longer("one byte", whole, new Uint8Array(1)),
    longer("a line break", whole, new Uint8Array([0x0a])),
    longer("its own last chunk again", whole, whole.subarray(BODY + 2 * CHUNK)),
    longer("another message", whole, empty),
    longer("itself", even, even),
    longer("a tag", empty, new Uint8Array(16)),
  ]);
});

Deno.test("chunks that were moved, repeated, left out or are another message's are refused", async () => {
  const head = whole.subarray(0, BODY);
  const last = whole.subarray(BODY + 2 * CHUNK);
  const made = (what: string, ...parts: Bytes[]): BadMessage => {
    return { what, bytes: concat(head, ...parts), code: "decryption_failed" };
  };
  await refusesAll([
    made("swapped", chunk(1), chunk(0), last),
    made("repeated", chunk(0), chunk(0), last),
    made("first left out", chunk(1), last),
    made("middle left out", chunk(0), last),
    made("last first", last, chunk(0), chunk(1)),
    made("another's chunks", even.subarray(BODY)),
    {
      what: "another's envelope",
      bytes: concat(even.subarray(0, ENVELOPE), whole.subarray(ENVELOPE)),
      code: "decryption_failed",
    },
  ]);
});

Deno.test("one changed bit anywhere is refused", async () => {
  const inHeader = [0, 1, 2, 3].map((at): BadMessage => {
    return { what: `bit in ${at}`, bytes: flipped(whole, at), code: "malformed" };
  });
  // The key id: no such key. Kind 0 would be a direct message of the same key.
  const inKeyId = [5, 8, 12].map((at): BadMessage => {
    return { what: `bit in ${at}`, bytes: flipped(whole, at), code: "denied" };
  });
  const places = [13, 36, 37, 68, 69, 100, 101, 116, 117, 140, 141, 172, 173, 180];
  const ends = [BODY + 16_383, BODY + 16_384, BODY + CHUNK - 1, BODY + CHUNK, whole.length - 1];
  const inBody = [...places, ...ends].map((at): BadMessage => {
    return { what: `bit in ${at}`, bytes: flipped(whole, at), code: "decryption_failed" };
  });
  await refusesAll([...inHeader, ...inKeyId, ...inBody]);
});

Deno.test("a message said to be of another kind or version is refused", async () => {
  const kind = (value: number) => whole.with(4, value);
  await refusesAll([
    { what: "direct", bytes: kind(0), code: "decryption_failed" },
    { what: "passphrase", bytes: kind(2), code: "malformed" },
    { what: "unknown kind", bytes: kind(3), code: "malformed" },
    { what: "kind 255", bytes: kind(255), code: "malformed" },
    { what: "a later version", bytes: whole.with(3, 0x32), code: "malformed" },
  ]);
});

Deno.test("text that is not the one spelling of a message is refused", async () => {
  const line = text(armored).trimEnd();
  const bad = (what: string, value: string | Bytes): BadMessage => {
    const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
    return { what, bytes, code: "malformed" };
  };
  const at = armored.length >> 1;
  await refusesAll([
    bad("nothing but a prefix", "crypto:v1:"),
    bad("another version", line.replace("v1", "v2")),
    bad("capitals", line.replace("crypto", "CRYPTO")),
    bad("invalid UTF-8", armored.with(at, 0xff)),
    bad("invalid UTF-8 at the start", armored.with(10, 0x80)),
    bad("a character of base64", armored.with(at, 0x2b)),
    bad("a line break inside", armored.with(at, 0x0a)),
    bad("two line breaks", `${line}\n\n`),
    bad("a carriage return", `${line}\r\n`),
    bad("a space at the end", `${line} `),
    bad("a space in front", ` ${line}`),
    bad("padding", `${line}==`),
    bad("more after the line", `${line}\n${line}\n`),
    bad("a byte order mark", `\ufeff${line}`),
  ]);
  const cut = [4, 5, 8, 4_096, 4_097, line.length - 11].map((length): BadMessage => {
    const bytes = armored.subarray(0, 10 + length);
    const ends = { what: `text cut to ${length}`, bytes };
    const code = length < 156 || length % 4 === 1 ? "malformed" : "decryption_failed";
    return { ...ends, code };
  });
  await refusesAll(cut);
});

Deno.test("a direct message that was changed or cut is refused", async () => {
  const line = text(direct).trimEnd();
  const failing = (what: string, value: string): BadMessage => {
    return { what, bytes: new TextEncoder().encode(value), code: "decryption_failed" };
  };
  const other = line[60] === "A" ? "B" : "A";
  await refusesAll([
    failing("changed", line.slice(0, 60) + other + line.slice(61)),
    failing("cut", line.slice(0, 10 + 100)),
    failing("longer", `${line}AAAA`),
    { ...failing("cut within its header", line.slice(0, 20)), code: "malformed" },
  ]);
});

Deno.test("another daemon's message is refused like one under a key that one may not use", async () => {
  await using other = await startDaemon();
  for (const stdin of [whole, armored, direct]) {
    await fails("denied", ["decrypt"], { env: other.env, stdin });
  }
  assert.equal(await prints(["decrypt"], { env, stdin: direct }), "a value");
});

Deno.test("a wrong context is refused, and no file is left", async () => {
  using folder = new Folder();
  const file = folder.at("m.crypto");
  await succeeds(["encrypt", "-c", "row 7", "-o", file], { env, stdin: sample(100_000) });
  await fails("decryption_failed", ["decrypt", "-c", "row 8", file], { env });
  await fails("decryption_failed", ["decrypt", file], { env });
  assert.deepEqual(folder.names(), ["m.crypto"]);
});

Deno.test("on standard output only authentic parts go out, and the status tells", async () => {
  const long = await succeeds(["encrypt"], { env, stdin: sample(3_000_000) });
  for (const stdin of [long.subarray(0, -1), flipped(long, long.length - 20)]) {
    const run = await crypto(["decrypt"], { env, stdin });
    failedWith("decryption_failed", run);
    assert.ok(run.stdout.length < 3_000_000);
    assert.deepEqual(run.stdout, sample(3_000_000).subarray(0, run.stdout.length));
  }
});

Deno.test("a bad line of text far into a stream is refused though the reader is slow", async () => {
  const long = await succeeds(["encrypt", "--armor"], { env, stdin: sample(5_000_000) });
  using folder = new Folder();
  folder.write("bad", long.with(6_000_000, 0x21));
  const script = `{ "$0" decrypt <bad; echo $? >status; } | { while [ ! -s status ]; do
    head -c 1000000 | wc -c; done; } >/dev/null; cat status`;
  const run = await exec(["sh", "-c", script, PROGRAM], { env, cwd: folder.path });
  assert.equal(text(run.stdout), "65\n");
  assert.match(run.stderr, /^crypto: .+\n {2}hint: .+\n$/);
});

Deno.test("an error shows nothing that would drive a terminal", async () => {
  const run = await fails("io", ["encrypt", "no\x1b[31m\u202efile"], { env });
  // deno-lint-ignore no-control-regex
  assert.doesNotMatch(run.stderr, /[\x00-\x09\x0b-\x1f\u202e]/);
});
