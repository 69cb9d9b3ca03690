/** `crypto audit verify`: what is found, and what is said not to be seen. */
import assert from "node:assert/strict";
import { ERRORS } from "../../core/errors.ts";
import { Peer, Place, request, startDaemon } from "../support/daemon.ts";
import { compiledProgram, run } from "../support/process.ts";

const LINES = 40;

/** A daemon that has served and stopped: the lines of its log, and what it told the journal. */
class Served implements Disposable {
  private constructor(
    readonly place: Place,
    readonly lines: readonly string[],
    readonly journal: string,
  ) {}

  static async make(): Promise<Served> {
    const place = new Place();
    await using daemon = await startDaemon({ place });
    using peer = await Peer.connect(daemon.socket);
    for (let i = 0; i < LINES; i++) {
      await peer.sendLine(request(i, "encrypt", { text: "x", context: `${i}` }));
      await peer.answer();
    }
    await daemon.stop();
    const lines = Deno.readTextFileSync(place.auditLog).split(/(?<=\n)/);
    return new Served(place, lines, daemon.stderr);
  }

  /** Puts other lines in place. */
  write(lines: readonly string[], path = this.place.auditLog): void {
    Deno.writeTextFileSync(path, lines.join(""), { mode: 0o600 });
  }

  async verify(journal?: string) {
    const args = journal === undefined ? [] : ["--heads", "-"];
    const { code, stdout } = await run([compiledProgram(), "audit", "verify", ...args], {
      env: this.place.env,
      stdin: journal,
    });
    assert.ok(code === 0 || code === ERRORS.log_broken.exit, `${code}`);
    return { whole: code === 0, said: stdout };
  }

  [Symbol.dispose](): void {
    this.place[Symbol.dispose]();
  }
}

const served = await Served.make();
Deno.test.afterAll(() => served[Symbol.dispose]());
const { lines } = served;

Deno.test("an untouched log is whole, and heads of start and stop are in it", async () => {
  served.write(lines);
  const { whole, said } = await served.verify(served.journal);
  assert.ok(whole, said);
  assert.match(said, new RegExp(`^lines +1 to ${lines.length} `, "m"));
  assert.match(said, /^heads +2 of 2 in standard input agree$/m);
  assert.match(said, new RegExp(`^not seen +lines cut off after line ${lines.length},`, "m"));
});

Deno.test("without heads it says that none were compared", async () => {
  served.write(lines);
  const { whole, said } = await served.verify();
  assert.ok(whole, said);
  assert.match(said, /^heads +none were compared/m);
});

const swapped = [...lines.slice(0, 10), lines[11]!, lines[10]!, ...lines.slice(12)];
const TAMPERED: Readonly<Record<string, readonly [lines: readonly string[], found: string]>> = {
  "a changed byte": [
    lines.map((line, i) => i === 9 ? line.replace('"uid":', '"gid":') : line),
    "audit.log:11: line 11 does not follow from the line before",
  ],
  "a changed time": [
    lines.map((line, i) => i === 9 ? line.replace(/:\d\d\./, ":61.") : line),
    "audit.log:11: line 11 does not follow",
  ],
  "a removed line": [lines.toSpliced(9, 1), "audit.log:10: lines 10 to 10 are missing"],
  "removed lines": [lines.toSpliced(9, 7), "audit.log:10: lines 10 to 16 are missing"],
  "two lines that have changed places": [swapped, "audit.log:12: line 11 stands after line 12"],
  "a line that stands there twice": [
    lines.toSpliced(10, 0, lines[9]!),
    "audit.log:11: line 10 stands after line 10",
  ],
  "a line of something else": [
    lines.toSpliced(10, 0, "hello\n"),
    "audit.log:11: is no line of this log",
  ],
  "half a line that nothing closes": [
    lines.toSpliced(10, 1, lines[10]!.slice(0, 40) + "\n"),
    "audit.log:11: is no line of this log",
  ],
  "a removed beginning": [lines.slice(5), "the beginning: lines 1 to 5 are missing"],
};

for (const [what, [tampered, found]] of Object.entries(TAMPERED)) {
  Deno.test(`${what} is found, and where`, async () => {
    served.write(tampered);
    const { whole, said } = await served.verify();
    assert.equal(whole, false);
    assert.ok(said.includes(found), said);
  });
}

Deno.test("a cut is found where a later head was published, and only there", async () => {
  served.write(lines.slice(0, -1));
  const published = await served.verify(served.journal);
  assert.equal(published.whole, false);
  const found = `the end: the head of line ${lines.length} was published`;
  assert.ok(published.said.includes(found), published.said);
  const before = served.journal.split("\n").find((line) => line.includes("audit head"))!;
  assert.ok((await served.verify(before)).whole, "the head of the start is before the cut");
});

Deno.test("a chain that somebody has made anew is whole, and not what was published", async () => {
  using other = await Served.make();
  served.write(other.lines);
  assert.ok((await served.verify()).whole);
  const { whole, said } = await served.verify(served.journal);
  assert.equal(whole, false);
  assert.ok(said.includes(`line ${lines.length} is not the one whose head was published`), said);
});

Deno.test("lines over several files are one chain, and a missing file shows", async () => {
  const { auditLog } = served.place;
  const older = [10, 20].map((last) => `${auditLog}.${String(last).padStart(16, "0")}`);
  served.write(lines.slice(0, 10), older[0]);
  served.write(lines.slice(10, 20), older[1]);
  served.write(lines.slice(20));
  assert.ok((await served.verify(served.journal)).whole);
  Deno.removeSync(older[1]!);
  const { whole, said } = await served.verify(served.journal);
  Deno.removeSync(older[0]!);
  assert.equal(whole, false);
  assert.match(said, /audit\.log:1: lines 11 to 20 are missing/);
});

Deno.test("what is found never quotes what stands there", async () => {
  served.write(lines.toSpliced(10, 0, "\x1b[2JMARKER\n"));
  const { said } = await served.verify();
  assert.ok(!said.includes("MARKER") && !said.includes("\x1b"));
});

Deno.test("a link in the log's place is not followed", async () => {
  using place = new Place();
  place.makeOwn();
  Deno.symlinkSync("/etc/passwd", place.auditLog);
  for (const action of ["verify", "tail"]) {
    const { code, stdout } = await run([compiledProgram(), "audit", action], { env: place.env });
    assert.deepEqual([code, stdout], [ERRORS.unsafe_path.exit, ""]);
  }
});
