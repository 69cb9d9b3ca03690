/** The event loop, on real descriptors. */
import assert from "node:assert/strict";
import { utf8 } from "../../core/bytes.ts";
import { EventLoop } from "../../platform/eventloop.ts";
import { type Poller, Ready } from "../../platform/poller.ts";
import { Sockets } from "../../platform/sockets.ts";
import { IDLE } from "../support/loop.ts";
import { type PollerKind, POLLERS } from "../support/pollers.ts";
import { eventually, soon } from "../support/wait.ts";

const sockets = new Sockets();

/** A loop, and a way to make connections: the daemon's end, and the peer. */
async function withLoop(
  make: () => Poller,
  run: (loop: EventLoop, connect: () => Promise<[number, Deno.UnixConn]>) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "cte-" });
  const path = `${directory}/s`;
  const listener = sockets.listenUnix(path, 8);
  const open: (() => void)[] = [() => sockets.close(listener)];
  const loop = new EventLoop(make());
  const running = loop.run(IDLE);
  try {
    await run(loop, async () => {
      const peer = await Deno.connect({ transport: "unix", path });
      const fd = sockets.accept(listener)!;
      open.push(() => sockets.close(fd), () => peer[Symbol.dispose]());
      return [fd, peer];
    });
  } finally {
    loop.stop();
    await soon("the loop's end", running);
    for (const close of open) close();
    await Deno.remove(directory, { recursive: true });
  }
}

function holdsFor({ name, make }: PollerKind): void {
  Deno.test(`${name}: a descriptor is told to be ready until what made it so is dealt with`, () =>
    withLoop(make, async (loop, connect) => {
      const [fd, peer] = await connect();
      let told = 0;
      const watch = loop.watch(fd, Ready.READ, (events) => {
        assert.equal(events, Ready.READ);
        if (++told === 3) sockets.receive(fd, new Uint8Array(8));
      });
      await peer.write(utf8("x"));
      await eventually("it is told", () => told === 3);
      await peer.write(utf8("y"));
      await eventually("it is told again", () => told > 3);
      watch.end();
      const before = told;
      await new Promise((resolve) => setTimeout(resolve, 5));
      assert.equal(told, before);
    }));

  Deno.test(`${name}: other events can be asked for, and a hang-up is told in any case`, () =>
    withLoop(make, async (loop, connect) => {
      const [fd, peer] = await connect();
      const told: number[] = [];
      const watch = loop.watch(fd, 0, (events) => {
        told.push(events);
        watch.change(0);
        if (events & Ready.HANGUP) watch.end();
      });
      watch.change(Ready.WRITE);
      await eventually("it can be written", () => told.length === 1);
      assert.equal(told[0], Ready.WRITE);
      await peer.write(utf8("unread"));
      peer.close();
      await eventually("the peer has gone", () => (told.at(-1)! & Ready.HANGUP) !== 0);
    }));

  Deno.test(`${name}: who ends a watch while events are told is not told what came with them`, () =>
    withLoop(make, async (loop, connect) => {
      const [[one, onePeer], [two, twoPeer]] = [await connect(), await connect()];
      const told: string[] = [];
      const both = [
        loop.watch(one, Ready.READ, () => (told.push("one"), both[1]!.end(), both[0]!.end())),
        loop.watch(two, Ready.READ, () => (told.push("two"), both[0]!.end(), both[1]!.end())),
      ] as const;
      const text = utf8("x");
      await Promise.all([onePeer.write(text), twoPeer.write(text)]);
      await eventually("one of them is told", () => told.length > 0);
      await new Promise((resolve) => setTimeout(resolve, 5));
      assert.equal(told.length, 1);
    }));

  Deno.test(`${name}: timers run while a connection is busy`, () =>
    withLoop(make, async (loop, connect) => {
      const [fd] = await connect();
      let turns = 0;
      const watch = loop.watch(fd, Ready.WRITE, () => turns++);
      await eventually("it is told", () => turns > 0);
      const before = turns;
      for (let i = 0; i < 5; i++) await new Promise((resolve) => setTimeout(resolve, 1));
      assert.ok(turns > before);
      watch.end();
    }));

  Deno.test(`${name}: what is to be done soon is done when all that is ready has been told`, () =>
    withLoop(make, async (loop, connect) => {
      const both = [await connect(), await connect()] as const;
      for (const [, peer] of both) await peer.write(utf8("x"));
      const done: string[] = [];
      const watch = ([fd]: (typeof both)[number]) => {
        const watching = loop.watch(fd, Ready.READ, () => {
          watching.end();
          done.push("told");
          loop.soon(() => done.push("task"));
        });
      };
      // While nobody waits, so that both are seen in one go.
      loop.soon(() => both.forEach(watch));
      await eventually("both are told, and both tasks done", () => done.length === 4);
      assert.deepEqual(done, ["told", "told", "task", "task"]);
    }));

  Deno.test(`${name}: what is to be done soon is done while nothing is ready, and while no loop runs`, async () => {
    const loop = new EventLoop(make());
    let done = 0;
    const doSoon = async (when: string) => {
      const before = done;
      loop.soon(() => done++);
      await eventually(`it is done ${when}`, () => done === before + 1);
    };
    await doSoon("before the loop runs");
    const running = loop.run(IDLE);
    for (const round of [1, 2, 3]) await doSoon(`while it waits, ${round}`);
    loop.stop();
    await soon("the loop's end", running);
    await doSoon("after its end");
  });

  Deno.test(`${name}: what is to be done soon when the loop ends is done before its end`, async () => {
    const loop = new EventLoop(make());
    let done = 0;
    const running = loop.run({
      turn: () => {
        setImmediate(() => {
          loop.soon(() => done++);
          loop.stop();
        });
        return true;
      },
      waiting: true,
      working: false,
    });
    await soon("the loop's end", running);
    assert.ok(done > 0);
  });

  Deno.test(`${name}: a loop that waits for descriptors looks at its work again when it is woken`, async () => {
    const loop = new EventLoop(make());
    let [asked, due] = [0, false];
    const running = loop.run({
      turn: () => {
        asked++;
        return false;
      },
      get waiting() {
        return due;
      },
      working: false,
    });
    for (const round of [1, 2, 3]) {
      const before = asked;
      due = true;
      loop.wake();
      await eventually(`it looks, ${round}`, () => asked > before + 2);
      due = false;
    }
    loop.stop();
    await soon("the loop's end", running);
  });
}

for (const kind of POLLERS) holdsFor(kind);
