import assert from "node:assert/strict";
import { workerPermissions } from "../../platform/worker.ts";
import { must } from "../support/process.ts";

Deno.test("a role answers, tells, fails and dies, and has only its list; the main thread has nothing", async () => {
  const probe = new URL("worker_probe.ts", import.meta.url).pathname;
  const command = [Deno.execPath(), "run", "--allow-all", "--no-prompt", "--quiet", probe];
  const env = { ...Deno.env.toObject(), NO_COLOR: "1" };
  const outcomes = JSON.parse(await must(command, { env }));
  const { bug, died, "run another": refused, ...rest } = outcomes;
  assert.deepEqual(rest, {
    "echo": "echo",
    "tell": "undefined",
    "fail": "file_exists|/a|b",
    "read": "true",
    "run": "0",
    "events": ["one", "two"],
    "own": "NotCapable",
  });
  assert.match(bug, /^internal\|.*\|at /);
  assert.match(refused, /^internal\|/);
  assert.match(died, /^internal\|probe\|/);
});

Deno.test("what a role is not given, its worker has not", () => {
  const { read, ...others } = workerPermissions("file:///program/main.ts", {});
  assert.deepEqual(read, [new URL("file:///program/")]);
  assert.deepEqual(new Set(Object.values(others)), new Set([false]));
});
