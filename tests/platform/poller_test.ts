/** What an event loop relies on, of each system's way to wait for descriptors, on real ones. */
import assert from "node:assert/strict";
import { utf8 } from "../../core/bytes.ts";
import { type Poller, Ready } from "../../platform/poller.ts";
import { Sockets } from "../../platform/sockets.ts";
import { type PollerKind, POLLERS } from "../support/pollers.ts";
import { eventually, soon } from "../support/wait.ts";

const sockets = new Sockets();
const EBADF = 9;
const MOMENT = 20;

/** A poller, and connections that are made and closed. */
interface Bench {
  readonly poller: Poller;
  /** Our end, by its descriptor, and the peer's. */
  connect(): Promise<readonly [number, Deno.UnixConn]>;
  /** What is told within a moment: events by id, added up. */
  look(): Map<number, number>;
}

async function withPoller(make: () => Poller, run: (bench: Bench) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "ctp-" });
  const path = `${directory}/s`;
  const listener = sockets.listenUnix(path, 8);
  const close: (() => void)[] = [() => sockets.close(listener)];
  const poller = make();
  try {
    await run({
      poller,
      async connect() {
        const peer = await Deno.connect({ transport: "unix", path });
        const fd = sockets.accept(listener)!;
        close.push(() => sockets.close(fd), () => peer[Symbol.dispose]());
        return [fd, peer];
      },
      look() {
        const told = new Map<number, number>();
        const count = poller.wait(MOMENT);
        poller.tell(count, (id, events) => told.set(id, (told.get(id) ?? 0) | events));
        return told;
      },
    });
  } finally {
    poller.close();
    for (const one of close) one();
    await Deno.remove(directory, { recursive: true });
  }
}

/** Sends until the kernel takes no more. */
function fill(fd: number): number {
  const piece = new Uint8Array(65_536);
  for (let sent = 0;;) {
    const taken = sockets.send(fd, piece);
    if (taken === 0) return sent;
    sent += taken;
  }
}

async function readAll(peer: Deno.UnixConn, bytes: number): Promise<void> {
  const buffer = new Uint8Array(65_536);
  for (let left = bytes; left > 0;) left -= await peer.read(buffer) ?? left;
}

function holdsFor({ name, make }: PollerKind): void {
  const check = (what: string, run: (bench: Bench) => Promise<void>) => {
    Deno.test(`${name}: ${what}`, () => withPoller(make, run));
  };

  check("what can be read is told until it is read", async ({ poller, connect, look }) => {
    const [fd, peer] = await connect();
    poller.add({ fd, id: 7, events: Ready.READ });
    assert.deepEqual([...look()], []);
    await peer.write(utf8("x"));
    for (const _ of [1, 2, 3]) assert.deepEqual([...look()], [[7, Ready.READ]]);
    assert.equal(sockets.receive(fd, new Uint8Array(8)), 1);
    assert.deepEqual([...look()], []);
  });

  check("what can be written is told, and what is full is not", async (bench) => {
    const { poller, connect, look } = bench;
    const [fd, peer] = await connect();
    poller.add({ fd, id: 1, events: Ready.WRITE });
    for (const _ of [1, 2]) assert.deepEqual([...look()], [[1, Ready.WRITE]]);
    const sent = fill(fd);
    assert.deepEqual([...look()], []);
    await readAll(peer, sent);
    await eventually("it can be written again", () => look().get(1) === Ready.WRITE);
  });

  check("both are told where both are asked for, and only what is asked for", async (bench) => {
    const { poller, connect, look } = bench;
    const [fd, peer] = await connect();
    await peer.write(utf8("x"));
    const [read, write, both] = [Ready.READ, Ready.WRITE, Ready.READ | Ready.WRITE];
    let before = 0;
    poller.add({ fd, id: 3, events: before });
    for (const events of [both, read, 0, write, both, 0, read, write]) {
      poller.change({ fd, id: 3, events }, before);
      assert.deepEqual([...look()], events === 0 ? [] : [[3, events]]);
      before = events;
    }
  });

  check("a peer that sends no more has not gone", async ({ poller, connect, look }) => {
    const [fd, peer] = await connect();
    poller.add({ fd, id: 2, events: Ready.READ });
    await peer.closeWrite();
    for (const _ of [1, 2]) assert.deepEqual([...look()], [[2, Ready.READ]]);
    assert.equal(sockets.receive(fd, new Uint8Array(8)), 0);
    poller.change({ fd, id: 2, events: 0 }, Ready.READ);
    assert.deepEqual([...look()], []);
    poller.change({ fd, id: 2, events: Ready.WRITE }, 0);
    assert.deepEqual([...look()], [[2, Ready.WRITE]]);
  });

  check("a peer that has gone is told where nothing is asked for", async (bench) => {
    const { poller, connect, look } = bench;
    const [[one, first], [two, second]] = [await connect(), await connect()];
    poller.add({ fd: one, id: 1, events: 0 });
    poller.add({ fd: two, id: 2, events: Ready.READ });
    assert.deepEqual([...look()], []);
    first.close();
    second.close();
    assert.ok(((look().get(1) ?? 0) & Ready.HANGUP) !== 0);
    poller.change({ fd: two, id: 2, events: 0 }, Ready.READ);
    assert.ok(((look().get(2) ?? 0) & Ready.HANGUP) !== 0, "it had gone before");
  });

  check("a peer that has gone is told to who waits to send", async ({ poller, connect, look }) => {
    const [fd, peer] = await connect();
    fill(fd);
    poller.add({ fd, id: 1, events: Ready.WRITE });
    assert.deepEqual([...look()], []);
    peer.close();
    assert.ok(((look().get(1) ?? 0) & (Ready.HANGUP | Ready.ERROR)) !== 0);
  });

  check("what is watched no more is not told, nor is its number's next use", async (bench) => {
    const { poller, connect, look } = bench;
    const [fd, peer] = await connect();
    await peer.write(utf8("x"));
    poller.add({ fd, id: 1, events: Ready.READ });
    poller.remove({ fd, id: 1, events: Ready.READ });
    assert.deepEqual([...look()], []);
    for (const [id, before] of [[2, 0], [3, Ready.READ | Ready.WRITE]] as const) {
      poller.add({ fd, id, events: before });
      poller.change({ fd, id, events: Ready.READ }, before);
      assert.deepEqual([...look()], [[id, Ready.READ]]);
      poller.remove({ fd, id, events: Ready.READ });
    }
    assert.deepEqual([...look()], []);
  });

  check("who ends a wait is heard by the one that lasts, and by the next", async ({ poller }) => {
    const nobody = (id: number) => assert.fail(`${id} is told`);
    for (const _ of [1, 2, 3]) {
      const waiting = poller.waitElsewhere();
      poller.wake();
      poller.tell(await soon("the wait's end", waiting), nobody);
      assert.equal(poller.wait(0), 0);
      poller.wake();
      const count = await soon("the next wait's end", poller.waitElsewhere());
      poller.tell(count, nobody);
    }
    poller.wake();
    poller.tell(poller.wait(60_000), nobody);
  });

  check("what is added while another thread waits is told by it", async ({ poller, connect }) => {
    const waiting = poller.waitElsewhere();
    const [fd, peer] = await connect();
    poller.add({ fd, id: 5, events: 0 });
    poller.change({ fd, id: 5, events: Ready.READ }, 0);
    await peer.write(utf8("x"));
    const told: [number, number][] = [];
    let count = await soon("the wait's end", waiting);
    poller.tell(count, (id, events) => told.push([id, events]));
    if (told.length === 0) {
      // That something is watched may itself have ended the wait.
      count = await soon("the next wait's end", poller.waitElsewhere());
      poller.tell(count, (id, events) => told.push([id, events]));
    }
    assert.deepEqual(told, [[5, Ready.READ]]);
  });

  check("more than are told at once are told one after the other", async (bench) => {
    const { poller, connect, look } = bench;
    const ids = Array.from({ length: 150 }, (_, i) => i + 1);
    for (const id of ids) {
      const [fd, peer] = await connect();
      poller.add({ fd, id, events: Ready.READ });
      await peer.write(utf8("x"));
    }
    const told = new Set<number>();
    await eventually("all are told", () => {
      for (const id of look().keys()) told.add(id);
      return told.size === ids.length;
    });
  });

  check("what is no descriptor cannot be watched", ({ poller }) => {
    for (const events of [0, Ready.READ, Ready.WRITE]) {
      assert.throws(() => poller.add({ fd: -1, id: 1, events }), { errno: EBADF });
    }
    return Promise.resolve();
  });
}

for (const kind of POLLERS) holdsFor(kind);
