/** Descriptors: none is lost, and none is closed twice. */
import assert from "node:assert/strict";
import { codeOf, Peer, request, resultOf, startDaemon } from "../support/daemon.ts";
import { linuxTest } from "../support/linux.ts";
import { eventually } from "../support/wait.ts";
import { LocalDaemon } from "./support.ts";

const STATUS = request(1, "status");

/** Ways in which a connection comes and goes. */
const VISITS: readonly ((socket: string) => Promise<void>)[] = [
  async function normal(socket) {
    using peer = await Peer.connect(socket);
    await peer.sendLine(STATUS);
    resultOf(await peer.answer());
  },
  async function silent(socket) {
    (await Peer.connect(socket)).close();
  },
  async function resetByUnreadAnswers(socket) {
    const peer = await Peer.connect(socket);
    await peer.send(`${STATUS}\n`.repeat(20)).catch(() => {});
    peer.close();
  },
  async function halfLine(socket) {
    const peer = await Peer.connect(socket);
    await peer.send(STATUS.slice(0, 20));
    peer.close();
  },
  async function halfOpen(socket) {
    using peer = await Peer.connect(socket);
    await peer.send(STATUS);
    await peer.closeWrite();
    assert.equal((await peer.rest()).length, 1);
  },
  async function readerAlone(socket) {
    using peer = await Peer.connect(socket);
    await peer.closeWrite();
    assert.equal(await peer.line(), undefined);
  },
  async function tooLong(socket) {
    using peer = await Peer.connect(socket);
    await peer.send(new Uint8Array(1_100_000)).catch(() => {});
    assert.equal(codeOf(await peer.answer()), "line_too_long");
  },
];

/** Visits in turn, some at a time. Rare ones are expensive. */
async function visit(socket: string, count: number): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let i; (i = next++) < count;) {
      const kinds = i % 50 === 0 ? VISITS.length : VISITS.length - 1;
      await VISITS[i % kinds]!(socket);
    }
  };
  await Promise.all(Array.from({ length: 32 }, worker));
}

/** More connections than one user may have, all at once, and then none. */
async function overcrowd(socket: string): Promise<void> {
  const peers = await Promise.all(Array.from({ length: 700 }, () => Peer.connect(socket)));
  const answers = await Promise.all(peers.map(async (peer) => {
    await peer.sendLine(STATUS).catch(() => {});
    return await peer.answer();
  }));
  const refused = answers.filter(({ error }) => error?.data.code === "too_many_connections");
  assert.ok(refused.length >= 100, `${refused.length} refused`);
  for (const peer of peers) peer.close();
}

function descriptors(pid: number): number {
  return [...Deno.readDirSync(`/proc/${pid}/fd`)].length;
}

// Nobody but root may look at the descriptors of a process that cannot be traced.
await linuxTest(
  "thousands of connections of all kinds leave no descriptor behind",
  ["root"],
  async () => {
    await using daemon = await startDaemon();
    const { socket, pid } = daemon;
    using watcher = await Peer.connect(socket);
    await visit(socket, 100);
    await settled(watcher);
    const before = descriptors(pid);
    await visit(socket, 3_000);
    await overcrowd(socket);
    await visit(socket, 300);
    await settled(watcher);
    await eventually("all descriptors are closed", () => descriptors(pid) <= before);
    assert.equal(descriptors(pid), before);
    assert.equal((await daemon.stop()).code, 0);
  },
);

/** Until nobody but the watcher is connected. */
async function settled(watcher: Peer): Promise<void> {
  await eventually("all have gone", async () => {
    await watcher.sendLine(STATUS);
    return resultOf(await watcher.answer()).connections === 1;
  });
}

Deno.test("no descriptor of anybody else is closed while connections come and go", async () => {
  await using daemon = await LocalDaemon.start();
  const visiting = visit(daemon.socket, 1_500);
  let done = false;
  const finished = visiting.finally(() => done = true);
  const watchers = Array.from(
    { length: 8 },
    (_, i) => watchFiles(daemon.place.directory, i, () => done),
  );
  await Promise.all([finished, ...watchers]);
});

/** Opens files, keeps each for a while, and sees that its descriptor is still that file's. */
async function watchFiles(directory: string, name: number, done: () => boolean): Promise<void> {
  const path = `${directory}/watched-${name}`;
  const open: Deno.FsFile[] = [];
  await Deno.writeTextFile(path, `${name}`.repeat(8));
  const { ino } = await Deno.stat(path);
  while (!done() || open.length > 0) {
    if (!done()) open.push(await Deno.open(path));
    if (open.length < 20 && !done()) continue;
    const file = open.shift()!;
    assert.equal((await file.stat()).ino, ino);
    const buffer = new Uint8Array(8);
    assert.equal(await file.read(buffer), 8);
    assert.equal(new TextDecoder().decode(buffer), `${name}`.repeat(8));
    file.close();
  }
}
