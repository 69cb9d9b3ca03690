/** Files that are looked at again and again, where there is no signal. */
import assert from "node:assert/strict";
import { Changes } from "../../server/changes.ts";
import { eventually } from "../support/wait.ts";

Deno.test("what is made, changed, replaced or removed is told once", async () => {
  const directory = await Deno.makeTempDir();
  const [path, other] = [`${directory}/a`, `${directory}/b`];
  await Deno.writeTextFile(other, "kept");
  let told = 0;
  const changes = new Changes([path, other], () => told++, 5);
  try {
    let expected = 0;
    const isTold = async (what: string, change: () => Promise<void>) => {
      await change();
      expected++;
      await eventually(what, () => told === expected);
    };
    await isTold("made", () => Deno.writeTextFile(path, ""));
    await isTold("changed", () => Deno.writeTextFile(path, "more"));
    await isTold("replaced", async () => {
      await Deno.writeTextFile(`${path}.new`, "less");
      await Deno.rename(`${path}.new`, path);
    });
    await isTold("touched", () => Deno.utime(path, 1, 1));
    await isTold("removed", () => Deno.remove(path));
    assert.equal(told, expected);
  } finally {
    changes.stop();
    await Deno.remove(directory, { recursive: true });
  }
});
