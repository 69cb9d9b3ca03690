/** `crypto audit verify`: what is found, and what is said not to be seen. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
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

  async verify(journal?: string, ...more: readonly string[]) {
    const args = [...journal === undefined ? [] : ["--heads", "-"], ...more];
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

/** The id of a log, by its first line. */
function idOf([first]: readonly string[]): string {
  return JSON.parse(first!).log;
}

function line(fields: object): string {
  return JSON.stringify({ seq: 0, prev: "", time: new Date().toISOString(), ...fields }) + "\n";
}

/** The lines with numbers and hashes that fit, after some or none. */
function chained(these: readonly string[], after: readonly string[] = []): string[] {
  const made: string[] = [];
  const missing = after.slice(0, 1 + after.length - these.length);
  let prev = hashOf(missing.at(-1));
  for (const [i, one] of these.entries()) {
    made.push(JSON.stringify({ ...JSON.parse(one), seq: missing.length + i + 1, prev }) + "\n");
    prev = hashOf(made.at(-1));
  }
  return made;
}

function hashOf(line: string | undefined): string {
  return line === undefined ? "0".repeat(64) : createHash("sha256").update(line).digest("hex");
}

/** As the daemon publishes the head of the last line. */
function headOf(these: readonly string[], seq: number): string {
  return `crypto: audit head ${seq} ${hashOf(these.at(-1))} of log ${idOf(lines)}\n`;
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
  assert.match(
    said,
    new RegExp(`^not seen +what was changed or cut off after line ${lines.length},`, "m"),
  );
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
  served.write(chained(lines.map((line) => line.replace(/"time":"..../, '"time":"1999'))));
  assert.ok((await served.verify()).whole);
  const { whole, said } = await served.verify(served.journal);
  assert.equal(whole, false);
  assert.ok(said.includes(`line ${lines.length} is not the one whose head was published`), said);
});

Deno.test("what is changed after the last published head is not seen, and that is said", async () => {
  const known = 5;
  const changed = lines.slice(known).map((line) => line.replace(/"time":"..../, '"time":"1999'));
  const made = chained([...lines.slice(0, known), ...changed]);
  assert.deepEqual(made.slice(0, known), lines.slice(0, known));
  served.write(made);
  const { whole, said } = await served.verify(headOf(lines.slice(0, known), known));
  assert.ok(whole, said);
  assert.match(
    said,
    new RegExp(`^not seen +what was changed or cut off after line ${known},`, "m"),
  );
});

Deno.test("heads of another log are told from this one's, and do not pass until they are named", async () => {
  using other = await Served.make();
  served.write(other.lines);
  const both = served.journal + other.journal;
  const { whole, said } = await served.verify(both);
  assert.equal(whole, false);
  const found = `the log: 2 published heads are of another log, ${idOf(lines)}, up to its line ` +
    `${lines.length}: this one has been in its place since ${JSON.parse(other.lines[0]!).time}`;
  assert.ok(said.includes(found), said);
  assert.match(said, /^heads +2 of 2 in standard input agree$/m);
  const named = await served.verify(both, "--former", idOf(lines));
  assert.ok(named.whole, named.said);
  assert.ok(named.said.includes(`2 heads of ${idOf(lines)}, set aside`), named.said);
  served.write(other.lines.slice(0, -1));
  const cut = await served.verify(both, "--former", idOf(lines));
  assert.equal(cut.whole, false);
});

Deno.test("a log that is gone is found where heads were published", async () => {
  Deno.removeSync(served.place.auditLog);
  const { whole, said } = await served.verify(served.journal);
  assert.equal(whole, false);
  assert.ok(said.includes(`are of a log, ${idOf(lines)}`), said);
  const env = served.place.env;
  const { code } = await run([compiledProgram(), "audit", "verify"], { env });
  assert.equal(code, ERRORS.io.exit);
});

Deno.test("lines of another log in this one are found", async () => {
  const other = idOf(lines).replace(/^./, (digit) => digit === "0" ? "1" : "0");
  served.write(lines.with(-1, lines.at(-1)!.replace(idOf(lines), other)));
  const { whole, said } = await served.verify();
  assert.equal(whole, false);
  assert.ok(said.includes(`line ${lines.length} is of another log`), said);
});

/** The lines from 19 on, and one that says that rotation has removed those before. */
const left = [...lines.slice(18), line({ event: "rotated", first: 19, log: idOf(lines) })];
const rotated = chained(left, lines);

Deno.test("a line at the end that says that rotation has removed the beginning excuses nothing", async () => {
  served.write(rotated);
  for (const journal of [undefined, served.journal]) {
    const { whole, said } = await served.verify(journal);
    assert.equal(whole, false);
    assert.ok(said.includes("lines 1 to 18 are missing before the first one"), said);
  }
});

Deno.test("where rotation puts it, such a line counts if a head was published after it", async () => {
  const older = `${served.place.auditLog}.${String(lines.length).padStart(16, "0")}`;
  served.write(rotated.slice(0, -1), older);
  served.write(rotated.slice(-1));
  const unconfirmed = await served.verify(served.journal);
  const unheard = await served.verify();
  const confirmed = await served.verify(served.journal + headOf(rotated, lines.length + 1));
  Deno.removeSync(older);
  assert.equal(unconfirmed.whole, false);
  const said = `line ${
    lines.length + 1
  } says that rotation has removed them, and no published head`;
  assert.ok(unconfirmed.said.includes(said), unconfirmed.said);
  assert.ok(confirmed.whole, confirmed.said);
  assert.ok(unheard.whole);
  assert.match(unheard.said, /^not seen +whether rotation has removed the lines before 19/m);
});

Deno.test("a log is kept from a line on with which a file begins", async () => {
  const wrong = chained([...lines, line({ event: "rotated", first: 19, log: idOf(lines) })]);
  const older = `${served.place.auditLog}.${String(lines.length).padStart(16, "0")}`;
  served.write(wrong.slice(0, -1), older);
  served.write(wrong.slice(-1));
  const { whole, said } = await served.verify();
  Deno.removeSync(older);
  assert.equal(whole, false);
  assert.ok(said.includes("kept from line 19, where no file begins"), said);
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
