import assert from "node:assert/strict";
import { UnixCaller } from "../../platform/call.ts";
import { Errno, SystemError } from "../../platform/libc.ts";
import { failsWith, sameBytes } from "../core/support.ts";
import { soon } from "../support/wait.ts";

/** A thread of its own, which gives back what comes: after a length of four bytes, so many. */
const ECHO = `
  onmessage = async ({ data: path }) => {
    const listener = Deno.listen({ transport: "unix", path });
    postMessage("ready");
    for await (const connection of listener) void echo(connection).catch(() => {});
  };

  async function echo(connection) {
    const read = async (length) => {
      const bytes = new Uint8Array(length);
      for (let done = 0; done < length;) done += await connection.read(bytes.subarray(done)) ?? NaN;
      return bytes;
    };
    for (;;) {
      const bytes = await read(new Uint32Array((await read(4)).buffer)[0]);
      for (let done = 0; done < bytes.length;) done += await connection.write(bytes.subarray(done));
    }
  }
`;

/** How often what must leave no descriptor is done. */
const TIMES = 30;

/** A listener on another thread, since this one stands still, and a way to it. */
async function echoing(run: (caller: UnixCaller) => void | Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "ctd-" });
  const script = `data:text/javascript,${encodeURIComponent(ECHO)}`;
  const worker = new Worker(script, { type: "module" });
  try {
    const ready = new Promise((resolve) => worker.onmessage = resolve);
    worker.postMessage(`${directory}/s`);
    await soon("the listener", ready);
    await run(new UnixCaller(`${directory}/s`));
  } finally {
    worker.terminate();
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("a call sends and gets back more than the socket holds, and takes what has come", () =>
  echoing((caller) => {
    const call = caller.connect();
    assert.equal(call.receiveNow(), undefined);
    for (const length of [1, 16_384, 3_000_000]) {
      const sent = new Uint8Array(length).map((_, i) => i % 251);
      call.send(new Uint8Array(Uint32Array.of(length).buffer));
      call.send(sent);
      const received = new Uint8Array(length);
      for (let done = 0; done < length;) {
        const bytes = call.receive();
        received.set(bytes, done);
        done += bytes.length;
      }
      sameBytes(received, sent);
      assert.equal(call.receiveNow(), undefined);
    }
    call.close();
    call.close();
    assert.throws(() => call.send(new Uint8Array(1)), SystemError);
    assert.throws(() => call.receiveNow(), SystemError);
  }));

Deno.test("who has hung up has nothing more to say, and takes nothing", async () => {
  const directory = await Deno.makeTempDir({ prefix: "ctd-" });
  const path = `${directory}/s`;
  const listener = Deno.listen({ transport: "unix", path });
  const caller = new UnixCaller(path);
  const count = () => [...Deno.readDirSync("/proc/self/fd")].length;
  const before = count();
  for (let i = 0; i < TIMES; i++) {
    const call = caller.connect();
    (await listener.accept()).close();
    assert.throws(() => {
      for (;;) call.send(new Uint8Array(100));
    }, SystemError);
    assert.equal(call.receive().length, 0);
    assert.equal(call.receiveNow()?.length, 0);
    call.close();
  }
  // Others of this process come and go.
  assert.ok(count() < before + TIMES);
  listener.close();
  assert.throws(() => caller.connect(), { errno: Errno.ENOENT });
  Deno.writeTextFileSync(path, "");
  for (let i = 0; i < TIMES; i++) {
    assert.throws(() => caller.connect(), { errno: Errno.ECONNREFUSED });
  }
  assert.ok(count() < before + TIMES);
  failsWith("config", () => new UnixCaller(`/${"x".repeat(107)}`));
  await Deno.remove(directory, { recursive: true });
});
