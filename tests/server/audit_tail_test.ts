/** `crypto audit tail`: columns for people, lines for programs, also while they come. */
import assert from "node:assert/strict";
import { ERRORS } from "../../core/errors.ts";
import { DEFAULT_AUDIT_LIMITS } from "../../server/audit/files.ts";
import { AuditLog } from "../../server/audit/log.ts";
import { Place, rpc, startDaemon } from "../support/daemon.ts";
import { compiledProgram, run } from "../support/process.ts";
import { eventually } from "../support/wait.ts";

async function tail(place: Place, ...args: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await run([compiledProgram(), "audit", "tail", ...args], {
    env: place.env,
  });
  assert.equal(code, 0, stderr);
  return stdout.split("\n").slice(0, -1);
}

Deno.test("a line for people says when, who, what, with which key, how much and the outcome", async () => {
  await using daemon = await startDaemon();
  await rpc(daemon.socket, "encrypt", { text: "hello" });
  await rpc(daemon.socket, "encrypt", { text: "x", key: "absent" });
  await rpc(daemon.socket, "envelope.create", { size: 7 });
  await rpc(daemon.socket, "key.rotate", { name: "default" });
  const rows = await tail(daemon.place, "--lines", "5");
  const columns = rows.map((row) => row.split(/ {2,}/).slice(2));
  assert.deepEqual(columns, [
    ["encrypt", "default v1", "5 B", "done"],
    ["encrypt", "absent", "denied"],
    ["envelope.create", "default v1", "says 7 B", "done"],
    ["key.rotate", "default v2", "about to"],
    ["key.rotate", "default v2", "done"],
  ]);
  for (const row of rows) assert.match(row, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z {2}\S/);
  const [first] = await tail(daemon.place);
  assert.match(first!, / {2}start$/);
});

Deno.test("only what is asked for is shown, and lines for programs are those of the file", async () => {
  await using daemon = await startDaemon();
  for (const key of ["default", "absent", "default"]) {
    await rpc(daemon.socket, "encrypt", { text: "x", key });
  }
  await rpc(daemon.socket, "status");
  const file = Deno.readTextFileSync(daemon.place.auditLog).trimEnd().split("\n");
  const json = (...args: string[]) => tail(daemon.place, "--json", ...args);
  assert.deepEqual(await json(), file);
  assert.deepEqual(await json("--lines", "1"), file.slice(-1));
  assert.deepEqual(await json("--lines", "0"), []);
  assert.deepEqual(await json("--errors"), file.slice(2, 3));
  assert.deepEqual(await json("--key", "default"), [file[1], file[3]]);
  assert.deepEqual(await json("--op", "status"), file.slice(-1));
  assert.deepEqual(await json("--user", `${Deno.uid()}`), file.slice(1));
  assert.deepEqual(await json("--user", "4000000000"), []);
  const { stdout } = await run(["id", "--user", "--name"]);
  assert.deepEqual(await json("--user", stdout.trim()), file.slice(1));
  const args = [compiledProgram(), "audit", "tail", "--user", "no-such-user"];
  const { code } = await run(args, { env: daemon.place.env });
  assert.equal(code, ERRORS.usage.exit);
});

Deno.test("what a unit asked for and what was set for a key is shown, and no escape sequence", async () => {
  using place = new Place();
  place.makeOwn();
  const log = AuditLog.open(place.auditLog, { limits: DEFAULT_AUDIT_LIMITS });
  const who = { pid: 7, uid: 0, gid: 0, groups: [] };
  await log.write(who, [
    { op: "credential", unit: "app.service", credential: "db-password", error: "denied" },
    { op: "credential", unit: "\x1b[2J.service", credential: "x" },
    { op: "key.set", key: "default", rotateAfter: 3_600, minVersion: 2 },
    { op: "key.destroy", key: "default", version: 1, grace: 60 },
  ]);
  log.close();
  assert.deepEqual((await tail(place)).map((row) => row.split(/ {2,}/).at(-1)), [
    "denied (db-password for app.service)",
    "done (x for \\u{1b}[2J.service)",
    "done (rotated after 3600 s, from version 2 on)",
    "done (in 60 s)",
  ]);
});

Deno.test("followed, it shows what comes, also from the next file, and ends with its reader", async () => {
  using place = new Place();
  place.makeOwn();
  Deno.writeTextFileSync(`${place.config}/crypto.toml`, "[audit]\nfile_bytes = 65536\nfiles = 9\n");
  await using daemon = await startDaemon({ place });
  const child = new Deno.Command(compiledProgram(), {
    args: ["audit", "tail", "--follow", "--json", "--lines", "1"],
    env: { ...place.env },
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const seen: number[] = [];
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const reading = collect(reader, seen);
  await eventually("it follows", () => seen.length > 0);
  while (!rotated(place)) await rpc(daemon.socket, "status");
  await rpc(daemon.socket, "status");
  const { seq } = place.audit().at(-1)!;
  await eventually("all lines are seen", () => seen.at(-1) === seq);
  assert.deepEqual(seen, seen.map((_, i) => seen[0]! + i));
  await reader.cancel();
  await reading;
  let ended = false;
  void child.status.then(() => ended = true);
  await eventually("it ends when nobody reads", async () => {
    await rpc(daemon.socket, "status");
    return ended;
  });
});

/** The numbers of lines, as they come. */
async function collect(reader: ReadableStreamDefaultReader<string>, seen: number[]) {
  for (let rest = "";;) {
    const { value, done } = await reader.read();
    if (done) return;
    const pieces = (rest + value).split("\n");
    rest = pieces.pop()!;
    seen.push(...pieces.map((line) => JSON.parse(line).seq));
  }
}

function rotated({ state }: Place): boolean {
  return [...Deno.readDirSync(state)].some(({ name }) => /^audit\.log\.\d{16}$/.test(name));
}
