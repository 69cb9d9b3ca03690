import assert from "node:assert/strict";
import { type Dialled, UnixDialer } from "../../platform/dial.ts";
import { Errno, SystemError } from "../../platform/libc.ts";
import { failsWith } from "../core/support.ts";
import { soon } from "../support/wait.ts";

/** A listener in a directory of its own, and a way to it. */
async function listening(
  run: (listener: Deno.UnixListener, dialer: UnixDialer, path: string) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "ctd-" });
  const path = `${directory}/s`;
  const listener = Deno.listen({ transport: "unix", path });
  try {
    await run(listener, new UnixDialer(path), path);
  } finally {
    try {
      listener.close();
    } catch {
      // The test has closed it.
    }
    await Deno.remove(directory, { recursive: true });
  }
}

async function readAll(dialled: Dialled): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: BlobPart[] = [];
  for await (const piece of dialled.read()) pieces.push(new Uint8Array(piece));
  return await new Blob(pieces).bytes();
}

Deno.test("bytes go both ways, however many", () =>
  listening(async (listener, dialer) => {
    const bytes = crypto.getRandomValues(new Uint8Array(60_000));
    const sent = new Uint8Array(3_000_000);
    for (let at = 0; at < sent.length; at += bytes.length) sent.set(bytes, at);
    const echo = (async () => {
      using connection = await listener.accept();
      const all = await new Response(piece(connection, sent.length)).bytes();
      for (let done = 0; done < all.length;) done += await connection.write(all.subarray(done));
    })();
    const dialled = dialer.connect();
    const reading = readAll(dialled);
    await dialled.write(sent);
    const received = await soon("the echo", reading);
    await echo;
    assert.deepEqual(received, sent);
  }));

/** So many bytes of a connection. */
function piece(connection: Deno.Conn, length: number): ReadableStream<Uint8Array<ArrayBuffer>> {
  let left = length;
  return new ReadableStream({
    async pull(controller) {
      const buffer = new Uint8Array(65_536);
      const n = left > 0 ? await connection.read(buffer) : null;
      if (n === null) return controller.close();
      left -= n;
      controller.enqueue(buffer.slice(0, n));
    },
  });
}

Deno.test("closing ends the reading, and what is written later fails", () =>
  listening(async (listener, dialer) => {
    const dialled = dialer.connect();
    using _ = await listener.accept();
    const reading = readAll(dialled);
    dialled.close();
    assert.equal((await soon("the end", reading)).length, 0);
    await assert.rejects(dialled.write(new Uint8Array(1)), SystemError);
    dialled.close();
  }));

Deno.test("who hangs up is found out by reading, and by writing", () =>
  listening(async (listener, dialer) => {
    const dialled = dialer.connect();
    (await listener.accept()).close();
    await assert.rejects(async () => {
      for (;;) await dialled.write(new Uint8Array(100));
    }, SystemError);
    assert.equal((await soon("the end", readAll(dialled))).length, 0);
  }));

Deno.test("no descriptor is left when the reading has ended", () =>
  listening(async (listener, dialer) => {
    const count = () => [...Deno.readDirSync("/proc/self/fd")].length;
    const before = count();
    for (let i = 0; i < 20; i++) {
      const dialled = dialer.connect();
      (await listener.accept()).close();
      await soon("the end", readAll(dialled));
    }
    assert.equal(count(), before);
  }));

Deno.test("why it cannot connect is told by the kernel's number", () =>
  listening((listener, dialer, path) => {
    const absent = new UnixDialer(`${path}.absent`);
    assert.throws(() => absent.connect(), { errno: Errno.ENOENT });
    listener.close();
    Deno.writeTextFileSync(path, "");
    assert.throws(() => dialer.connect(), { errno: Errno.ECONNREFUSED });
    return Promise.resolve();
  }));

Deno.test("a path that no socket can have is refused", () => {
  failsWith("config", () => new UnixDialer(`/${"x".repeat(107)}`));
  for (const path of ["", "/a\0b"]) failsWith("io", () => new UnixDialer(path));
});
