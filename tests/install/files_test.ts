/** Files that root makes in directories that are not root's. */
import assert from "node:assert/strict";
import { makeKeys } from "../../install/keys.ts";
import { performer } from "../../install/perform.ts";
import { loadGiveAway } from "../../platform/ownership.ts";
import { linuxTest } from "../support/linux.ts";
import { compiledProgram, must, run } from "../support/process.ts";
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

Deno.test("what the file system refuses is an error of reading or writing that names the path", async () => {
  const directory = await Deno.makeTempDir({ prefix: "ctl-" });
  const path = `${directory}/file/below`;
  try {
    Deno.writeTextFileSync(`${directory}/file`, "");
    const perform = performer("");
    const refused = perform({ do: "write", path, text: "" });
    await assert.rejects(Promise.resolve(refused), { code: "io", subject: path });
    const full = perform({ do: "copy", from: "/dev/zero/none", to: path });
    await assert.rejects(Promise.resolve(full), { code: "io", subject: path });
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
});

const MOUNTS: Readonly<Record<string, string>> = {
  "read-only": 'mount --bind "$2" "$2" && mount -o remount,bind,ro "$2"',
  "full": 'mount -t tmpfs -o size=16k,mode=755 none "$2" && ! cat /dev/zero >"$2/full" 2>/dev/null',
};

await linuxTest(
  "a place that is full or read-only is found before anything is changed",
  ["root", "sysusers", "mounts"],
  async () => {
    for (const [what, mount] of Object.entries(MOUNTS)) {
      for (const place of ["usr/local/bin", "etc/systemd/system", "etc", "var/lib"]) {
        using image = new Image();
        const before = image.contents();
        const script = `${mount}; exec "$0" install --root "$1"`;
        const shell = ["unshare", "--mount", "sh", "-c", script];
        const { code, stderr } = await run([
          ...shell,
          compiledProgram(),
          image.root,
          `${image.root}/${place}`,
        ]);
        assert.equal(code, 74, `${what} ${place}: ${stderr}`);
        assert.ok(stderr.includes(`${image.root}/`) && !stderr.includes("undone"), stderr);
        assert.deepEqual(image.contents(), before, `${what} ${place}`);
      }
    }
  },
);
