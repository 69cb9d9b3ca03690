/** The compiled daemon from its start to its end, however that comes. */
import assert from "node:assert/strict";
import { ERRORS } from "../../core/errors.ts";
import {
  type DaemonProcess,
  Peer,
  Place,
  request,
  resultOf,
  rpc,
  serveToEnd,
  startDaemon,
} from "../support/daemon.ts";
import { linuxTest } from "../support/linux.ts";
import { run } from "../support/process.ts";
import { eventually, soon } from "../support/wait.ts";
import { LocalDaemon } from "./support.ts";

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`${signal} ends an idle daemon with status 0, and its socket is gone`, async () => {
    await using daemon = await startDaemon();
    using idle = await Peer.connect(daemon.socket);
    await idle.sendLine(request(1, "status"));
    assert.equal((await idle.answer()).id, 1);
    daemon.signal(signal);
    assert.equal((await idle.answer()).error?.data.code, "stopping");
    assert.equal(await idle.line(), undefined);
    assert.equal((await soon("the end", daemon.status)).code, 0);
    assert.equal(exists(daemon.socket), false);
  });
}

Deno.test("SIGTERM answers what was begun, and leaves no half line", async () => {
  await using daemon = await startDaemon();
  const peers = await Promise.all(Array.from({ length: 8 }, () => Peer.connect(daemon.socket)));
  const reading = peers.map((peer) => readNumbered(peer));
  const sending = peers.map((peer) => sendUntilRefused(peer));
  await eventually("answers come", () => peers.every((peer) => progress.get(peer)! > 100));
  daemon.signal("SIGTERM");
  const counts = await Promise.all(reading);
  await Promise.all(sending);
  assert.equal((await soon("the end", daemon.status)).code, 0);
  assert.ok(counts.every((count) => count > 100));
  const answered = counts.reduce((sum, count) => sum + count);
  const done = daemon.log().filter(({ error }) => error === undefined);
  assert.equal(done.length, answered, "all that was decided was answered");
  for (const peer of peers) peer.close();
});

const progress = new Map<Peer, number>();

/** Reads whole answers, numbered in order, until the daemon says that it is stopping. */
async function readNumbered(peer: Peer): Promise<number> {
  for (let count = 0;; progress.set(peer, ++count)) {
    const { id, error } = JSON.parse(await peer.line() ?? "null");
    if (id !== null) assert.equal(id, count);
    else {
      assert.equal(error.data.code, "stopping");
      assert.equal(await peer.line(), undefined);
      return count;
    }
  }
}

async function sendUntilRefused(peer: Peer): Promise<void> {
  try {
    for (let id = 0;; id += 10) {
      const lines = Array.from({ length: 10 }, (_, i) => {
        return request(id + i, "encrypt", { text: "x".repeat(1_000) }) + "\n";
      });
      await peer.send(lines.join(""));
    }
  } catch {
    // The daemon has hung up.
  }
}

Deno.test("a stop waits for peers that neither read nor leave, but not for ever", async () => {
  await using daemon = await LocalDaemon.start({ stop: 300 });
  using deaf = await daemon.connect();
  const line = request(1, "encrypt", { text: "x".repeat(100_000) }) + "\n";
  const sending = assert.rejects(async () => {
    for (;;) await deaf.send(line);
  });
  await eventually("it stands still", () => daemon.log().length > 2);
  const started = Date.now();
  await daemon.stop();
  assert.ok(Date.now() - started >= 300);
  assert.ok(Date.now() - started < 5_000);
  await sending;
  assert.equal(exists(daemon.socket), false);
});

Deno.test("after SIGKILL the next daemon takes over the socket that was left", async () => {
  using place = new Place();
  await using killed = await startDaemon({ place });
  await killed.kill();
  assert.ok(exists(place.socket));
  await using daemon = await startDaemon({ place });
  assert.equal(resultOf(await rpc(daemon.socket, "status")).keys, 1);
});

Deno.test("a second daemon on the same socket is refused, and the first goes on", async () => {
  await using daemon = await startDaemon();
  const { place } = daemon;
  for (const args of [[], ["--socket", place.socket]]) {
    assert.equal((await serveToEnd({ place, args })).code, ERRORS.already_running.exit);
  }
  using other = new Place();
  const onItsSocket = await serveToEnd({ place: other, args: ["--socket", place.socket] });
  assert.equal(onItsSocket.code, ERRORS.already_running.exit);
  assert.equal(resultOf(await rpc(daemon.socket, "status")).keys, 1);
});

Deno.test("a second daemon on the same ring is refused, whatever its socket", async () => {
  await using daemon = await startDaemon();
  const socket = `${daemon.directory}/other/crypto.sock`;
  const refused = await serveToEnd({ place: daemon.place, args: ["--socket", socket] });
  assert.equal(refused.code, ERRORS.already_running.exit);
  assert.equal(exists(socket), false);
  assert.equal(resultOf(await rpc(daemon.socket, "status")).keys, 1);
});

Deno.test("another program that listens where the socket should be is left alone", async () => {
  using place = new Place();
  place.makeOwn();
  using listener = Deno.listen({ transport: "unix", path: place.socket });
  assert.equal((await serveToEnd({ place })).code, ERRORS.already_running.exit);
  const accepted = listener.accept();
  // The first in the queue is the daemon's question whether anybody is there.
  (await soon("the daemon's knock", accepted)).close();
  using peer = await Peer.connect(place.socket);
  using mine = await soon("our connection", listener.accept());
  await mine.write(new TextEncoder().encode("still here\n"));
  assert.equal(await peer.line(), "still here");
});

await linuxTest(
  "a program that listens for datagrams there is left alone",
  ["python3"],
  async () => {
    using place = new Place();
    place.makeOwn();
    const script = "import socket, sys\n" +
      "s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)\n" +
      "s.bind(sys.argv[1]); print('bound', flush=True); sys.stdin.read()";
    const python = new Deno.Command("python3", {
      args: ["-c", script, place.socket],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
    try {
      await eventually("it is bound", () => exists(place.socket));
      assert.equal((await serveToEnd({ place })).code, ERRORS.already_running.exit);
      assert.ok(exists(place.socket));
    } finally {
      await python.stdin.close();
      await python.stdout.cancel();
      await soon("its end", python.status);
    }
  },
);

Deno.test("a file where the socket should be is never removed", async () => {
  using place = new Place();
  place.makeOwn();
  Deno.writeTextFileSync(place.socket, "dear diary");
  assert.equal((await serveToEnd({ place })).code, ERRORS.config.exit);
  assert.equal(Deno.readTextFileSync(place.socket), "dear diary");
  Deno.removeSync(place.socket);
  const target = `${place.directory}/target`;
  Deno.writeTextFileSync(target, "dear diary");
  Deno.symlinkSync(target, place.socket);
  assert.equal((await serveToEnd({ place })).code, ERRORS.config.exit);
  assert.equal(Deno.readTextFileSync(target), "dear diary");
});

Deno.test("killed at any moment while it makes keys, it loses none that it acknowledged", async () => {
  using place = new Place();
  const acknowledged = new Set<string>(["default"]);
  for (let round = 0; round < 8; round++) {
    await using daemon = await startDaemon({ place });
    await expectKeys(daemon, acknowledged);
    const making = makeKeys(daemon, round, acknowledged);
    const enough = acknowledged.size + 1 + (round * 5) % 17;
    await eventually("some are made", () => acknowledged.size >= enough);
    await daemon.kill();
    await making;
  }
  await using daemon = await startDaemon({ place });
  await expectKeys(daemon, acknowledged);
});

async function makeKeys(daemon: DaemonProcess, round: number, made: Set<string>): Promise<void> {
  using peer = await Peer.connect(daemon.socket);
  try {
    for (let i = 0;; i++) {
      const name = `k${round}-${i}`;
      await peer.sendLine(request(i, "key.create", { name }));
      resultOf(await peer.answer());
      made.add(name);
    }
  } catch (error) {
    if (error instanceof assert.AssertionError) throw error;
  }
}

async function expectKeys(daemon: DaemonProcess, expected: ReadonlySet<string>): Promise<void> {
  const { keys } = resultOf(await rpc(daemon.socket, "key.list")) as { keys: { name: string }[] };
  const names = new Set(keys.map(({ name }) => name));
  for (const name of expected) assert.ok(names.has(name), name);
  // One that was made, but not yet acknowledged, may be there as well.
  for (const name of names) (expected as Set<string>).add(name);
}

Deno.test("the daemon stays small under a line of 100 MB, and cuts it off early", async () => {
  await using daemon = await startDaemon();
  using peer = await Peer.connect(daemon.socket);
  const piece = new Uint8Array(1_000_000).fill(0x78);
  let sent = 0;
  const sending = (async () => {
    for (; sent < 100; sent++) await peer.send(piece);
  })().catch(() => {});
  const answer = await peer.answer();
  assert.equal(answer.error!.data.code, "line_too_long");
  assert.equal(await peer.line(), undefined);
  await sending;
  assert.ok(sent < 10, `${sent} MB were taken`);
  assert.equal(resultOf(await rpc(daemon.socket, "status")).connections, 1);
  assert.ok(residentMegabytes(daemon.pid, "VmHWM") < 150);
});

function residentMegabytes(pid: number, name: string): number {
  const status = Deno.readTextFileSync(`/proc/${pid}/status`);
  return Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)![1]) / 1_000;
}

await linuxTest(
  "a daemon that has no descriptor left serves again when it has",
  ["root"],
  async () => {
    await using daemon = await startDaemon();
    const open = [...Deno.readDirSync(`/proc/${daemon.pid}/fd`)].length;
    const limit = `--nofile=${open + 20}:${open + 20}`;
    assert.equal((await run(["prlimit", `--pid=${daemon.pid}`, limit])).code, 0);
    const peers = await Promise.all(Array.from({ length: 60 }, () => Peer.connect(daemon.socket)));
    await eventually("it has no more", () => {
      return [...Deno.readDirSync(`/proc/${daemon.pid}/fd`)].length >= open + 20;
    });
    for (const peer of peers) peer.close();
    assert.equal(resultOf(await rpc(daemon.socket, "status")).keys, 1);
    await eventually("all are given back", async () => {
      const { connections } = resultOf(await rpc(daemon.socket, "status"));
      return connections === 1 &&
        [...Deno.readDirSync(`/proc/${daemon.pid}/fd`)].length <= open + 1;
    });
  },
);
