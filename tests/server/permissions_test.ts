/** The daemon's permissions, tried from inside; and what others can see of its process. */
import assert from "node:assert/strict";
import { PRIVILEGES } from "../../core/privileges.ts";
import { compile } from "../../tools/compile.ts";
import { PROJECT } from "../../tools/process.ts";
import { asUser, Place, resultOf, rpc, startDaemon } from "../support/daemon.ts";
import { linuxTest } from "../support/linux.ts";
import { compiledProgram, must, run } from "../support/process.ts";
import { SERVICE } from "../support/system.ts";
import { eventually } from "../support/wait.ts";
import type { Attempts, ProbeReport } from "./permissions_probe.ts";

const PROBE = new URL("permissions_probe.ts", import.meta.url);

/** A place as a daemon has, and what the probe goes for outside; it must get none of it. */
async function withTargets(use: (targets: string[]) => Promise<void>): Promise<void> {
  using place = new Place();
  place.makeOwn();
  const outside = await Deno.makeTempDir({ prefix: "cto-" });
  Deno.writeTextFileSync(`${place.directory}/state/other`, "secret");
  const unix = Deno.listen({ transport: "unix", path: `${outside}/socket` });
  const tcp = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const visits: string[] = [];
  const watched = [unix, tcp].map((listener) => {
    return listener.accept().then(() => visits.push(listener.addr.transport), () => {});
  });
  try {
    await use([place.directory, outside, `${tcp.addr.port}`]);
    assert.deepEqual([...Deno.readDirSync(outside)].map(({ name }) => name), ["socket"]);
    assert.deepEqual(visits, []);
  } finally {
    for (const listener of [unix, tcp]) listener.close();
    await Promise.all(watched);
    await Deno.remove(outside, { recursive: true });
  }
}

function readReport(output: string): ProbeReport {
  const report = /REPORT (\{.*\})/.exec(output)?.[1];
  if (report === undefined) throw new Error(`the probe did not report: ${output}`);
  return JSON.parse(report) as ProbeReport;
}

/** Asserts that nothing forbidden was done, and that it was for want of permission. */
function refusedAll(attempts: Attempts, ownIsAllowed: boolean): void {
  for (const [name, result] of Object.entries(attempts)) {
    const own = name.startsWith("own: ");
    if (own && ownIsAllowed) assert.equal(result, "done", name);
    else assert.ok(REFUSALS.includes(result), `${name}: ${result}`);
  }
}

/** The runtime's words for a missing permission; those of a fetch and an import are the last. */
const REFUSALS = ["NotCapable", "PermissionDenied", "TypeError"];

function check(output: string): void {
  const { main, worker } = readReport(output);
  assert.ok(Object.keys(main).length > 30);
  refusedAll(main, false);
  refusedAll(worker, true);
}

for (const how of ["user", "activated"]) {
  Deno.test(`from source, no thread of the daemon can do what it may not: ${how}`, () =>
    withTargets(async (targets) => {
      const args = ["run", "--allow-all", "--no-prompt", PROBE.pathname, ...targets, how];
      const env = { ...Deno.env.toObject(), NO_COLOR: "1" };
      check(await must([Deno.execPath(), ...args], { env }));
    }));
}

/** The probe as a program, by the very steps that make `crypto`. */
async function compiledProbe(directory: string): Promise<string> {
  const config = JSON.parse(await Deno.readTextFile(`${PROJECT}/deno.json`));
  const { imports, unstable } = config;
  const settings = { imports, unstable, lock: false, nodeModulesDir: "none" };
  await Deno.writeTextFile(`${directory}/deno.json`, JSON.stringify(settings));
  const entry = `import { probe } from ${JSON.stringify(PROBE.href)};\n` +
    "await probe(import.meta.url);\n";
  await Deno.writeTextFile(`${directory}/main.ts`, entry);
  return (await compile({ root: directory, output: "probe" })).path;
}

await linuxTest(
  "compiled, and on a terminal that says yes, it can do no more, and nobody is asked",
  ["script"],
  () =>
    withTargets(async (targets) => {
      const directory = await Deno.makeTempDir({ prefix: "ctb-" });
      try {
        const program = await compiledProbe(directory);
        for (const how of ["user", "activated"]) check(await must([program, ...targets, how]));
        const onTerminal = await must(terminal([program, ...targets, "user"]), { stdin: yes() });
        check(onTerminal);
        assert.doesNotMatch(onTerminal, /Allow|permission request|requests/i);
      } finally {
        await Deno.remove(directory, { recursive: true });
      }
    }),
);

/** Somebody who answers every question. What is typed before a question is thrown away. */
async function* yes(): AsyncGenerator<string> {
  for (;;) {
    yield "y\n";
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Runs a command on a pseudo-terminal. */
function terminal(command: readonly string[]): string[] {
  const quoted = command.map((part) => `'${part.replaceAll("'", `'\\''`)}'`).join(" ");
  return ["script", "--quiet", "--return", "--echo", "never", "--command", quoted, "/dev/null"];
}

await linuxTest("the daemon on a terminal asks for nothing", ["script"], async () => {
  using place = new Place();
  const running = run(terminal([compiledProgram(), "serve"]), {
    env: place.env,
    stdin: yes(),
    patience: 30_000,
  });
  await eventually("it serves", async () => {
    return await rpc(place.socket, "status").then(() => true, () => false);
  });
  for (const name of ["one", "two"]) resultOf(await rpc(place.socket, "key.create", { name }));
  const pid = await daemonOf(place);
  Deno.kill(pid, "SIGTERM");
  const { stdout, code } = await running;
  assert.equal(code, 0, stdout);
  assert.doesNotMatch(stdout, /Allow|permission request|\[y\/n/i);
});

/** The process that holds the lock of a place. */
async function daemonOf(place: Place): Promise<number> {
  const { ino } = await Deno.stat(`${place.state}/lock`);
  const line = (await Deno.readTextFile("/proc/locks")).split("\n").find((one) => {
    return one.includes("FLOCK") && one.includes(`:${ino} `);
  });
  return Number(line!.trim().split(/\s+/)[4]);
}

Deno.test("deno.json's permission sets are the table's", async () => {
  const { permissions } = JSON.parse(await Deno.readTextFile(`${PROJECT}/deno.json`));
  const start = Object.entries(PRIVILEGES).map(([role, { start }]) => [role, start]);
  assert.deepEqual(permissions, JSON.parse(JSON.stringify(Object.fromEntries(start))));
});

Deno.test("from source with the table's set alone, the daemon serves", async () => {
  using place = new Place();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "-P=serve", "main.ts", "serve"],
    cwd: PROJECT,
    env: { ...Deno.env.toObject(), ...place.env },
    stdout: "null",
    stderr: "null",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
  try {
    await eventually("it serves", async () => {
      return await rpc(place.socket, "status").then(() => true, () => false);
    });
    resultOf(await rpc(place.socket, "key.create", { name: "new" }));
    child.kill("SIGTERM");
    assert.equal((await child.status).code, 0);
  } finally {
    clearTimeout(timer);
  }
});

Deno.test("the daemon leaves no core dump", async () => {
  await using daemon = await startDaemon();
  const limits = await Deno.readTextFile(`/proc/${daemon.pid}/limits`);
  assert.match(limits, /^Max core file size\s+1\s+1\s+bytes/m);
});

await linuxTest(
  "another program of the daemon's user cannot look into its process",
  ["setpriv"],
  async () => {
    await using daemon = await startDaemon({ user: SERVICE });
    const peek = async (path: string) => {
      const command = [...asUser(SERVICE), "cat", path];
      return (await run(command)).code;
    };
    assert.equal(await peek(`/proc/${daemon.pid}/stat`), 0);
    for (const file of ["environ", "maps", "mem", "auxv", "syscall"]) {
      assert.notEqual(await peek(`/proc/${daemon.pid}/${file}`), 0, file);
    }
    const list = [...asUser(SERVICE), "ls", `/proc/${daemon.pid}/fd`];
    assert.notEqual((await run(list)).code, 0);
  },
);
