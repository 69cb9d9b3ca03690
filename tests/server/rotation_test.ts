/** Rotating the access log of a daemon that is at work: every line is whole, and in one file. */
import assert from "node:assert/strict";
import { type DaemonProcess, Peer, request, startDaemon } from "../support/daemon.ts";
import { linuxTest } from "../support/linux.ts";
import { must, plainEnvironment } from "../support/process.ts";
import { eventually } from "../support/wait.ts";

/** Asks on some connections until told to stop, and counts the answers. */
class Load {
  answered = 0;
  #going = true;
  readonly #done: Promise<unknown>;

  constructor(daemon: DaemonProcess) {
    this.#done = Promise.all(Array.from({ length: 4 }, () => this.#ask(daemon.socket)));
  }

  async #ask(socket: string): Promise<void> {
    using peer = await Peer.connect(socket);
    const lines = Array.from({ length: 20 }, (_, i) => request(i, "status") + "\n").join("");
    while (this.#going) {
      await peer.send(lines);
      for (let i = 0; i < 20; i++) assert.equal((await peer.answer()).id, i);
      this.answered += 20;
    }
  }

  /** Waits until more answers have come. */
  async more(): Promise<void> {
    const enough = this.answered + 200;
    await eventually("more answers come", () => this.answered > enough);
  }

  async end(): Promise<void> {
    this.#going = false;
    await this.#done;
  }
}

/** All files that a log has become, and their whole lines, read as JSON. */
function lines(directory: string): { files: number; lines: number } {
  const names = [...Deno.readDirSync(directory)].map(({ name }) => name);
  const logs = names.filter((name) => name.startsWith("access.log"));
  const texts = logs.map((name) => Deno.readTextFileSync(`${directory}/${name}`));
  for (const text of texts) assert.ok(text === "" || text.endsWith("\n"), "no line is torn");
  const all = texts.flatMap((text) => text.split("\n")).filter((line) => line !== "");
  for (const line of all) assert.equal(JSON.parse(line).op, "status");
  return { files: logs.length, lines: all.length };
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

Deno.test("renamed and reopened twenty times under load, no line is lost", async () => {
  await using daemon = await startDaemon();
  const { accessLog, state } = daemon.place;
  const load = new Load(daemon);
  for (let round = 0; round < 20; round++) {
    await load.more();
    Deno.renameSync(accessLog, `${accessLog}.${round}`);
    await load.more();
    assert.equal(exists(accessLog), false, "until it is told, it goes on in the old one");
    daemon.signal("SIGHUP");
    await eventually("the new one is made", () => exists(accessLog));
    assert.equal(Deno.statSync(accessLog).mode! & 0o777, 0o600);
  }
  await load.more();
  await load.end();
  assert.deepEqual(lines(state), { files: 21, lines: load.answered });
});

await linuxTest("logrotate, as documented, loses no line", ["logrotate", "root"], async () => {
  await using daemon = await startDaemon();
  const { accessLog, state } = daemon.place;
  const configuration = `${daemon.directory}/logrotate.conf`;
  Deno.writeTextFileSync(configuration, await documentedRotation(daemon));
  const load = new Load(daemon);
  for (let round = 1; round <= 3; round++) {
    await load.more();
    const force = ["logrotate", "--force", "--state", `${daemon.directory}/rotated`, configuration];
    await must(force, {
      env: { ...plainEnvironment(), PATH: `/usr/sbin:${Deno.env.get("PATH")}` },
    });
    await eventually("it goes on in the new one", () => exists(accessLog));
    await load.more();
  }
  await load.end();
  await must(["gunzip", ...compressed(state)]);
  assert.deepEqual(lines(state), { files: 4, lines: load.answered });
});

/** The file of docs/operations.md for this daemon: its log, its user, its process. */
async function documentedRotation({ place, pid }: DaemonProcess): Promise<string> {
  const page = await Deno.readTextFile(new URL("../../docs/operations.md", import.meta.url));
  const documented = /```text\n(\/var\/lib\/crypto\/access\.log \{[^`]*)```/.exec(page)![1]!;
  return documented
    .replace("/var/lib/crypto/access.log", place.accessLog)
    .replace("su crypto-service crypto-service", "su root root")
    .replace(/systemctl kill .*/, `kill -HUP ${pid}`);
}

function compressed(directory: string): string[] {
  const paths = [...Deno.readDirSync(directory)].map(({ name }) => `${directory}/${name}`);
  const found = paths.filter((path) => path.endsWith(".gz"));
  assert.ok(found.length > 0, "delaycompress compresses the one before");
  return found;
}

Deno.test("a log that cannot be made anew is not lost, and that is said", async () => {
  await using daemon = await startDaemon();
  const { accessLog } = daemon.place;
  const load = new Load(daemon);
  await load.more();
  Deno.renameSync(accessLog, `${accessLog}.old`);
  Deno.mkdirSync(accessLog);
  daemon.signal("SIGHUP");
  await eventually("it says so", () => daemon.stderr.includes("not reloaded: "));
  await load.more();
  await load.end();
  const kept = Deno.readTextFileSync(`${accessLog}.old`).trimEnd().split("\n");
  assert.equal(kept.length, load.answered);
});
