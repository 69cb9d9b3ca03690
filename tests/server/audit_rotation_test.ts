/** Rotation of the audit log of a daemon that is at work: one chain over all files, no line lost. */
import assert from "node:assert/strict";
import {
  type DaemonProcess,
  type LogLine,
  Peer,
  Place,
  request,
  startDaemon,
} from "../support/daemon.ts";
import { compiledProgram, run } from "../support/process.ts";

const FILE_BYTES = 65_536;

/** A daemon whose files are as short as they may be. */
async function startSmall(place: Place, files: number): Promise<DaemonProcess> {
  place.makeOwn();
  const settings = `[audit]\nfile_bytes = ${FILE_BYTES}\nfiles = ${files}\n`;
  Deno.writeTextFileSync(`${place.config}/crypto.toml`, settings);
  return await startDaemon({ place });
}

/** Asks on four connections at once, so many times on each. */
async function ask({ socket }: DaemonProcess, times: number): Promise<void> {
  await Promise.all(Array.from({ length: 4 }, async () => {
    using peer = await Peer.connect(socket);
    for (let i = 0; i < times; i += 20) {
      await peer.send(Array.from({ length: 20 }, (_, n) => request(n, "status") + "\n").join(""));
      for (let n = 0; n < 20; n++) assert.ok((await peer.answer()).result);
    }
  }));
}

/** The older files of a log, the oldest first. */
function olderFiles({ state }: Place): string[] {
  const names = [...Deno.readDirSync(state)].map(({ name }) => name);
  return names.filter((name) => /^audit\.log\.\d{16}$/.test(name)).sort();
}

function linesOf(place: Place, name: string): LogLine[] {
  const lines = Deno.readTextFileSync(`${place.state}/${name}`).split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as LogLine);
}

async function verify({ env }: Place, journal: string) {
  const { code, stdout } = await run([compiledProgram(), "audit", "verify", "--heads", "-"], {
    env,
    stdin: journal,
  });
  return { code, stdout };
}

Deno.test("over many files no line is lost, and the chain goes on from one to the next", async () => {
  using place = new Place();
  await using daemon = await startSmall(place, 100);
  await ask(daemon, 500);
  const older = olderFiles(place);
  assert.ok(older.length >= 3, `${older.length} files`);
  const files = [...older, "audit.log"];
  const lines = files.flatMap((name) => linesOf(place, name));
  assert.equal(lines.filter(({ op }) => op === "status").length, 2_000);
  assert.deepEqual(lines.map(({ seq }) => seq), lines.map((_, i) => i + 1));
  for (const name of older) {
    assert.equal(Number(name.slice(-16)), linesOf(place, name).at(-1)!.seq);
    const { size, mode } = Deno.statSync(`${place.state}/${name}`);
    assert.ok(size >= FILE_BYTES && size < 2 * FILE_BYTES, `${size} bytes`);
    assert.equal(mode! & 0o777, 0o600);
  }
  await daemon.stop();
  const { code, stdout } = await verify(place, daemon.stderr);
  assert.equal(code, 0, stdout);
  assert.match(stdout, /^heads +2 of 2 /m);
});

Deno.test("older files than are to be kept are removed, which the log says and verify knows", async () => {
  using place = new Place();
  await using daemon = await startSmall(place, 2);
  await ask(daemon, 500);
  await daemon.stop();
  const kept = olderFiles(place);
  assert.equal(kept.length, 2);
  const { seq } = linesOf(place, kept[0]!)[0]!;
  assert.ok(seq > 1);
  const whole = await verify(place, daemon.stderr);
  assert.equal(whole.code, 0, whole.stdout);
  assert.match(whole.stdout, / are of lines before the oldest that is kept/);
  Deno.removeSync(`${place.state}/${kept[0]}`);
  const { code, stdout } = await verify(place, daemon.stderr);
  assert.notEqual(code, 0);
  assert.ok(stdout.includes(`lines ${seq} to `), stdout);
});

Deno.test("a restart goes on in the file that was begun, or after the last older one", async () => {
  using place = new Place();
  await using daemon = await startSmall(place, 100);
  await ask(daemon, 300);
  await daemon.stop();
  // As a kill between two files leaves it.
  const { seq } = linesOf(place, "audit.log").at(-1)!;
  const older = `${place.auditLog}.${String(seq).padStart(16, "0")}`;
  Deno.renameSync(place.auditLog, older);
  await using again = await startDaemon({ place });
  await ask(again, 20);
  await again.stop();
  assert.equal(linesOf(place, "audit.log")[0]!.seq, seq + 1);
  const { code, stdout } = await verify(place, daemon.stderr + again.stderr);
  assert.equal(code, 0, stdout);
});

Deno.test("a log that cannot be rotated goes on in its file, and that is said once", async () => {
  using place = new Place();
  await using daemon = await startSmall(place, 2);
  await ask(daemon, 20);
  // Where its older file is to be, there is a directory; which line will be the last is not known.
  const { seq } = linesOf(place, "audit.log").at(-1)!;
  for (let last = seq; last < seq + 2_500; last++) {
    Deno.mkdirSync(`${place.auditLog}.${String(last).padStart(16, "0")}`);
  }
  await ask(daemon, 400);
  assert.ok(Deno.statSync(place.auditLog).size > 2 * FILE_BYTES);
  await daemon.stop();
  assert.equal(daemon.stderr.split("the audit log is not rotated").length, 2, daemon.stderr);
});
