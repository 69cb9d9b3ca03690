/** Files that root makes in directories that are not root's. */
import assert from "node:assert/strict";
import { makeKeys } from "../../install/keys.ts";
import { loadGiveAway } from "../../platform/ownership.ts";
import { linuxTest } from "../support/linux.ts";
import { compiledProgram, must } from "../support/process.ts";
import { Image } from "./image.ts";

const SOMEBODY = 61_900;

await linuxTest(
  "a link that the service puts in a new file's place gives away itself, and not its target",
  ["root"],
  async () => {
    const directory = await Deno.makeTempDir({ prefix: "ctl-" });
    const [ring, sealingKey, victim] = ["ring", "sealing.key", "victim"].map((name) => {
      return `${directory}/${name}`;
    }) as [string, string, string];
    try {
      Deno.writeTextFileSync(victim, "a secret of root's", { mode: 0o600 });
      const before = Deno.statSync(victim);
      const giveAway = loadGiveAway();
      await makeKeys({ ring, sealingKey }, (path) => {
        Deno.removeSync(path);
        Deno.symlinkSync(victim, path);
        giveAway(path, SOMEBODY, SOMEBODY);
      });
      const { uid, gid, mode } = Deno.statSync(victim);
      assert.deepEqual([uid, gid, mode], [before.uid, before.gid, before.mode]);
      assert.equal(Deno.lstatSync(ring).uid, SOMEBODY);
    } finally {
      Deno.removeSync(directory, { recursive: true });
    }
  },
);

await linuxTest(
  "modes and owners are the same, whatever the mask of whoever installs",
  ["root", "sysusers"],
  async () => {
    const found: Record<string, string>[] = [];
    for (const mask of ["000", "022", "077"]) {
      using image = new Image();
      const script = `umask ${mask}; exec "$0" install --root "$1"`;
      await must(["sh", "-c", script, compiledProgram(), image.root]);
      found.push(image.contents());
    }
    assert.deepEqual(found[0], found[1]);
    assert.deepEqual(found[2], found[1]);
  },
);
