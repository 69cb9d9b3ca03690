/** What a quota of a second holds up goes on by itself; what one of a day ends is told at once. */
import assert from "node:assert/strict";
import type { Report } from "../../client/rewrap/worker.ts";
import { type DaemonProcess, Place, startDaemon } from "../support/daemon.ts";
import { must } from "../support/process.ts";
import { eventually } from "../support/wait.ts";
import { crypto, Folder, PROGRAM, type Run, text } from "./support.ts";

const FILES = 150;
const SECOND = "[quotas.default]\nrequests_per_second = 40";
const DAY = "[quotas.default]\nrequests_per_day = 40";

interface Setting {
  readonly daemon: DaemonProcess;
  readonly place: Place;
  readonly folder: Folder;
  run(args: readonly string[], stdin?: string): Promise<Run>;
}

/** A folder of files under an older version, and a daemon that has a quota from then on. */
async function withQuota(policy: string, use: (setting: Setting) => Promise<void>): Promise<void> {
  using place = new Place();
  place.makeOwn();
  await using daemon = await startDaemon({ place });
  using folder = new Folder();
  const { env } = daemon;
  folder.write("plain", "x");
  await must([PROGRAM, "encrypt", "--output", folder.at("f0"), folder.at("plain")], { env });
  Deno.removeSync(folder.at("plain"));
  for (let i = 1; i < FILES; i++) Deno.copyFileSync(folder.at("f0"), folder.at(`f${i}`));
  await must([PROGRAM, "key", "rotate", "default"], { env });
  Deno.writeTextFileSync(`${place.config}/policy.toml`, policy);
  daemon.signal("SIGHUP");
  await eventually("it is reloaded", () => /reloaded/.test(daemon.stderr));
  const run = (args: readonly string[], stdin?: string) => crypto(args, { env, stdin });
  await use({ daemon, place, folder, run });
}

const refusedIn = (place: Place) => {
  return place.log().filter(({ error }) => error === "quota_exceeded").length;
};
const reportOf = ({ stdout }: Run) => JSON.parse(text(stdout)) as Report;
const rowsOf = ({ versions }: Report) => {
  return versions.map(({ version, newest, files }) => [version, newest, files]);
};

Deno.test("rewrapping goes on as a quota of each second lets it, in one run", () =>
  withQuota(SECOND, async ({ place, folder, run }) => {
    const ended = await run(["rewrap", "--json", "--recursive", folder.path]);
    const report = reportOf(ended);
    assert.deepEqual([ended.code, ended.stderr, report.rewrapped], [0, "", FILES]);
    assert.deepEqual(rowsOf(report), [[2, true, FILES]]);
    const refused = refusedIn(place);
    assert.ok(refused > 0 && refused < FILES, `not asked again and again: ${refused}`);
  }));

Deno.test("values in lines do so, too, and stay in order", () =>
  withQuota(SECOND, async ({ place, run }) => {
    const values = Array.from({ length: 100 }, (_, i) => `${i}`);
    const given = values.map((value) => `${JSON.stringify(value)}\n`).join("");
    const sealed = await run(["encrypt", "--json-lines"], given);
    assert.deepEqual([sealed.code, sealed.stderr], [0, ""]);
    const opened = await run(["decrypt", "--json-lines"], text(sealed.stdout));
    assert.deepEqual([opened.code, text(opened.stdout)], [0, given]);
    assert.ok(refusedIn(place) > 0);
  }));

Deno.test("a quota of the day ends it at once, and says what is left", () =>
  withQuota(DAY, async ({ folder, run }) => {
    const ended = await run(["rewrap", "--json", "--recursive", folder.path]);
    const report = reportOf(ended);
    assert.equal(ended.code, 75, ended.stderr);
    assert.deepEqual(rowsOf(report), [[1, false, FILES - 40], [2, true, 40]]);
    assert.deepEqual(report.failed.map(({ code }) => code), ["quota_exceeded"]);
    assert.deepEqual([report.rewrapped, report.left], [40, FILES - 41]);
    const again = await run(["rewrap", "--fresh", "--json", "--recursive", folder.path]);
    const { current, left, failed } = reportOf(again);
    assert.deepEqual([again.code, current, left, failed.length], [75, 0, FILES - 1, 1]);
    const lines = await run(["encrypt", "--json-lines"], '"a"\n"b"\n');
    assert.equal(lines.code, 75);
    assert.equal(text(lines.stdout).match(/quota_exceeded/g)?.length, 2);
  }));

Deno.test("a version that is made during the run is the newest in its report", () =>
  withQuota(SECOND, async ({ daemon, folder, run }) => {
    const before = Array.from({ length: FILES }, (_, i) => folder.read(`f${i}`).join());
    const running = run(["rewrap", "--json", "--recursive", folder.path]);
    await eventually("it has begun", () => {
      return before.some((bytes, i) => folder.read(`f${i}`).join() !== bytes);
    });
    await must([PROGRAM, "key", "rotate", "default"], { env: daemon.env });
    const ended = await running;
    const report = reportOf(ended);
    const older = report.versions[0]!.files;
    assert.deepEqual(rowsOf(report), [[2, false, older], [3, true, FILES - older]]);
    assert.deepEqual([ended.code, report.left, report.failed], [65, older, []]);
    const again = await run(["rewrap", "--json", "--recursive", folder.path]);
    assert.deepEqual([again.code, rowsOf(reportOf(again))], [0, [[3, true, FILES]]]);
  }));

Deno.test("a daemon that goes away during the run is told once, with what is left", () =>
  withQuota(SECOND, async ({ daemon, folder, run }) => {
    const before = folder.read("f0").join();
    const isChanged = (_: unknown, i: number) => folder.read(`f${i}`).join() !== before;
    const changed = () => Array.from({ length: FILES }, isChanged).filter(Boolean).length;
    const running = run(["rewrap", "--json", "--recursive", folder.path]);
    await eventually("it has begun", () => changed() > 0);
    daemon.signal("SIGKILL");
    const ended = await running;
    const report = reportOf(ended);
    assert.equal(ended.code, 69, ended.stderr);
    assert.deepEqual(report.failed.map(({ code }) => code), ["unavailable"]);
    assert.deepEqual(rowsOf(report), [[1, false, FILES - changed()], [2, true, changed()]]);
    assert.deepEqual([report.rewrapped, report.left], [changed(), FILES - changed() - 1]);
  }));
