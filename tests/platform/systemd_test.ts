import assert from "node:assert/strict";
import type { Env } from "../../core/layout.ts";
import { Sockets } from "../../platform/sockets.ts";
import { adoptListener } from "../../platform/listeners.ts";
import { readSupervision, ServiceManager } from "../../platform/systemd.ts";
import { IntervalTimer } from "../../platform/timer.ts";
import { failsWith } from "../core/support.ts";
import { linuxTest } from "../support/linux.ts";
import { NotifySocket } from "../support/notify.ts";

const PID = 4242;

function supervision(variables: Record<string, string>) {
  const env: Env = (name) => Object.hasOwn(variables, name) ? variables[name] : undefined;
  return readSupervision(env, PID);
}

const NOTHING = { listeners: [], notifySocket: undefined, watchdog: undefined };

Deno.test("without a service manager there is nothing to read", () => {
  assert.deepEqual(supervision({}), NOTHING);
  assert.deepEqual(supervision({ NOTIFY_SOCKET: "" }), NOTHING);
});

Deno.test("descriptors that are passed in to this process are listeners, with their names", () => {
  const { listeners } = supervision({ LISTEN_PID: `${PID}`, LISTEN_FDS: "1" });
  assert.deepEqual(listeners, [{ fd: 3, name: "unknown" }]);
  const named = { LISTEN_PID: `${PID}`, LISTEN_FDS: "3", LISTEN_FDNAMES: "crypto.socket:x" };
  assert.deepEqual(supervision(named).listeners, [
    { fd: 3, name: "crypto.socket" },
    { fd: 4, name: "x" },
    { fd: 5, name: "unknown" },
  ]);
});

Deno.test("descriptors that are meant for another process, or none, are not taken", () => {
  for (const pid of ["1", "", `${PID} `, "x", `0${PID}`]) {
    assert.deepEqual(supervision({ LISTEN_PID: pid, LISTEN_FDS: "1" }), NOTHING);
  }
  assert.deepEqual(supervision({ LISTEN_FDS: "1" }), NOTHING);
  assert.deepEqual(supervision({ LISTEN_PID: `${PID}`, LISTEN_FDS: "0" }), NOTHING);
  assert.deepEqual(supervision({ LISTEN_PID: `${PID}` }), NOTHING);
});

Deno.test("too many descriptors, or a count that is none, are an error", () => {
  for (const count of ["4", "17", "-1", "1.0", "x", "", "0x1", "9".repeat(16)]) {
    failsWith("config", () => supervision({ LISTEN_PID: `${PID}`, LISTEN_FDS: count }), count);
  }
});

Deno.test("the watchdog's time is in milliseconds, and may be meant for another process", () => {
  assert.equal(supervision({ WATCHDOG_USEC: "30000000" }).watchdog, 30_000);
  assert.equal(supervision({ WATCHDOG_USEC: "1500", WATCHDOG_PID: `${PID}` }).watchdog, 1.5);
  assert.equal(supervision({ WATCHDOG_USEC: "1500", WATCHDOG_PID: "1" }).watchdog, undefined);
  for (const wrong of ["", "0", "999", "-5", "soon", "1e9"]) {
    failsWith("config", () => supervision({ WATCHDOG_USEC: wrong }), wrong);
  }
});

const sockets = new Sockets();

async function inDirectory(run: (directory: string) => void | Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "ctn-" });
  try {
    await run(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** `flags` of a descriptor, in octal, from the kernel. */
function flagsOf(fd: number): number {
  const info = Deno.readTextFileSync(`/proc/self/fdinfo/${fd}`);
  return parseInt(/^flags:\s+(\d+)$/m.exec(info)![1]!, 8);
}

const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;

Deno.test("a listening socket is adopted: it blocks nobody and is not inherited", () =>
  inDirectory(async (directory) => {
    const libc = Deno.dlopen("libc.so.6", {
      fcntl: { parameters: ["i32", "i32", "i32"], result: "i32" },
    });
    const fd = sockets.listenUnix(`${directory}/s`, 8);
    // As a service manager passes it: blocking, and inherited.
    libc.symbols.fcntl(fd, 4, 0);
    libc.symbols.fcntl(fd, 2, 0);
    assert.equal(flagsOf(fd) & (O_NONBLOCK | O_CLOEXEC), 0);
    const adopted = { fd, name: "s", reach: { path: `${directory}/s` } };
    assert.deepEqual(adoptListener({ fd, name: "s" }), adopted);
    assert.equal(flagsOf(fd) & (O_NONBLOCK | O_CLOEXEC), O_NONBLOCK | O_CLOEXEC);
    using _ = await Deno.connect({ transport: "unix", path: `${directory}/s` });
    const accepted = sockets.accept(fd)!;
    failsWith("config", () => adoptListener({ fd: accepted, name: "connected" }));
    for (const one of [accepted, fd]) sockets.close(one);
    libc.close();
  }));

Deno.test("what is no listening socket is refused", () => {
  const timer = new IntervalTimer(60_000);
  failsWith("config", () => adoptListener({ fd: timer.fd, name: "timer" }));
  timer.close();
  failsWith("config", () => adoptListener({ fd: timer.fd, name: "closed" }));
  failsWith("config", () => adoptListener({ fd: -1, name: "none" }));
});

for (const kind of ["a path", "an abstract name"]) {
  await linuxTest(
    `the manager at ${kind} is told of each state`,
    ["python3"],
    () =>
      inDirectory(async (directory) => {
        const name = kind === "a path" ? `${directory}/notify` : `@${directory}`;
        await using receiver = await NotifySocket.bind(name);
        const manager = new ServiceManager(name);
        manager.ready("serving 1 key");
        manager.reloading();
        manager.alive();
        manager.stopping();
        const last = await receiver.next("STOPPING=1");
        const [ready, reloading, alive] = receiver.notices;
        assert.equal(ready!.text, "READY=1\nSTATUS=serving 1 key");
        assert.equal(alive!.text, "WATCHDOG=1");
        assert.equal(last.text, "STOPPING=1");
        assert.deepEqual(new Set(receiver.notices.map(({ pid }) => pid)), new Set([Deno.pid]));
        const said = /^RELOADING=1\nMONOTONIC_USEC=(\d+)$/.exec(reloading!.text);
        assert.ok(Math.abs(Number(said![1]) - reloading!.at) < 5_000_000, "the same clock");
        assert.ok(Number(said![1]) <= reloading!.at);
      }),
  );
}

await linuxTest(
  "a status is one line, whatever is in it",
  ["python3"],
  () =>
    inDirectory(async (directory) => {
      await using receiver = await NotifySocket.bind(`${directory}/notify`);
      new ServiceManager(`${directory}/notify`).ready("a\nMAINPID=1\r\n\0b ü");
      const { text } = await receiver.next("READY");
      assert.equal(text, "READY=1\nSTATUS=a MAINPID=1 b ü");
    }),
);

Deno.test("where there is no manager, nobody is told", () => {
  const manager = new ServiceManager(undefined);
  manager.ready("serving");
  manager.reloading();
  manager.alive();
  manager.stopping();
});

Deno.test("an address that is no path and no abstract name is refused", () => {
  const long = "x".repeat(107);
  for (const wrong of ["notify", "./notify", "@", "/", "/a\0b", "vsock:2:1", `/${long}`]) {
    failsWith("config", () => new ServiceManager(wrong), wrong);
  }
});

Deno.test("a manager that cannot be told of readiness is an error, and of the rest is not", () =>
  inDirectory((directory) => {
    const manager = new ServiceManager(`${directory}/absent`);
    failsWith("io", () => manager.ready("serving"));
    manager.alive();
    manager.stopping();
  }));

await linuxTest(
  "a manager that takes nothing holds nobody up",
  ["python3"],
  () =>
    inDirectory(async (directory) => {
      await using receiver = await NotifySocket.bind(`${directory}/notify`);
      receiver.pause();
      const manager = new ServiceManager(`${directory}/notify`);
      for (let i = 0; i < 5_000; i++) manager.alive();
      failsWith("io", () => manager.ready("serving"));
      receiver.resume();
    }),
);
