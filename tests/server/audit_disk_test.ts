/** What becomes of the audit log where it cannot be written: nothing is answered, and it shows. */
import assert from "node:assert/strict";
import { ERRORS } from "../../core/errors.ts";
import {
  codeOf,
  type DaemonProcess,
  type LogLine,
  Peer,
  Place,
  request,
  rpc,
  startDaemon,
  type WireAnswer,
} from "../support/daemon.ts";
import { inMountsOf, linuxTest, onImage, onSmallDisk, shellInMountsOf } from "../support/linux.ts";
import { compiledProgram, must, plainEnvironment, run } from "../support/process.ts";
import { eventually } from "../support/wait.ts";

const PIPELINED = 100;

/** Sends requests without waiting, then reads an answer to each: what went wrong, if something did. */
async function pipeline(socket: string): Promise<(string | undefined)[]> {
  using peer = await Peer.connect(socket);
  await peer.send(
    Array.from({ length: PIPELINED }, (_, i) => request(i, "key.list") + "\n").join(""),
  );
  const codes: (string | undefined)[] = [];
  for (let id = 0; id < PIPELINED; id++) {
    const answer = await peer.answer();
    assert.equal(answer.id, id);
    codes.push(answer.error?.data.code);
  }
  return codes;
}

/** `crypto audit verify` on a daemon's log: exit status and what it printed. */
async function verify({ env }: Pick<DaemonProcess, "env">, ...wrapper: string[]) {
  const { code, stdout, stderr } = await run([...wrapper, compiledProgram(), "audit", "verify"], {
    env,
  });
  return { code, said: stdout + stderr };
}

/** Lines of a log's text that are the daemon's. */
function linesOf(text: string): LogLine[] {
  return text.split("\n").flatMap((line) => {
    try {
      return [JSON.parse(line) as LogLine];
    } catch {
      return [];
    }
  });
}

await linuxTest(
  "on a disk that fills in mid-line no answer leaves without its line, and the log closes it later",
  ["root", "mounts"],
  async () => {
    using place = new Place();
    place.makeOwn();
    await using daemon = await startDaemon({ place, wrapper: onSmallDisk(place.state, "160k") });
    const inside = (script: string) => shellInMountsOf(daemon.pid, script, place.state);
    await inside('dd if=/dev/zero of="$1/filler" bs=1k count=32 2>/dev/null');
    let answered = 0;
    let refused = 0;
    // Until it is full, however the kernel takes the bytes, and then once more.
    while (refused <= PIPELINED) {
      const codes = await pipeline(daemon.socket);
      for (const code of codes) assert.ok(code === undefined || code === "log_unavailable", code);
      answered += codes.filter((code) => code === undefined).length;
      refused += codes.filter((code) => code !== undefined).length;
    }
    const full = await inside('cat "$1/audit.log"');
    const whole = linesOf(full).filter(({ op }) => op === "key.list").length;
    assert.ok(whole >= answered, "every answer has its line");
    // But for one time in some hundred, when the disk ends with a line.
    const torn = !full.endsWith("\n");
    await inside('rm "$1/filler"');
    assert.deepEqual(await pipeline(daemon.socket), Array(PIPELINED).fill(undefined));
    const recovered = linesOf(await inside('cat "$1/audit.log"')).filter(({ event }) => {
      return event === "recovered";
    });
    assert.deepEqual(recovered.map(({ refused }) => refused), [refused]);
    await eventually("it says so", () => daemon.stderr.includes("the audit log is written again"));
    const { code, said } = await verify(daemon, ...inMountsOf(daemon.pid, []));
    assert.equal(code, 0, said);
    assert.equal(/^torn +1 times/m.test(said), torn);
  },
);

await linuxTest(
  "on a file system that has turned read-only nothing is answered",
  ["root", "loops"],
  async () => {
    using place = new Place();
    place.makeOwn();
    const image = `${place.directory}/image`;
    await must(["truncate", "--size=2M", image]);
    await must(["mkfs.ext4", "-q", image], {
      env: { ...plainEnvironment(), PATH: "/usr/sbin:/sbin" },
    });
    await using daemon = await startDaemon({ place, wrapper: onImage(image, place.state) });
    const inside = (script: string) => shellInMountsOf(daemon.pid, script, place.state);
    assert.deepEqual(await pipeline(daemon.socket), Array(PIPELINED).fill(undefined));
    // As the kernel does when a disk fails.
    await inside('mount -o remount,abort "$1"');
    const before = await inside('cat "$1/audit.log"');
    const batch = `[${Array(PIPELINED).fill(request(1, "encrypt", { text: "x" })).join(",")}]`;
    using peer = await Peer.connect(daemon.socket);
    await peer.sendLine(batch);
    const answers = JSON.parse((await peer.line())!) as WireAnswer[];
    assert.deepEqual(answers.map(codeOf), Array(PIPELINED).fill("log_unavailable"));
    assert.deepEqual(await pipeline(daemon.socket), Array(PIPELINED).fill("log_unavailable"));
    assert.equal(codeOf(await rpc(daemon.socket, "key.create", { name: "k" })), "log_unavailable");
    assert.equal(await inside('cat "$1/audit.log"'), before);
  },
);

Deno.test("lines in a file that somebody has removed count for nothing, and their loss shows", async () => {
  await using daemon = await startDaemon();
  const { auditLog } = daemon.place;
  assert.deepEqual(await pipeline(daemon.socket), Array(PIPELINED).fill(undefined));
  const { seq } = daemon.place.audit().at(-1)!;
  Deno.removeSync(auditLog);
  // What was written together when it was missed is refused; what comes then is in a new file.
  const codes = await pipeline(daemon.socket);
  const refused = codes.filter((code) => code === "log_unavailable").length;
  assert.ok(refused > 0);
  assert.deepEqual(codes, codes.map((_, i) => i < refused ? "log_unavailable" : undefined));
  assert.deepEqual(await pipeline(daemon.socket), Array(PIPELINED).fill(undefined));
  const [first, ...others] = daemon.place.audit();
  assert.deepEqual([first?.event, first?.seq, first?.missing, first?.refused], [
    "recovered",
    seq + 1,
    seq,
    refused,
  ]);
  assert.equal(others.length, 2 * PIPELINED - refused, "each answer has its line");
  assert.equal(others[0]?.seq, seq + 2);
  const { code, said } = await verify(daemon);
  assert.equal(code, ERRORS.log_broken.exit);
  assert.ok(said.includes(`lines 1 to ${seq} are missing`), said);
});

Deno.test("a log that another file has taken the place of is taken up again from its last line", async () => {
  await using daemon = await startDaemon();
  const { auditLog } = daemon.place;
  await pipeline(daemon.socket);
  const { seq } = daemon.place.audit().at(-1)!;
  Deno.renameSync(auditLog, `${auditLog}.moved`);
  Deno.copyFileSync(`${auditLog}.moved`, auditLog);
  assert.equal(codeOf(await rpc(daemon.socket, "status")), "log_unavailable");
  assert.ok((await rpc(daemon.socket, "status")).result);
  const lines = daemon.place.audit();
  assert.deepEqual(lines.slice(-2).map(({ event, op }) => event ?? op), ["recovered", "status"]);
  assert.deepEqual(lines.map((line) => line.seq), Array.from({ length: seq + 2 }, (_, i) => i + 1));
  assert.equal((await verify(daemon)).code, 0);
});

for (const cut of [1, 2, 50]) {
  Deno.test(`a last line that lacks ${cut} bytes is closed at the next start`, async () => {
    using place = new Place();
    await using daemon = await startDaemon({ place });
    await pipeline(daemon.socket);
    await daemon.kill();
    const text = Deno.readTextFileSync(place.auditLog);
    Deno.writeTextFileSync(place.auditLog, text.slice(0, -cut));
    await using again = await startDaemon({ place });
    await pipeline(again.socket);
    const lines = linesOf(Deno.readTextFileSync(place.auditLog));
    const seqs = lines.map(({ seq }) => seq);
    assert.deepEqual(seqs, seqs.map((_, i) => i + 1));
    const recovered = lines.filter(({ event }) => event === "recovered");
    // Without its line break alone it is whole.
    assert.deepEqual(recovered.length, cut === 1 ? 0 : 1);
    const { code, said } = await verify(again);
    assert.equal(code, 0, said);
  });
}
