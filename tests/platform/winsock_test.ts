/** Sockets of Windows: their addresses on bytes, anywhere; the rest on Windows, or Wine. */
import assert from "node:assert/strict";
import { utf8 } from "../../core/bytes.ts";
import { Ready } from "../../platform/poller.ts";
import { SelectPoller } from "../../platform/select.ts";
import { decodeAddress, encodeAddress, WindowsSockets } from "../../platform/winsock.ts";
import { failsWith } from "../core/support.ts";
import { eventually, soon } from "../support/wait.ts";

const PORT = 7400;
/** As winsock2.h and ws2ipdef.h lay them out: family, port, then the address. */
const FOUR = `02001ce87f000001${"00".repeat(8)}`;
const SIX = `17001ce8${"00".repeat(4)}${"00".repeat(15)}01${"00".repeat(4)}`;

Deno.test("addresses are laid out as Windows has them", () => {
  for (const [host, bytes] of [["127.0.0.1", FOUR], ["::1", SIX]] as const) {
    assert.equal(encodeAddress({ host, port: PORT }).toHex(), bytes);
    assert.deepEqual(decodeAddress(Uint8Array.fromHex(bytes)), { host, port: PORT });
  }
});

Deno.test("where somebody else is, is told", () => {
  const other = `${SIX.slice(0, 16)}20010db8${SIX.slice(24)}`;
  assert.deepEqual(decodeAddress(Uint8Array.fromHex(other)), {
    host: "2001:db8:0:0:0:0:0:1",
    port: PORT,
  });
  const four = FOUR.replace("7f000001", "c0000201");
  assert.deepEqual(decodeAddress(Uint8Array.fromHex(four)), { host: "192.0.2.1", port: PORT });
});

Deno.test("no address is listened on that others could reach", () => {
  for (
    const host of ["0.0.0.0", "192.0.2.1", "127.0.0.2", "::", "::ffff:127.0.0.1", "2001:db8::1"]
  ) {
    failsWith("config", () => encodeAddress({ host, port: PORT }));
  }
});

if (Deno.build.os !== "windows") {
  Deno.test("elsewhere than on Windows there are none, and it says so", () => {
    failsWith("config", () => new WindowsSockets());
    failsWith("config", () => new SelectPoller());
  });
} else {
  const sockets = new WindowsSockets();

  interface Bench {
    readonly poller: SelectPoller;
    connect(): Promise<readonly [fd: number, peer: Deno.TcpConn]>;
    /** What is told within a moment. */
    look(): [number, number][];
  }

  const check = (what: string, hosts: readonly string[], run: (bench: Bench) => Promise<void>) => {
    for (const host of hosts) {
      Deno.test(`${what} (${host})`, async () => {
        const poller = new SelectPoller();
        const listener = sockets.listen({ host, port: 0 }, 200);
        const { port } = sockets.localAddress(listener);
        const close = [() => sockets.close(listener)];
        await run({
          poller,
          async connect() {
            const peer = await Deno.connect({ hostname: host, port });
            let fd: number | undefined;
            await eventually("it is accepted", () => (fd = sockets.accept(listener)) !== undefined);
            close.push(() => sockets.close(fd!), () => peer[Symbol.dispose]());
            return [fd!, peer];
          },
          look() {
            const told: [number, number][] = [];
            poller.tell(poller.wait(20), (id, events) => told.push([id, events]));
            return told;
          },
        });
        poller.close();
        for (const one of close) one();
      });
    }
  };

  check("bytes go both ways", ["127.0.0.1", "::1"], async ({ connect }) => {
    const [fd, peer] = await connect();
    sockets.sendAtOnce(fd);
    assert.deepEqual(sockets.peerAddress(fd), {
      host: peer.localAddr.hostname,
      port: peer.localAddr.port,
    });
    const buffer = new Uint8Array(8);
    assert.equal(sockets.receive(fd, buffer), undefined);
    await peer.write(utf8("abc"));
    await eventually("it has come", () => sockets.receive(fd, buffer) === 3);
    assert.equal(sockets.send(fd, utf8("de")), 2);
    assert.equal(await peer.read(buffer), 2);
    sockets.finish(fd);
    assert.equal(await peer.read(buffer), null);
    await peer.write(utf8("f"));
    peer.closeWrite();
    await eventually("nothing more comes", () => !sockets.discard(fd));
  });

  check("no other program gets the port", ["127.0.0.1"], async () => {
    const first = sockets.listen({ host: "127.0.0.1", port: 0 }, 1);
    const at = sockets.localAddress(first);
    failsWith("already_running", () => sockets.listen(at, 1));
    assert.throws(() => Deno.listen({ hostname: at.host, port: at.port }));
    sockets.close(first);
    sockets.close(sockets.listen(at, 1));
    await Promise.resolve();
  });

  check("what is ready is told until it is dealt with", ["127.0.0.1"], async (bench) => {
    const { poller, connect, look } = bench;
    const [fd, peer] = await connect();
    poller.add({ fd, id: 7, events: Ready.READ });
    assert.deepEqual(look(), []);
    await peer.write(utf8("x"));
    for (const _ of [1, 2]) assert.deepEqual(look(), [[7, Ready.READ]]);
    poller.change({ fd, id: 7, events: Ready.READ | Ready.WRITE });
    assert.deepEqual(look(), [[7, Ready.READ | Ready.WRITE]]);
    poller.change({ fd, id: 7, events: 0 });
    assert.deepEqual(look(), []);
    poller.change({ fd, id: 8, events: Ready.READ });
    sockets.receive(fd, new Uint8Array(8));
    peer.closeWrite();
    await eventually("the end is told as something to read", () => look().length === 1);
    assert.equal(sockets.receive(fd, new Uint8Array(8)), 0);
    poller.change({ fd, id: 8, events: Ready.WRITE });
    assert.deepEqual(look(), [[8, Ready.WRITE]]);
    poller.remove({ fd, id: 8, events: 0 });
    assert.deepEqual(look(), []);
  });

  check("a wait elsewhere hears of what changes", ["127.0.0.1"], async ({ poller, connect }) => {
    const [fd, peer] = await connect();
    const told: number[] = [];
    const hear = (count: number) => poller.tell(count, (id) => told.push(id));
    let waiting = poller.waitElsewhere();
    poller.wake();
    hear(await soon("it is woken", waiting));
    assert.deepEqual(told, []);
    waiting = poller.waitElsewhere();
    poller.add({ fd, id: 5, events: Ready.READ });
    await peer.write(utf8("x"));
    hear(await soon("it looks again", waiting));
    for (let i = 0; told.length === 0 && i < 3; i++) {
      hear(await soon("it is told", poller.waitElsewhere()));
    }
    assert.deepEqual(told, [5]);
  });

  check("more than 64 are watched", ["127.0.0.1"], async ({ poller, connect, look }) => {
    const ids = Array.from({ length: 150 }, (_, i) => i + 1);
    for (const id of ids) {
      const [fd, peer] = await connect();
      poller.add({ fd, id, events: Ready.READ });
      await peer.write(utf8("x"));
    }
    await eventually("all are told", () => look().length === ids.length);
  });
}
