/** The compiled daemon under a service manager: systemd's own tools, and real notify sockets. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { ERRORS } from "../../core/errors.ts";
import { activate, socketOf, startActivated } from "../support/activation.ts";
import {
  codeOf,
  DaemonProcess,
  Peer,
  Place,
  request,
  resultOf,
  rpc,
  serveToEnd,
  startDaemon,
} from "../support/daemon.ts";
import { linuxTest } from "../support/linux.ts";
import { NotifySocket } from "../support/notify.ts";
import { must } from "../support/process.ts";
import { SERVICE, startSystemDaemon, SystemPlace } from "../support/system.ts";
import { eventually } from "../support/wait.ts";

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

await linuxTest(
  "a socket that is passed in is served, and left as it was",
  ["activation"],
  async () => {
    using place = new Place();
    await using daemon = await startActivated(place);
    const socket = socketOf(place);
    const { ino, mode } = Deno.lstatSync(socket);
    // Who makes it start is served too, and so is everybody who came meanwhile.
    const answers = await Promise.all(Array.from({ length: 5 }, () => rpc(socket, "status")));
    for (const answer of answers) assert.equal(resultOf(answer).keys, 1);
    await daemon.ready();
    assert.equal(exists(place.runtime), false, "it needs no runtime directory");
    assert.equal((await daemon.stop()).code, 0);
    assert.deepEqual([Deno.lstatSync(socket).ino, Deno.lstatSync(socket).mode], [ino, mode]);
    assert.equal(exists(`${socket}.lock`), false);
  },
);

await linuxTest(
  "a second daemon on the same ring is refused, whoever passed its socket",
  ["activation"],
  async () => {
    await using first = await startDaemon();
    await using second = await startActivated(first.place);
    using _ = await Peer.connect(socketOf(first.place));
    assert.equal((await second.status).code, ERRORS.already_running.exit);
    assert.equal(resultOf(await rpc(first.socket, "status")).keys, 1);
  },
);

const PASS = ["python3", fileURLToPath(new URL("../support/pass.py", import.meta.url))];

await linuxTest("what is no Unix listener is refused", ["python3"], async () => {
  const wrong = ["datagrams", "packets", "a socket that does not listen", "a TCP listener"];
  for (const what of [...wrong, "a file", "nothing"]) {
    using place = new Place();
    const { code, stderr } = await serveToEnd({ place, wrapper: [...PASS, what, "1"] });
    assert.equal(code, ERRORS.config.exit, `${what}: ${stderr}`);
    assert.ok(stderr.includes("descriptor 3"), stderr);
    assert.equal(exists(place.ring), false, "before anything is made");
  }
});

await linuxTest(
  "more sockets than are there, or are of use, are refused",
  ["python3"],
  async () => {
    const wrong = [["2", "descriptor 4"], ["4", "LISTEN_FDS"], ["-1", "LISTEN_FDS"], [
      "many",
      "LISTEN_FDS",
    ]];
    for (const [count, subject] of wrong) {
      const { code, stderr } = await serveToEnd({ wrapper: [...PASS, "a listener", count!] });
      assert.equal(code, ERRORS.config.exit, stderr);
      assert.ok(stderr.includes(subject!), stderr);
    }
  },
);

await linuxTest("two sockets for the same are refused", ["activation"], async () => {
  for (const names of [["one", "other"], ["credentials", "other", "more"], ["credentials"]]) {
    using place = new Place();
    const [first = "", ...others] = names.map((name) => `${place.directory}/${name}.sock`);
    const more = others.flatMap((path) => ["--listen", path]);
    await using daemon = new DaemonProcess({ place, wrapper: activate(first, place.env, ...more) });
    await eventually("the sockets are there", () => {
      return daemon.stderr.split("Listening on").length === names.length + 1;
    });
    using _ = await Peer.connect(first);
    assert.equal((await daemon.status).code, ERRORS.config.exit, daemon.stderr);
    assert.ok(daemon.stderr.includes("LISTEN_FDS"), daemon.stderr);
  }
});

Deno.test("a notify socket that is none ends the start", async () => {
  for (const NOTIFY_SOCKET of ["relative", `/${"x".repeat(200)}`]) {
    const { code } = await serveToEnd({ env: { NOTIFY_SOCKET } });
    assert.equal(code, ERRORS.config.exit);
  }
  const { code } = await serveToEnd({ env: { NOTIFY_SOCKET: "/run/nobody-is-here" } });
  assert.equal(code, ERRORS.io.exit);
});

await linuxTest("the manager hears of readiness, reload and stop", ["python3"], async () => {
  using place = new Place();
  await using manager = await NotifySocket.bind(`@${place.directory}`);
  await using daemon = new DaemonProcess({ place, env: { NOTIFY_SOCKET: manager.address } });
  assert.equal((await manager.next("READY=1")).pid, daemon.pid);
  assert.equal(resultOf(await rpc(daemon.socket, "status")).keys, 1);
  await daemon.ready();
  daemon.signal("SIGHUP");
  await manager.next("READY=1", 1);
  const [, reloading, ready] = manager.notices;
  assert.match(reloading!.text, /^RELOADING=1\nMONOTONIC_USEC=\d+$/);
  assert.equal(ready!.text, "READY=1\nSTATUS=serving");
  await eventually("it says so", () => daemon.stderr.includes("crypto: reloaded\n"));
  using idle = await Peer.connect(daemon.socket);
  // One that was not yet accepted when the signal came would be hung up on without a word.
  await idle.sendLine(request(1, "status"));
  assert.equal((await idle.answer()).id, 1);
  await daemon.stop();
  await manager.next("STOPPING=1");
  assert.equal((await idle.answer()).error?.data.code, "stopping");
  assert.equal(manager.notices.length, 4);
});

Deno.test("a daemon that does not start is not ready, and says nothing", async () => {
  using place = new Place();
  place.makeOwn();
  Deno.writeTextFileSync(place.sealingKey, "short");
  Deno.chmodSync(place.sealingKey, 0o400);
  await using manager = await NotifySocket.bind(`@${place.directory}`);
  const { code } = await serveToEnd({ place, env: { NOTIFY_SOCKET: manager.address } });
  assert.notEqual(code, 0);
  assert.deepEqual(manager.notices, []);
});

await linuxTest(
  "the watchdog is pinged by the thread that serves, and not when that is stuck",
  ["python3"],
  async () => {
    using place = new Place();
    place.makeOwn();
    // A log that nobody reads: when the pipe is full, the write of the thread that serves waits.
    await must(["mkfifo", "--mode=600", place.auditLog]);
    await using manager = await NotifySocket.bind(`@${place.directory}`);
    const env = { NOTIFY_SOCKET: manager.address, WATCHDOG_USEC: "400000" };
    await using daemon = await startDaemon({ place, env });
    await eventually("pings come", () => manager.count("WATCHDOG=1") >= 5);
    const pings = manager.notices.filter(({ text }) => text === "WATCHDOG=1");
    assert.ok(pings[4]!.at - pings[0]!.at < 4 * 400_000, "in time, again and again");
    using peer = await Peer.connect(daemon.socket);
    const lines = Array.from({ length: 2_000 }, (_, i) => request(i, "status") + "\n");
    const sending = peer.send(lines.join(""));
    await eventually("pings have ceased", () => Date.now() - manager.notices.at(-1)!.seen > 2_000);
    const before = manager.count("WATCHDOG=1");
    const reader = await Deno.open(place.auditLog);
    const draining = reader.readable.pipeTo(new WritableStream()).catch(() => {});
    await eventually("pings come again", () => manager.count("WATCHDOG=1") > before + 2);
    await sending;
    for (let id = 0; id < 2_000; id++) assert.equal((await peer.answer()).id, id);
    await daemon.kill();
    await draining;
  },
);

Deno.test("a watchdog that is meant for another process is not pinged", async () => {
  using place = new Place();
  await using manager = await NotifySocket.bind(`@${place.directory}`);
  const env = { NOTIFY_SOCKET: manager.address, WATCHDOG_USEC: "2000", WATCHDOG_PID: "1" };
  await using daemon = await startDaemon({ place, env });
  for (let i = 0; i < 50; i++) await rpc(daemon.socket, "status");
  assert.equal(manager.count("WATCHDOG=1"), 0);
});

await linuxTest(
  "a configuration that has become wrong changes nothing, and that is said",
  ["python3"],
  async () => {
    using place = new Place();
    place.makeOwn();
    const configure = (text: string) => Deno.writeTextFileSync(`${place.config}/crypto.toml`, text);
    configure("[limits]\nconnections_per_user = 1\n");
    await using manager = await NotifySocket.bind(`@${place.directory}`);
    await using daemon = await startDaemon({ place, env: { NOTIFY_SOCKET: manager.address } });
    using first = await Peer.connect(daemon.socket);
    // A refusal comes before anything was asked.
    const second = async () => {
      using peer = await Peer.connect(daemon.socket);
      return codeOf(await peer.answer());
    };
    assert.equal(await second(), "too_many_connections");

    configure("[limits]\nconnections_per_user = none\n");
    daemon.signal("SIGHUP");
    const { text } = await manager.next("READY=1", 1);
    assert.ok(text.includes(`not reloaded: ${place.config}/crypto.toml:2`), text);
    await eventually("it says so", () => daemon.stderr.includes("crypto.toml:2"));
    assert.equal(await second(), "too_many_connections");

    const told = manager.notices.length;
    configure("[limits]\nconnections_per_user = 2\n");
    daemon.signal("SIGHUP");
    assert.equal((await manager.next("READY=1", told)).text, "READY=1\nSTATUS=serving");
    assert.equal(resultOf(await rpc(daemon.socket, "status")).connections, 2);
    await first.sendLine(request(1, "status"));
    assert.equal((await first.answer()).id, 1);
  },
);

/** The system's layout with the sealing key made, and its configuration root's. */
async function installedPlace(): Promise<SystemPlace> {
  const place = new SystemPlace();
  await using daemon = await startSystemDaemon(place);
  await daemon.stop();
  Deno.chownSync(place.config, 0, 0);
  Deno.chmodSync(place.config, 0o755);
  return place;
}

async function startService(place: SystemPlace): Promise<DaemonProcess> {
  const wrapper = [...place.wrapper, ...activate("/run/crypto/crypto.sock", place.env)];
  const daemon = new DaemonProcess({ place, wrapper, user: SERVICE, args: ["--system"] });
  await eventually("the socket is there", () => daemon.stderr.includes("Listening on"));
  return daemon;
}

await linuxTest(
  "a system service that is handed its socket writes to nothing but its state",
  ["root", "setpriv", "mounts", "activation"],
  async () => {
    using place = await installedPlace();
    await using daemon = await startService(place);
    Deno.chmodSync(place.runtime, 0o755);
    assert.equal(resultOf(await rpc(place.socket, "status")).mode, "system");
    resultOf(await rpc(place.socket, "key.create", { name: "new" }));
    daemon.signal("SIGHUP");
    await eventually("it is reloaded", () => daemon.stderr.includes("crypto: reloaded\n"));
    const names = (path: string) => [...Deno.readDirSync(path)].map(({ name }) => name).toSorted();
    assert.deepEqual(names(place.config), ["sealing.key"]);
    assert.deepEqual(names(place.state), ["audit.log", "lock", "ring"]);
    assert.deepEqual(names(place.runtime).filter((name) => name !== "crypto.sock.lock"), [
      "crypto.sock",
    ]);
    assert.equal((await daemon.stop()).code, 0);
    assert.ok(exists(place.socket));
  },
);

await linuxTest(
  "a system service that is handed its socket and has no key says so, and makes none",
  ["root", "setpriv", "mounts", "activation"],
  async () => {
    using place = new SystemPlace();
    await using daemon = await startService(place);
    using _ = await Peer.connect(place.socket);
    assert.equal((await daemon.status).code, ERRORS.config.exit);
    assert.ok(daemon.stderr.includes("the first key cannot be written"), daemon.stderr);
    assert.deepEqual([...Deno.readDirSync(place.config)], []);
  },
);
