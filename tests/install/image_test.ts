/** Installing into an image with the real systemd-sysusers and systemctl, failing everywhere. */
import assert from "node:assert/strict";
import type { Plan } from "../../install/actions.ts";
import { execute } from "../../install/execute.ts";
import { type Perform, performer } from "../../install/perform.ts";
import { planFor } from "../../install/role.ts";
import { openRing } from "../../core/ring_file.ts";
import { holdOthersOff } from "../../install/exclusion.ts";
import { Sockets } from "../../platform/sockets.ts";
import { linuxTest } from "../support/linux.ts";
import { compiledProgram, publicProgram, run } from "../support/process.ts";
import { Image } from "./image.ts";

/** A small file in the place of the program: these tests copy it often. */
const PROGRAM = Deno.makeTempFileSync({ prefix: "ctp-" });
Deno.writeTextFileSync(PROGRAM, "#!/bin/sh\n");
const NEWER = Deno.makeTempFileSync({ prefix: "ctp-" });
Deno.writeTextFileSync(NEWER, "#!/bin/sh\n# newer\n");
globalThis.addEventListener(
  "unload",
  () => [PROGRAM, NEWER].forEach((path) => Deno.removeSync(path)),
);

async function planned(image: Image, goal: "install" | "uninstall" | "purge", program = PROGRAM) {
  return (await planFor(image.wish(goal, program))).plan;
}

async function carryOut(image: Image, goal: "install" | "uninstall" | "purge", program = PROGRAM) {
  const plan = await planned(image, goal, program);
  await execute(plan, performer(image.root));
  return plan;
}

const actionsOf = (plan: Plan) => plan.steps.flatMap(({ actions }) => actions).length;

await linuxTest("an image has all of it, with the right owners and modes, and the ring opens", [
  "root",
  "sysusers",
], async () => {
  using image = new Image();
  await carryOut(image, "install");
  const contents = image.contents();
  const id = /crypto-service:x:(\d+):(\d+):.*:\/:\/usr\/sbin\/nologin/.exec(
    contents["/etc/passwd"]!,
  )!;
  const owner = `${id[1]}:${id[2]}`;
  const expected = {
    "/usr/local/bin/crypto": "file 10 755 0:0",
    "/etc/crypto": "directory 755 0:0",
    "/etc/crypto/sealing.key": `file 32 400 ${owner}`,
    "/var/lib/crypto": `directory 700 ${owner}`,
    "/etc/systemd/system/sockets.target.wants/crypto.socket": "link 777 0:0",
    "/etc/systemd/system/multi-user.target.wants/crypto.service": "link 777 0:0",
  };
  for (const [path, what] of Object.entries(expected)) assert.equal(contents[path], what, path);
  for (const path of ["/etc/crypto/crypto.toml", "/usr/local/share/applications/crypto.desktop"]) {
    assert.match(contents[path]!, /^file \d+ 644 0:0$/, path);
  }
  assert.match(contents["/var/lib/crypto/ring"]!, new RegExp(`^file \\d+ 400 ${owner}$`));
  const read = (path: string) => Deno.readFileSync(image.root + path);
  const ring = await openRing(read("/var/lib/crypto/ring"), read("/etc/crypto/sealing.key"));
  assert.deepEqual(ring.keys.map(({ name, purpose }) => [name, purpose]), [["default", "seal"]]);
  const manifest = Deno.readTextFileSync(`${image.root}/etc/crypto/install.json`);
  assert.ok(JSON.parse(manifest).complete);
  assert.ok(!manifest.includes(image.root), manifest);
  assert.ok(!Object.keys(contents).some((name) => /\.(new|old)$/.test(name)));
});

await linuxTest(
  "installing again changes nothing, and not one byte of a key",
  ["root", "sysusers"],
  async () => {
    using image = new Image();
    await carryOut(image, "install");
    const [before, key] = [
      image.contents(),
      Deno.readFileSync(`${image.root}/etc/crypto/sealing.key`),
    ];
    const plan = await carryOut(image, "install");
    assert.deepEqual([plan.goal, plan.steps], ["nothing", []]);
    assert.deepEqual(image.contents(), before);
    assert.deepEqual(Deno.readFileSync(`${image.root}/etc/crypto/sealing.key`), key);
  },
);

await linuxTest("purging leaves what was there before, to the byte; without, only the keys stay", [
  "root",
  "sysusers",
], async () => {
  using image = new Image();
  const before = image.contents();
  await carryOut(image, "install");
  await carryOut(image, "uninstall");
  const kept = Object.keys(image.contents()).filter((path) => !(path in before));
  assert.deepEqual(kept.sort(), [
    "/etc/crypto",
    "/etc/crypto/sealing.key",
    "/var/lib/crypto",
    "/var/lib/crypto/ring",
  ]);
  await carryOut(image, "install");
  await carryOut(image, "purge");
  assert.deepEqual(image.contents(), before);
});

await linuxTest("an image is known again under another path, as it is when it runs", [
  "root",
  "sysusers",
], async () => {
  using image = new Image();
  using moved = new Image();
  const before = image.contents();
  await carryOut(image, "install");
  Deno.removeSync(moved.root, { recursive: true });
  Deno.renameSync(image.root, moved.root);
  Deno.mkdirSync(image.root);
  assert.deepEqual((await planned(moved, "install", NEWER)).goal, "upgrade");
  assert.deepEqual((await planned(moved, "install")).steps, []);
  await carryOut(moved, "purge", NEWER);
  assert.deepEqual(moved.contents(), before);
});

await linuxTest(
  "what the daemon made in a directory of this installation goes when that fails, and no more",
  ["root", "sysusers"],
  async () => {
    for (const foreign of [[], ["ring"], ["ring.20260101"]]) {
      using image = new Image();
      const before = image.contents();
      const plan = await planned(image, "install");
      const state = `${image.root}/var/lib/crypto`;
      const left: string[] = [];
      const perform = performer(image.root);
      const failing: Perform = async (action) => {
        if (action.do === "unmakeKeys") {
          await perform(action);
          for (const name of foreign) Deno.writeTextFileSync(`${state}/${name}`, "");
          return;
        }
        if (action.do !== "write" || !action.text.includes('"complete": true')) {
          return await perform(action);
        }
        for (const name of ["lock", "audit.log", "ring.new"]) {
          Deno.writeTextFileSync(`${state}/${name}`, "");
        }
        throw new Error("failed on purpose");
      };
      await assert.rejects(execute(plan, failing, ({ type, step }) => {
        if (type === "left") left.push(step);
      }));
      if (foreign.length === 0) assert.deepEqual(image.contents(), before);
      else assert.deepEqual(Array.from(Deno.readDirSync(state), ({ name }) => name), foreign);
      assert.deepEqual(
        left,
        foreign.map(() => "directory:/var/lib/crypto".replace("/", `${image.root}/`)),
      );
    }
  },
);

/** Fails at one action: before it is done, or after. */
function failingAt(number: number, when: "before" | "after", perform: Perform): Perform {
  let left = number;
  return async (action) => {
    const mine = left-- === 0;
    if (mine && when === "before") throw new Error("failed on purpose");
    await perform(action);
    if (mine) throw new Error("failed on purpose");
  };
}

for (const when of ["before", "after"] as const) {
  await linuxTest(`a step that fails ${when} it is done undoes all, wherever that is`, [
    "root",
    "sysusers",
  ], async () => {
    using image = new Image();
    const before = image.contents();
    const count = actionsOf(await planned(image, "install"));
    assert.ok(count > 10);
    for (let i = 0; i < count; i++) {
      const plan = await planned(image, "install");
      const told: string[] = [];
      const failing = execute(
        plan,
        failingAt(i, when, performer(image.root)),
        ({ type }) => told.push(type),
      );
      await assert.rejects(failing, { code: "internal" });
      assert.deepEqual(image.contents(), before, `action ${i}`);
      assert.ok(!told.includes("left"), `action ${i}`);
    }
  });

  await linuxTest(`an upgrade that fails ${when} a step puts the old version back`, [
    "root",
    "sysusers",
  ], async () => {
    using image = new Image();
    await carryOut(image, "install");
    const before = image.contents();
    const count = actionsOf(await planned(image, "install", NEWER));
    for (let i = 0; i < count; i++) {
      // What is recorded last is recorded when all has been proven.
      if (i === count - 1 && when === "after") continue;
      const plan = await planned(image, "install", NEWER);
      await assert.rejects(execute(plan, failingAt(i, when, performer(image.root))));
      const now = image.contents();
      if (i < count - 2) assert.deepEqual(now, before, `action ${i}`);
    }
    await carryOut(image, "install", NEWER);
    assert.equal(
      Deno.readTextFileSync(`${image.root}/usr/local/bin/crypto`),
      "#!/bin/sh\n# newer\n",
    );
  });

  await linuxTest(
    `killed ${when} any action, an installation is finished by the next, or taken away`,
    ["root", "sysusers"],
    async () => {
      using whole = new Image();
      const before = whole.contents();
      const count = actionsOf(await planned(whole, "install"));
      await carryOut(whole, "install");
      const after = Object.keys(whole.contents());
      for (let i = 0; i < count; i++) {
        for (const end of ["install", "purge"] as const) {
          using image = new Image();
          await killedAt(image, "install", i, when);
          await carryOut(image, end);
          if (end === "purge") {
            assert.deepEqual(image.contents(), before, `action ${i}`);
          } else assert.deepEqual(Object.keys(image.contents()), after, `action ${i}`);
          if (end === "install") assert.deepEqual((await planned(image, "install")).steps, []);
        }
      }
    },
  );
}

await linuxTest("a group that was there before outlives an installation that fails", [
  "root",
  "sysusers",
], async () => {
  for (const members of ["", "root"]) {
    using image = new Image();
    const line = `crypto-service:x:873:${members}\n`;
    Deno.writeTextFileSync(`${image.root}/etc/group`, line, { append: true });
    const before = image.contents();
    const plan = await planned(image, "install");
    const last = actionsOf(plan) - 1;
    await assert.rejects(execute(plan, failingAt(last, "before", performer(image.root))));
    assert.deepEqual(image.contents(), before);
  }
});

async function killedAt(image: Image, goal: "install" | "purge", action: number, when: string) {
  const script = new URL("killed.ts", import.meta.url).pathname;
  const wish = JSON.stringify(image.wish(goal, PROGRAM));
  const command = [Deno.execPath(), "run", "--allow-all", "--no-check", "--quiet", script];
  const env = { ...Deno.env.toObject() };
  const { signal, stderr } = await run([...command, wish, `${action}`, when], { env });
  assert.equal(signal, "SIGKILL", stderr);
}

await linuxTest(
  "killed at any action, a removal is finished by the next",
  ["root", "sysusers"],
  async () => {
    using first = new Image();
    const before = first.contents();
    await carryOut(first, "install");
    const count = actionsOf(await planned(first, "purge"));
    for (let i = 0; i < count; i++) {
      using image = new Image();
      await carryOut(image, "install");
      await killedAt(image, "purge", i, "after");
      await carryOut(image, "purge");
      assert.deepEqual(image.contents(), before, `action ${i}`);
    }
  },
);

await linuxTest(
  "the program itself prepares an image, shows it as JSON, and leaves the machine alone",
  ["root", "sysusers"],
  async () => {
    using image = new Image();
    const machine = ["/usr/local/bin/crypto", "/etc/crypto", "/var/lib/crypto"];
    const there = () => machine.map((path) => Deno.statSync(path).isFile);
    assert.throws(there);
    const options = ["--root", image.root];
    const shown = await run([compiledProgram(), "install", "--dry-run", "--json", ...options]);
    const plan = JSON.parse(shown.stdout) as Plan & { done: boolean };
    assert.deepEqual([plan.goal, plan.done], ["install", false]);
    const before = image.contents();
    const installed = await run([compiledProgram(), "install", ...options]);
    assert.equal(installed.code, 0, installed.stderr);
    assert.notDeepEqual(image.contents(), before);
    const again = await run([compiledProgram(), "install", "--json", ...options]);
    assert.equal(JSON.parse(again.stdout).goal, "nothing");
    const purged = await run([compiledProgram(), "uninstall", "--purge", ...options]);
    assert.equal(purged.code, 64, "nobody confirmed it");
    const sure = await run([compiledProgram(), "uninstall", "--purge", "--yes", ...options]);
    assert.equal(sure.code, 0, sure.stderr);
    assert.deepEqual(image.contents(), before);
    assert.throws(there);
  },
);

await linuxTest(
  "a foreign file, a taken name, a link on the way: refused, and nothing is touched",
  ["root", "sysusers"],
  async () => {
    const spoil: Record<string, [status: number, (root: string) => void]> = {
      "a foreign program": [
        73,
        (root) => Deno.writeTextFileSync(`${root}/usr/local/bin/crypto`, "x"),
      ],
      "a person of that name": [73, (root) => {
        const line = "crypto-service:x:1000:1000::/home/c:/bin/sh\n";
        Deno.writeTextFileSync(`${root}/etc/passwd`, line, { append: true });
        Deno.writeTextFileSync(`${root}/etc/group`, "crypto-service:x:1000:\n", { append: true });
      }],
      "a link on the way": [78, (root) => {
        Deno.renameSync(`${root}/usr/local`, `${root}/usr/elsewhere`);
        Deno.symlinkSync("elsewhere", `${root}/usr/local`);
      }],
      "a directory of everybody's": [78, (root) => Deno.chmodSync(`${root}/usr/local/bin`, 0o777)],
      "a directory of everybody's above": [
        78,
        (root) => Deno.chmodSync(`${root}/usr/local`, 0o777),
      ],
      "a link in the place of the program": [78, (root) => {
        Deno.symlinkSync("/etc/passwd", `${root}/usr/local/bin/crypto`);
      }],
      "a record that is none": [73, (root) => {
        Deno.mkdirSync(`${root}/etc/crypto`);
        Deno.writeTextFileSync(`${root}/etc/crypto/install.json`, "{}");
      }],
    };
    for (const [what, [status, act]] of Object.entries(spoil)) {
      using image = new Image();
      act(image.root);
      const before = image.contents();
      const ended = await run([compiledProgram(), "install", "--root", image.root]);
      assert.equal(ended.code, status, `${what}: ${ended.stderr}`);
      assert.deepEqual(image.contents(), before, what);
    }
  },
);

await linuxTest("whoever is not root is told so, and may look", ["root", "setpriv"], async () => {
  const somebody = ["setpriv", "--reuid=61900", "--regid=61900", "--clear-groups"];
  const program = publicProgram(compiledProgram());
  assert.equal((await run([...somebody, program, "install"])).code, 77);
  const shown = await run([...somebody, program, "install", "--dry-run"]);
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /prove/);
});

await linuxTest(
  "an image with nothing but etc is prepared; the running system is no image",
  ["root", "sysusers"],
  async () => {
    using image = new Image();
    for (const path of ["usr", "var", "etc"]) {
      Deno.removeSync(`${image.root}/${path}`, { recursive: true });
    }
    Deno.mkdirSync(`${image.root}/etc`);
    const installed = await run([compiledProgram(), "install", "--root", image.root]);
    assert.equal(installed.code, 0, installed.stderr);
    const contents = image.contents();
    for (const path of ["/usr", "/usr/local", "/usr/local/bin", "/var", "/var/lib"]) {
      assert.equal(contents[path], "directory 755 0:0", path);
    }
    assert.match(contents["/var/lib/crypto"]!, /^directory 700 /);
    const link = `${image.root}/system`;
    Deno.symlinkSync("/", link);
    for (const root of ["/", "//", "/usr/..", link]) {
      for (const verb of ["install", "uninstall"]) {
        const { code } = await run([compiledProgram(), verb, "--dry-run", "--root", root]);
        assert.equal(code, 64, root);
      }
    }
  },
);

await linuxTest(
  "one installs or removes at a time; the next is told so, changes nothing, and may look",
  ["root", "sysusers"],
  async () => {
    using image = new Image();
    const before = image.contents();
    const locks = () => {
      return Array.from(Deno.readDirSync("/run"), ({ name }) => name).filter((name) => {
        return name.startsWith("crypto-install");
      });
    };
    const others = locks();
    const sockets = new Sockets();
    const crypto = (...args: string[]) => run([compiledProgram(), ...args, "--root", image.root]);
    const release = await holdOthersOff(image.root, sockets);
    assert.equal(locks().length, others.length + 1);
    assert.equal((await crypto("install")).code, 75);
    assert.equal((await crypto("uninstall")).code, 75);
    assert.equal((await crypto("install", "--dry-run")).code, 0);
    assert.deepEqual(image.contents(), before);
    release();
    assert.equal((await crypto("install")).code, 0);
    assert.equal((await crypto("uninstall", "--purge")).code, 64);
    assert.equal((await crypto("uninstall", "--purge", "--yes")).code, 0);
    assert.deepEqual([image.contents(), locks()], [before, others]);
  },
);

await linuxTest(
  "a state directory that was made but not given to the service yet is made again",
  ["root", "sysusers"],
  async () => {
    using whole = new Image();
    using image = new Image();
    await carryOut(whole, "install");
    const directory = `${image.root}/var/lib/crypto`;
    Deno.mkdirSync(directory, { mode: 0o700 });
    await carryOut(image, "install");
    const of = (path: string) => Deno.lstatSync(`${path}/var/lib/crypto`);
    assert.deepEqual(
      [of(image.root).uid, of(image.root).mode],
      [of(whole.root).uid, of(whole.root).mode],
    );
    assert.deepEqual((await planned(image, "install")).steps, []);
  },
);

await linuxTest(
  "a configuration that the service would not start with is found before anything is changed",
  [
    "root",
    "sysusers",
  ],
  async () => {
    using image = new Image();
    const command = [compiledProgram(), "install", "--root", image.root];
    assert.equal((await run(command)).code, 0);
    const config = `${image.root}/etc/crypto/crypto.toml`;
    Deno.writeTextFileSync(config, "[limits]\nconnections = 0\n");
    const before = image.contents();
    const { code, stderr } = await run(command);
    assert.equal(code, 78, stderr);
    assert.match(stderr, /crypto\.toml:2/);
    assert.deepEqual(image.contents(), before);
  },
);
