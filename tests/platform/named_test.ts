/** Which file has a name, by either way to ask for it. */
import assert from "node:assert/strict";
import { watchByRuntime, watchName } from "../../platform/named.ts";

for (const [how, watch] of [["the system", watchName], ["the runtime", watchByRuntime]] as const) {
  Deno.test(`by ${how}: a name is the same file's until another has it, or none`, async () => {
    const directory = await Deno.makeTempDir({ prefix: "ctn-" });
    const path = `${directory}/log`;
    try {
      const name = watch(path);
      name.remember();
      assert.equal(name.isSame(), false, "none had it");
      Deno.writeTextFileSync(path, "one");
      assert.equal(name.isSame(), false, "none was remembered");
      name.remember();
      Deno.writeTextFileSync(path, "more");
      assert.equal(name.isSame(), true);
      Deno.renameSync(path, `${path}.1`);
      assert.equal(name.isSame(), false, "none has it");
      Deno.writeTextFileSync(path, "two");
      assert.equal(name.isSame(), false, "another has it");
      name.remember();
      assert.equal(name.isSame(), true);
      Deno.renameSync(path, `${path}.2`);
      Deno.symlinkSync(`${path}.1`, path);
      assert.equal(name.isSame(), false, "a link has it");
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}
