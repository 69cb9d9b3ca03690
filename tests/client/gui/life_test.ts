/** How a window begins and ends, and how much memory a large file takes. */
import assert from "node:assert/strict";
import { Folder, text } from "../../cli/support.ts";
import { browserTest, closeBrowser } from "../../support/browser.ts";
import { startDaemon } from "../../support/daemon.ts";
import { eventually } from "../../support/wait.ts";
import { exec } from "../../support/process.ts";
import { Life } from "../../../client/gui/life.ts";
import { openPage, openSession, pageHeaders, raw, startWindow } from "./support.ts";

const daemon = await startDaemon();
Deno.test.afterAll(async () => {
  await closeBrowser();
  await daemon[Symbol.asyncDispose]();
});
const { env } = daemon;
const runtime = env["XDG_RUNTIME_DIR"]!;

function leftovers(): string[] {
  return [...Deno.readDirSync(runtime)].map(({ name }) => name).filter((name) => name !== "crypto");
}

Deno.test("what nobody opens ends, and what is open does not", async () => {
  let unused = 0;
  const never = new Life(1, () => unused++, 1);
  await eventually("it ends", () => unused === 1);
  never.end();
  const open = new Life(1, () => unused++, 1e6);
  open.open();
  open.open();
  open.close();
  const later = new Life(2, () => unused++, 2);
  await eventually("another ends", () => unused === 2);
  later.end();
  open.close();
  await eventually("it ends when nothing is open", () => unused === 3);
  open.end();
});

Deno.test("a window that is told to end does so, and leaves no file", async () => {
  await using told = await startWindow({ env });
  const headers = pageHeaders(told.origin, await openSession(told));
  assert.equal((await raw(`${told.origin}/about`, "POST", headers, "{}")).status, 200);
  assert.equal((await told.stop()).code, 0);
  await using unopened = await startWindow({ env });
  assert.equal((await unopened.stop()).code, 0);
  assert.deepEqual(leftovers(), []);
});

await browserTest(
  "a window goes on while its page is open, and ends when that is closed",
  async () => {
    const args = ["--no-open", "--idle", "1"];
    await using gui = await startWindow({ env, args });
    const visit = await openPage(gui);
    let isOver = false;
    void gui.status.then(() => isOver = true);
    await using second = await startWindow({ env, args });
    await (await openPage(second)).context.close();
    assert.equal((await second.ended()).code, 0);
    assert.ok(!isOver);
    await visit.page.close();
    assert.equal((await gui.ended()).code, 0);
    await eventually("it says so", () => gui.stderr.endsWith("crypto: closed\n"));
    await visit.context.close();
    assert.deepEqual(leftovers(), []);
  },
);

const MB = 1_000_000;

/** The most memory that a process had, in bytes. */
function peakOf(pid: number): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(
    Deno.readTextFileSync(`/proc/${pid}/status`),
  )!;
  return Number(kilobytes) * 1_024;
}

await browserTest("300 MB go through the page under 150 MB of memory", async () => {
  await using gui = await startWindow({ env });
  const visit = await openPage(gui);
  const { page } = visit;
  using folder = new Folder();
  const path = folder.at("zeros");
  Deno.writeTextFileSync(path, "");
  Deno.truncateSync(path, 300 * MB);
  await page.locator(".segments input").nth(1).check();
  await page.locator("input[type=file]").setInputFiles(path);
  const download = page.waitForEvent("download");
  await visit.press("Encrypt");
  const file = await (await download).path();
  await visit.reads("Encrypted");
  const peak = peakOf(gui.pid);
  assert.ok(peak < 150 * MB, `${peak} bytes`);
  const line = `"$1" decrypt < "$2" | cmp - "$3" && echo same`;
  const program = new URL("../../../dist/crypto", import.meta.url).pathname;
  const compared = await exec(["sh", "-c", line, "sh", program, file, path], {
    env,
    patience: 60_000,
  });
  assert.equal(text(compared.stdout), "same\n", compared.stderr);
  await visit.context.close();
});
