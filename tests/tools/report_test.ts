import assert from "node:assert/strict";
import { add, NOTHING, outcome, tally } from "../../tools/report.ts";
import { deno } from "../../tools/process.ts";

Deno.test("what deno test prints is counted", async () => {
  const report = await reportOf(`
    console.log("SKIP: needs root: no root here");
    Deno.test("passes", async (t) => { await t.step("a step", () => {}); });
    Deno.test("fails", () => { throw new Error("wrong"); });
    Deno.test({ name: "needs root", ignore: true, fn() {} });
    Deno.test("a <b> & c", () => { console.error("SKIP: a <b> & c: not now"); });
  `);
  const { reasons, ...counts } = tally(report);
  assert.deepEqual(counts, { passed: 1, failed: 1, skipped: 2 });
  assert.deepEqual([...reasons].sort(), [
    "SKIP: a <b> & c: not now",
    "SKIP: needs root: no root here",
  ]);
});

Deno.test("a file that does not load is a failure", async () => {
  const { failed } = tally(await reportOf('Deno.test("never runs", () => {}); throw 1;'));
  assert.equal(failed, 1);
});

Deno.test("a run that dies without a summary is a failure", async () => {
  const { passed, failed } = tally(await reportOf('Deno.test("dies", () => Deno.kill(Deno.pid));'));
  assert.deepEqual([passed, failed], [0, 1]);
  assert.equal(tally({ output: "", junit: "", code: 0 }).failed, 1);
});

Deno.test("a bad end without a failed test is a failure", () => {
  const output = "ok | 3 passed | 0 failed (1ms)\n";
  assert.deepEqual(tally({ output, junit: "", code: 1 }), { ...NOTHING, passed: 3, failed: 1 });
});

Deno.test("ignored steps are skipped too", () => {
  const output = "\x1b[32mok\x1b[0m | 3 passed (2 steps) | 0 failed | 1 ignored (2 steps) (1ms)\n";
  assert.deepEqual(tally({ output, junit: "", code: 0 }), { ...NOTHING, passed: 3, skipped: 3 });
});

Deno.test("the count is the last line, after the reasons", () => {
  const one = { passed: 1, failed: 0, skipped: 1, reasons: ["SKIP: a: b"] };
  const total = add(one, { ...NOTHING, passed: 2 });
  assert.deepEqual(outcome(total, false), {
    lines: ["SKIP: a: b", "3 passed, 0 failed, 1 skipped"],
    success: true,
  });
  assert.deepEqual(outcome({ ...NOTHING, passed: 2 }, true), {
    lines: ["2 passed, 0 failed"],
    success: true,
  });
});

Deno.test("where a skip is a failure, one skip fails the run", () => {
  const { lines, success } = outcome({ ...NOTHING, passed: 1, skipped: 1 }, true);
  assert.equal(success, false);
  assert.equal(lines.at(-1), "1 passed, 0 failed, 1 skipped");
});

async function reportOf(source: string) {
  const folder = await Deno.makeTempDir({ prefix: "crypto-report-test-" });
  try {
    await Deno.writeTextFile(`${folder}/a_test.ts`, source);
    const args = ["test", "--allow-all", "--no-check", "--junit-path=junit.xml", "a_test.ts"];
    const { output, code } = await deno(args, { cwd: folder });
    const junit = await Deno.readTextFile(`${folder}/junit.xml`).catch(() => "");
    return { output, junit, code };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
