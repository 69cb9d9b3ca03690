/** Asking one thing after the other, with a daemon that does what a real one would not. */
import assert from "node:assert/strict";
import { Unanswered } from "../../client/channel.ts";
import { Exchange } from "../../client/exchange.ts";
import { errorLine, resultLine } from "../../core/calls.ts";
import { type Bytes, EMPTY, utf8 } from "../../core/bytes.ts";
import { CryptoError, type ErrorCode } from "../../core/errors.ts";
import { Errno, SystemError } from "../../platform/libc.ts";

/** A daemon in this process, whose lines are known beforehand. Then it hangs up. */
class Scripted {
  readonly exchange: Exchange = new Exchange(this);
  sent = "";
  closed = false;
  brokenWrites = false;
  brokenReads = false;
  readonly #pieces: Bytes[];
  /** How much has come before anything is asked. */
  #early: number;

  constructor(lines: readonly string[], { cut = 10_000, early = 0 } = {}) {
    const bytes = utf8(lines.map((line) => `${line}\n`).join(""));
    const count = Math.ceil(bytes.length / cut);
    this.#pieces = Array.from({ length: count }, (_, i) => bytes.subarray(i * cut, (i + 1) * cut));
    this.#early = early;
  }

  send(bytes: Bytes): void {
    if (this.brokenWrites) throw new SystemError("send", Errno.EPIPE);
    this.sent += new TextDecoder().decode(bytes);
  }

  receive(): Bytes {
    if (this.brokenReads) throw new SystemError("recv", Errno.ECONNRESET);
    return this.#pieces.shift() ?? EMPTY;
  }

  receiveNow(): Bytes | undefined {
    return this.#early-- > 0 ? this.receive() : undefined;
  }

  close(): void {
    this.closed = true;
  }
}

async function failing(promise: Promise<unknown>): Promise<CryptoError> {
  const error = await promise.then(() => undefined, (thrown: unknown) => thrown);
  assert.ok(error instanceof CryptoError, String(error));
  return error;
}

/** Code, and whether it is known not to have been done; undefined where asking again is no use. */
async function end(promise: Promise<unknown>): Promise<[ErrorCode, boolean | undefined]> {
  const error = await failing(promise);
  return [error.code, error instanceof Unanswered ? error.undone : undefined];
}

Deno.test("an answer is read however it is cut, and the next one after it", async () => {
  for (const cut of [1, 7, 10_000]) {
    const lines = [resultLine(1, { uptime: 5 }), resultLine(2, { uptime: 6 })];
    const { exchange } = new Scripted(lines, { cut });
    assert.equal((await exchange.ask("status")).uptime, 5);
    assert.equal((await exchange.ask("status")).uptime, 6);
  }
});

Deno.test("an answer to nothing is ignored when one thing is asked after the other", async () => {
  const { exchange } = new Scripted([resultLine(9, {}), resultLine(1, { uptime: 5 })]);
  assert.equal((await exchange.ask("status")).uptime, 5);
});

Deno.test("a refusal is that of its own request alone", async () => {
  const refused = new CryptoError("key_exists", { subject: "orders", hint: "take another" });
  const daemon = new Scripted([errorLine(1, refused), resultLine(2, { uptime: 5 })]);
  const error = await failing(daemon.exchange.ask("status"));
  assert.deepEqual([error.code, error.subject, error.hint], ["key_exists", "orders", refused.hint]);
  assert.equal((await daemon.exchange.ask("status")).uptime, 5);
  assert.equal(daemon.sent.split("\n").length, 3);
});

Deno.test("what a daemon that hangs up has done is said as far as it is known", async () => {
  const reason = (code: ErrorCode) => [errorLine(null, new CryptoError(code))];
  const cases: [readonly string[], [ErrorCode, boolean | undefined]][] = [
    [reason("stopping"), ["stopping", true]],
    [reason("idle_timeout"), ["idle_timeout", true]],
    [reason("too_many_connections"), ["too_many_connections", undefined]],
    [[], ["unavailable", false]],
    [["no JSON"], ["unavailable", undefined]],
  ];
  for (const [lines, expected] of cases) {
    const daemon = new Scripted(lines);
    assert.deepEqual(await end(daemon.exchange.ask("status")), expected);
    // And nothing is sent to it any more.
    const sent = daemon.sent;
    const again = expected[1] === undefined ? undefined : true;
    assert.deepEqual(await end(daemon.exchange.ask("status")), [expected[0], again]);
    assert.equal(daemon.sent, sent);
  }
});

Deno.test("who has hung up before anything was asked is not asked", async () => {
  const tired = errorLine(null, new CryptoError("idle_timeout"));
  for (const [lines, code] of [[[tired], "idle_timeout"], [[], "unavailable"]] as const) {
    const daemon = new Scripted(lines, { cut: 10, early: 1 });
    assert.deepEqual(await end(daemon.exchange.ask("key.create")), [code, true]);
    assert.equal(daemon.sent, "");
  }
});

Deno.test("the reason of a daemon that takes nothing any more is read", async () => {
  const daemon = new Scripted([errorLine(null, new CryptoError("stopping"))]);
  daemon.brokenWrites = true;
  assert.deepEqual(await end(daemon.exchange.ask("status")), ["stopping", true]);
});

Deno.test("a connection that the kernel calls broken has ended", async () => {
  const daemon = new Scripted([]);
  daemon.brokenReads = true;
  assert.deepEqual(await end(daemon.exchange.ask("status")), ["unavailable", false]);
});

Deno.test("a line that the daemon would hang up on is not sent", async () => {
  const daemon = new Scripted([resultLine(2, { uptime: 5 })]);
  const asked = daemon.exchange.ask("encrypt", { text: "x".repeat(1_048_576) });
  assert.deepEqual(await end(asked), ["line_too_long", undefined]);
  assert.equal(daemon.sent, "");
  assert.equal((await daemon.exchange.ask("status")).uptime, 5);
  await daemon.exchange.close();
  assert.ok(daemon.closed);
});
