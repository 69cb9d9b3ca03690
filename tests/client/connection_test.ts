/** The connection of the client, with a daemon that does what a real one would not. */
import assert from "node:assert/strict";
import { Unanswered } from "../../client/channel.ts";
import { Connection } from "../../client/connection.ts";
import { KeyService } from "../../client/keyservice.ts";
import type { Duplex } from "../../client/transport.ts";
import { CryptoError, type ErrorCode } from "../../core/errors.ts";
import { errorLine, resultLine } from "../../core/calls.ts";
import { soon } from "../support/wait.ts";

interface Request {
  readonly id: number;
  readonly method: string;
  readonly params: Record<string, unknown>;
}

/** A daemon in this process: gives the requests, and sends what the test says. */
class Scripted {
  readonly requests: Request[] = [];
  readonly #toClient = new TransformStream<Uint8Array, Uint8Array>();
  readonly #writer = this.#toClient.writable.getWriter();
  #text = "";
  closed = false;

  /** The client's end. */
  readonly duplex: Duplex = {
    read: () => this.#toClient.readable,
    write: (bytes) => {
      if (this.brokenWrites) return Promise.reject(new Error("EPIPE"));
      this.#receive(bytes);
      return Promise.resolve();
    },
    close: () => {
      this.closed = true;
      void this.#writer.close().catch(() => {});
    },
  };

  readonly connection: Connection;

  constructor(
    private readonly brokenWrites = false,
    patience?: number,
  ) {
    this.connection = new Connection({ ...this.duplex, patience });
  }

  #receive(bytes: Uint8Array): void {
    const lines = (this.#text + new TextDecoder().decode(bytes)).split("\n");
    this.#text = lines.pop()!;
    for (const line of lines) this.requests.push(JSON.parse(line) as Request);
  }

  /** Waits until some requests have come. */
  async received(count: number): Promise<readonly Request[]> {
    while (this.requests.length < count) await Promise.resolve();
    return this.requests;
  }

  async send(text: string): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(text));
  }

  async hangUp(): Promise<void> {
    await this.#writer.close();
  }
}

async function rejects(code: ErrorCode, promise: Promise<unknown>): Promise<CryptoError> {
  const error = await soon(code, promise.then(() => undefined, (thrown: unknown) => thrown));
  assert.ok(error instanceof CryptoError, String(error));
  assert.equal(error.code, code);
  return error;
}

Deno.test("answers find their requests in any order, however they are cut", async () => {
  const daemon = new Scripted();
  const asked = Array.from({ length: 5 }, () => daemon.connection.ask("status"));
  const requests = await daemon.received(5);
  assert.equal(new Set(requests.map(({ id }) => id)).size, 5);
  const lines = requests.map(({ id }) => resultLine(id, { uptime: id }) + "\n").reverse().join("");
  for (const part of lines.match(/[^]{1,7}/g) ?? []) await daemon.send(part);
  const answers = await soon("all answers", Promise.all(asked));
  assert.deepEqual(answers.map(({ uptime }) => uptime), requests.map(({ id }) => id));
});

Deno.test("an answer to nothing is ignored", async () => {
  const daemon = new Scripted();
  const asked = daemon.connection.ask("status");
  const [request] = await daemon.received(1);
  await daemon.send(`${resultLine(999, {})}\n${resultLine(request!.id, { uptime: 5 })}\n`);
  assert.equal((await soon("the answer", asked)).uptime, 5);
});

Deno.test("an error fails its own request, with the daemon's subject and hint", async () => {
  const daemon = new Scripted();
  const [failing, other] = [daemon.connection.ask("status"), daemon.connection.ask("status")];
  const [first, second] = await daemon.received(2);
  const sent = new CryptoError("key_exists", { subject: "orders", hint: "take another" });
  await daemon.send(`${errorLine(first!.id, sent)}\n${resultLine(second!.id, {})}\n`);
  const error = await rejects("key_exists", failing);
  assert.deepEqual([error.subject, error.hint], ["orders", "take another"]);
  await soon("the other", other);
});

Deno.test("a code of a newer daemon is an internal error", async () => {
  const daemon = new Scripted();
  const asked = daemon.connection.ask("status");
  const [request] = await daemon.received(1);
  const error = { code: -32099, message: "m", data: { code: "too_new", hint: "h" } };
  await daemon.send(JSON.stringify({ jsonrpc: "2.0", id: request!.id, error }) + "\n");
  await rejects("internal", asked);
});

Deno.test("an error without an id says why the daemon hangs up, to all who wait and come", async () => {
  const daemon = new Scripted();
  const asked = [daemon.connection.ask("status"), daemon.connection.ask("key.list")];
  await daemon.received(2);
  await daemon.send(errorLine(null, new CryptoError("idle_timeout")) + "\n");
  await daemon.hangUp();
  for (const promise of asked) await rejects("idle_timeout", promise);
  await rejects("idle_timeout", daemon.connection.ask("status"));
});

/** Whether a request is known not to have been done; undefined where another connection is no use. */
async function undone(promise: Promise<unknown>): Promise<boolean | undefined> {
  const error = await soon("the error", promise.then(() => undefined, (thrown) => thrown));
  assert.ok(error instanceof CryptoError, String(error));
  return error instanceof Unanswered ? error.undone : undefined;
}

Deno.test("what a daemon that stops or is tired of silence did not answer was not done", async () => {
  for (const code of ["stopping", "idle_timeout"] as const) {
    const daemon = new Scripted();
    const asked = daemon.connection.ask("status");
    await daemon.received(1);
    await daemon.send(errorLine(null, new CryptoError(code)) + "\n");
    assert.equal(await undone(asked), true);
    assert.equal(await undone(daemon.connection.ask("status")), true);
  }
});

Deno.test("what a daemon that hung up without a word did is not known, but for what came later", async () => {
  const daemon = new Scripted();
  const asked = daemon.connection.ask("status");
  await daemon.received(1);
  await daemon.hangUp();
  assert.equal(await undone(asked), false);
  assert.equal(await undone(daemon.connection.ask("status")), true);
});

Deno.test("who is refused, or talks to no daemon, need not try another connection", async () => {
  const refusals = ["denied", "no_identity", "too_many_connections", "line_timeout"] as const;
  const lines = refusals.map((code) => errorLine(null, new CryptoError(code)));
  for (const line of [...lines, "hello"]) {
    const daemon = new Scripted();
    const asked = daemon.connection.ask("status");
    await daemon.received(1);
    await daemon.send(`${line}\n`);
    assert.equal(await undone(asked), undefined);
    assert.equal(await undone(daemon.connection.ask("status")), undefined);
  }
});

Deno.test("what is no answer of the protocol ends the connection, and says so", async () => {
  for (const line of ["hello", "{}", "[]", '{"jsonrpc":"2.0","id":1}', "\xff", "null"]) {
    const daemon = new Scripted();
    const asked = daemon.connection.ask("status");
    await daemon.received(1);
    await daemon.send(`${line}\n`);
    const error = await rejects("unavailable", asked);
    assert.match(error.hint, /not the answer/);
  }
});

Deno.test("a daemon that hangs up, even within a line, makes what waits unavailable", async () => {
  const daemon = new Scripted();
  const asked = daemon.connection.ask("status");
  const [request] = await daemon.received(1);
  await daemon.send(resultLine(request!.id, {}));
  await daemon.hangUp();
  await rejects("unavailable", asked);
  await rejects("unavailable", daemon.connection.ask("status"));
});

Deno.test("a write that fails is found out by the reader, which may know why", async () => {
  const daemon = new Scripted(true);
  const asked = daemon.connection.ask("status");
  await daemon.send(errorLine(null, new CryptoError("too_many_connections")) + "\n");
  await rejects("too_many_connections", asked);
});

Deno.test("an answer without what was asked for is not taken for one", async () => {
  const service = (result: Record<string, unknown>) => {
    const daemon = new Scripted();
    void daemon.received(1).then(([request]) =>
      daemon.send(resultLine(request!.id, result) + "\n")
    );
    return new KeyService(daemon.connection);
  };
  await rejects("unavailable", service({}).encrypt("x"));
  await rejects("unavailable", service({ text: "x" }).decrypt("m"));
  await rejects("unavailable", service({ data: "" }).decryptText("m"));
  await rejects("unavailable", service({ envelope: "AA" }).createDataKey());
  await rejects("unavailable", service({}).openDataKey(new Uint8Array(117)));
});

Deno.test("closing hangs up", () => {
  const daemon = new Scripted();
  daemon.connection.close();
  assert.ok(daemon.closed);
});

Deno.test("parameters that are absent are not sent", async () => {
  const daemon = new Scripted();
  const service = new KeyService(daemon.connection);
  void service.encrypt(new Uint8Array([0]), { context: "c" }).catch(() => {});
  void service.createDataKey().catch(() => {});
  const requests = await daemon.received(2);
  assert.deepEqual(requests.map(({ params }) => params), [{ data: "AA", context: "c" }, {}]);
  await daemon.hangUp();
});

Deno.test("a daemon that says nothing is given up, and what it did is not known", async () => {
  const daemon = new Scripted(false, 20);
  const error = await rejects("unavailable", daemon.connection.ask("key.create", { name: "x" }));
  assert.ok(error instanceof Unanswered && !error.undone);
  assert.ok(daemon.closed);
});
