import assert from "node:assert/strict";
import { utf8 } from "../../core/bytes.ts";
import { Sockets } from "../../platform/sockets.ts";
import { callAs } from "../support/caller.ts";
import { linuxTest } from "../support/linux.ts";
import { eventually } from "../support/wait.ts";

const sockets = new Sockets();

async function inDirectory(run: (directory: string) => void | Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "cts-" });
  try {
    await run(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** A listener at a path, closed at the end. */
async function listening(run: (fd: number, path: string) => void | Promise<void>): Promise<void> {
  await inDirectory(async (directory) => {
    const path = `${directory}/s`;
    const fd = sockets.listenUnix(path, 8);
    try {
      await run(fd, path);
    } finally {
      sockets.close(fd);
    }
  });
}

async function acceptNext(listener: number): Promise<number> {
  let accepted: number | undefined;
  await eventually("somebody connects", () => (accepted = sockets.accept(listener)) !== undefined);
  return accepted!;
}

/** Both ends of a connection: a descriptor, and the peer. */
async function connected(run: (fd: number, peer: Deno.UnixConn) => Promise<void>): Promise<void> {
  await listening(async (listener, path) => {
    const peer = await Deno.connect({ transport: "unix", path });
    const fd = await acceptNext(listener);
    await run(fd, peer).finally(() => sockets.close(fd));
  });
}

Deno.test("a listener accepts who connects, and says when nobody waits", () =>
  listening(async (fd, path) => {
    assert.equal(sockets.accept(fd), undefined);
    using _ = await Deno.connect({ transport: "unix", path });
    const accepted = await acceptNext(fd);
    assert.ok(accepted > 2);
    assert.equal(sockets.accept(fd), undefined);
    sockets.close(accepted);
  }));

Deno.test("the peer's ids are known before it has sent a byte", () =>
  listening(async (fd, path) => {
    using _ = await Deno.connect({ transport: "unix", path });
    const accepted = await acceptNext(fd);
    const { groups, ...ids } = sockets.peerCredentials(accepted);
    assert.deepEqual(ids, { pid: Deno.pid, uid: Deno.uid(), gid: Deno.gid() });
    assert.ok(Array.isArray(groups));
    sockets.close(accepted);
  }));

await linuxTest(
  "all supplementary groups are read, however many",
  ["setpriv"],
  () =>
    listening(async (fd, path) => {
      Deno.chmodSync(path.slice(0, -2), 0o755);
      Deno.chmodSync(path, 0o666);
      for (const count of [0, 1, 31, 32, 33, 64, 1_000]) {
        const groups = Array.from({ length: count }, (_, i) => 70_000 + i);
        const call = callAs({ user: { uid: 61_003, gid: 61_004, groups } }, path);
        const accepted = await acceptNext(fd);
        const { pid, ...peer } = sockets.peerCredentials(accepted);
        assert.deepEqual(peer, { uid: 61_003, gid: 61_004, groups });
        sockets.close(accepted);
        assert.equal((await call).pid, pid);
      }
    }),
);

Deno.test("what is no socket has no credentials", () => {
  assert.throws(() => sockets.peerCredentials(0));
  assert.throws(() => sockets.peerCredentials(-1));
});

Deno.test("what is sent is received, and what cannot be is said at once", () =>
  connected(async (fd, peer) => {
    const buffer = new Uint8Array(8);
    assert.equal(sockets.receive(fd, buffer), undefined);
    await peer.write(utf8("hello"));
    assert.equal(sockets.receive(fd, buffer), 5);
    assert.equal(sockets.send(fd, utf8("answer")), 6);
    assert.equal(await peer.read(buffer), 6);
    assert.deepEqual(buffer.subarray(0, 6), utf8("answer"));
    let taken = 0;
    for (let count; (count = sockets.send(fd, new Uint8Array(65_536))) > 0;) taken += count;
    assert.ok(taken > 0, "the kernel takes some, and then no more");
    await peer.closeWrite();
    assert.equal(sockets.receive(fd, buffer), 0);
    peer.close();
    assert.throws(() => sockets.send(fd, utf8("x")), { call: "send" });
  }));

Deno.test("a name that is taken is already_running, and what has it stays", () =>
  listening((_fd, path) => {
    assert.throws(() => sockets.listenUnix(path, 8), { code: "already_running" });
    assert.equal(sockets.answers(path), true);
  }));

Deno.test("a socket whose program has gone does not answer, and neither does nothing", () =>
  inDirectory((directory) => {
    const path = `${directory}/s`;
    sockets.close(sockets.listenUnix(path, 8));
    assert.equal(sockets.answers(path), false);
    assert.equal(sockets.answers(`${directory}/absent`), false);
    sockets.unlink(path);
    sockets.unlink(path);
    sockets.close(sockets.listenUnix(path, 8));
  }));

Deno.test("a listener whose queue is full still has a program", () =>
  inDirectory(async (directory) => {
    const path = `${directory}/s`;
    const fd = sockets.listenUnix(path, 0);
    const waiting: Deno.UnixConn[] = [];
    for (let i = 0; i < 4; i++) {
      assert.equal(sockets.answers(path), true);
      const connecting = Deno.connect({ transport: "unix", path });
      await connecting.then((connection) => waiting.push(connection), () => {});
    }
    for (const connection of waiting) connection.close();
    sockets.close(fd);
  }));

Deno.test("a socket's path has at most 107 bytes", () =>
  inDirectory((directory) => {
    const longest = `${directory}/`.padEnd(107, "s");
    const fd = sockets.listenUnix(longest, 1);
    assert.equal(sockets.answers(longest), true);
    sockets.close(fd);
    for (const path of [`${longest}x`, `${longest.slice(0, -1)}ä`]) {
      assert.throws(() => sockets.listenUnix(path, 1), { code: "config" });
      assert.throws(() => sockets.answers(path), { code: "config" });
    }
  }));

Deno.test("a path that C would cut short is refused", () => {
  for (const path of ["", "/tmp/a\0b"]) {
    assert.throws(() => sockets.listenUnix(path, 1), { code: "io" });
    assert.throws(() => sockets.lock(path), { code: "io" });
  }
});

Deno.test("a lock is held by one alone, and is made for its owner", () =>
  inDirectory((directory) => {
    const path = `${directory}/lock`;
    sockets.lock(path);
    assert.equal((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
    assert.throws(() => new Sockets().lock(path), { code: "already_running" });
    assert.throws(() => sockets.lock(`${directory}/absent/lock`), { code: "config" });
  }));

await linuxTest(
  "a peer's name is what it is bound to, or nothing",
  ["python3"],
  () =>
    listening(async (fd, path) => {
      using _ = await Deno.connect({ transport: "unix", path });
      const nameless = await acceptNext(fd);
      assert.equal(sockets.peerName(nameless).length, 0);
      sockets.close(nameless);
      const script = "import socket, sys; s = socket.socket(socket.AF_UNIX); " +
        "s.bind(chr(0) + sys.argv[2]); s.connect(sys.argv[1]); s.recv(1)";
      // The longest name that there is.
      const names = [`${path}/short`, `${path}/`.padEnd(107, "x")];
      for (const name of names) {
        const child = new Deno.Command("python3", { args: ["-c", script, path, name] }).spawn();
        const named = await acceptNext(fd);
        assert.deepEqual(sockets.peerName(named), utf8(`\0${name}`));
        sockets.close(named);
        assert.equal((await child.status).code, 0);
      }
    }),
);
