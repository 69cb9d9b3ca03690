import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { NoRuntime, runtimeEnvironment, type Surroundings, TARGETS } from "../../tools/denort.ts";

const LINUX = "x86_64-unknown-linux-gnu";

function around(changes: Partial<Surroundings>): Surroundings & { said: string[] } {
  const said: string[] = [];
  return {
    environment: () => undefined,
    cached: () => Promise.resolve(false),
    reachable: () => Promise.resolve(false),
    recovered: () => Promise.resolve("/cache/denort"),
    say: (line) => said.push(line),
    said,
    ...changes,
  };
}

const never = () => Promise.reject(new Error("must not be asked"));

Deno.test("DENORT_BIN comes before everything else", async () => {
  const place = around({ environment: () => "/my/denort", cached: never, recovered: never });
  assert.deepEqual(await runtimeEnvironment(LINUX, place), { DENORT_BIN: "/my/denort" });
});

Deno.test("a runtime in Deno's cache needs no network", async () => {
  const place = around({ cached: () => Promise.resolve(true), reachable: never, recovered: never });
  assert.deepEqual(await runtimeEnvironment(LINUX, place), {});
});

Deno.test("where the download host answers, Deno downloads by itself", async () => {
  const place = around({ reachable: () => Promise.resolve(true), recovered: never });
  assert.deepEqual(await runtimeEnvironment(LINUX, place), {});
  assert.deepEqual(place.said, []);
});

Deno.test("where nothing else is left, the runtime is recovered and one line says so", async () => {
  const place = around({});
  assert.deepEqual(await runtimeEnvironment(LINUX, place), { DENORT_BIN: "/cache/denort" });
  assert.equal(place.said.length, 1);
  assert.match(place.said[0] ?? "", /cannot be reached; recovered from npm:/);
});

Deno.test("for another target there is nothing to recover, and the error says what helps", async () => {
  const place = around({ recovered: never });
  for (const target of TARGETS.filter((target) => target !== LINUX)) {
    await assert.rejects(runtimeEnvironment(target, place), (error) => {
      return error instanceof NoRuntime && error.message.includes(`denort-${target}.zip`);
    });
    const named = around({ environment: () => "/my/denort", recovered: never });
    assert.deepEqual(await runtimeEnvironment(target, named), { DENORT_BIN: "/my/denort" });
  }
});

Deno.test("what is no target is refused before anything is made", async () => {
  const compile = fileURLToPath(new URL("../../tools/compile.ts", import.meta.url));
  const args = ["run", "--quiet", "--allow-all", compile, "--target", "x86_64-plan9"];
  const { code } = await new Deno.Command(Deno.execPath(), { args, stderr: "null" }).output();
  assert.equal(code, 64);
});
