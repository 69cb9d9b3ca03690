/** A channel on a real socket: whatever its peer does, bytes come whole and it closes once. */
import assert from "node:assert/strict";
import { concat, utf8 } from "../../core/bytes.ts";
import { EventLoop } from "../../platform/eventloop.ts";
import { Sockets } from "../../platform/sockets.ts";
import { Channel, type Receiver } from "../../server/channel.ts";
import { IDLE } from "../support/loop.ts";
import { eventually, soon } from "../support/wait.ts";

const sockets = new Sockets();

/** Notes what it is told. */
class Notes implements Receiver {
  readonly willing = true;
  bytes = new Uint8Array(0);
  readonly told: string[] = [];

  data(bytes: Uint8Array): void {
    this.bytes = concat(this.bytes, bytes);
  }

  end(): void {
    this.told.push("end");
  }

  closed(): void {
    this.told.push("closed");
  }
}

interface Ends {
  readonly channel: Channel;
  readonly notes: Notes;
  readonly peer: Deno.UnixConn;
}

async function withChannel(run: (ends: Ends) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "ctc-" });
  const path = `${directory}/s`;
  const [listener, loop] = [sockets.listenUnix(path, 1), new EventLoop()];
  const running = loop.run(IDLE);
  using peer = await Deno.connect({ transport: "unix", path });
  const channel = new Channel(sockets.accept(listener)!, { sockets, loop });
  const notes = new Notes();
  channel.tell(notes);
  try {
    await run({ channel, notes, peer });
  } finally {
    channel.destroy();
    loop.stop();
    await soon("the loop's end", running);
    sockets.close(listener);
    await Deno.remove(directory, { recursive: true });
    assert.equal(notes.told.filter((what) => what === "closed").length, 1);
  }
}

async function readAll(peer: Deno.UnixConn): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for (const buffer = new Uint8Array(50_000);;) {
    const count = await peer.read(buffer);
    if (count === null) return concat(...pieces);
    pieces.push(buffer.slice(0, count));
  }
}

async function writeAll(peer: Deno.UnixConn, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) done += await peer.write(bytes.subarray(done));
}

/** More than the kernel keeps for a socket. */
const MUCH = new Uint8Array(3_000_000).map((_, i) => i * 31 + (i >> 8));

Deno.test("much is sent in order to a peer that takes its time, and then it hangs up", () =>
  withChannel(async ({ channel, notes, peer }) => {
    const buffer = new Uint8Array(1_000_000);
    for (let at = 0; at < MUCH.length; at += buffer.length) {
      buffer.set(MUCH.subarray(at, at + buffer.length));
      channel.send(buffer);
      buffer.fill(0);
    }
    assert.ok(channel.waiting > 0);
    channel.end();
    channel.send(utf8("too late"));
    assert.deepEqual(notes.told, []);
    assert.deepEqual(await soon("the peer's end", readAll(peer)), MUCH);
    await eventually("it is closed", () => notes.told.length === 1);
    assert.equal(channel.waiting, 0);
  }));

Deno.test("who waits for sending is told when all has gone, or never can", () =>
  withChannel(async ({ channel, peer }) => {
    await channel.sent();
    channel.send(MUCH);
    const first = channel.sent();
    const received = peer.read(new Uint8Array(1));
    assert.equal(await Promise.race([first, received.then(() => "not yet")]), "not yet");
    const count = MUCH.length - 1;
    for (let read = 0; read < count;) read += (await peer.read(new Uint8Array(65_536)))!;
    await soon("the first", first);
    channel.send(MUCH);
    const second = channel.sent();
    channel.destroy();
    await soon("the second", second);
  }));

Deno.test("much is received whole, and nothing while it is paused", () =>
  withChannel(async ({ channel, notes, peer }) => {
    channel.pause();
    const written = writeAll(peer, MUCH);
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(notes.bytes.length, 0);
    channel.resume();
    await soon("the writing", written);
    await peer.closeWrite();
    await eventually("the end is told", () => notes.told.length === 1);
    assert.deepEqual(notes.told, ["end"]);
    assert.deepEqual(notes.bytes, MUCH);
    channel.send(utf8("still there"));
    channel.end();
    assert.deepEqual(await soon("the peer's end", readAll(peer)), utf8("still there"));
  }));

Deno.test("a peer that goes is told after what it has sent", () =>
  withChannel(async ({ notes, peer }) => {
    await peer.write(utf8("last words"));
    peer.close();
    await eventually("it is closed", () => notes.told.includes("closed"));
    assert.deepEqual([notes.bytes, notes.told], [utf8("last words"), ["end", "closed"]]);
  }));

Deno.test("a peer that goes while nothing is read is noticed", () =>
  withChannel(async ({ channel, notes, peer }) => {
    channel.pause();
    await peer.write(utf8("unread"));
    peer.close();
    await eventually("it is closed", () => notes.told.includes("closed"));
    channel.send(utf8("nobody is there"));
    channel.resume();
    channel.end();
  }));

Deno.test("sending to a peer that has gone closes the channel, and what waits is forgotten", () =>
  withChannel(async ({ channel, notes, peer }) => {
    channel.send(MUCH);
    peer.close();
    await eventually("it is closed", () => notes.told.includes("closed"));
    assert.equal(channel.waiting, 0);
  }));
