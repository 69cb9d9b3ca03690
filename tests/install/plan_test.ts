/** Plans for installing: from what is there to what is done, without doing it. */
import assert from "node:assert/strict";
import { findAccount, isKnownId } from "../../install/account.ts";
import type { Plan, Step } from "../../install/actions.ts";
import { assetsFor } from "../../install/assets.ts";
import { formatManifest, parseManifest } from "../../install/manifest.ts";
import { placesBelow } from "../../install/places.ts";
import { planInstall } from "../../install/plan.ts";
import { requireCapable } from "../../install/preconditions.ts";
import {
  ASSETS,
  directory,
  file,
  freshFacts,
  installedFacts,
  OLD_HASH,
  PLACES,
  PROGRAM_HASH,
  withFiles,
} from "./facts.ts";

const ids = ({ steps }: Plan) => steps.map(({ id }) => id);
const find = (plan: Plan, id: string): Step => plan.steps.find((step) => step.id === id)!;
const { layout } = PLACES;
const UNIT = ASSETS.find(({ id }) => id === "service")!;
const CONFIG = ASSETS.find(({ id }) => id === "config")!;
const WHERE = { path: PLACES.manifest, root: "" };

Deno.test("on a fresh system everything is made, in an order in which each step finds what it needs", () => {
  const plan = planInstall(freshFacts(), ASSETS);
  assert.equal(plan.goal, "install");
  assert.deepEqual(ids(plan), [
    "directory:/etc/crypto",
    "intent",
    "directory:/etc/sysusers.d",
    "directory:/usr/local/share/applications",
    "program",
    "accounts",
    "config",
    "desktop",
    "socket",
    "service",
    "account",
    "directory:/var/lib/crypto",
    "keys",
    "reload",
    "enable",
    "start",
    "prove",
    "record",
  ]);
});

Deno.test("where all is as it should be nothing is changed, and it is proven all the same", () => {
  const plan = planInstall(installedFacts(), ASSETS);
  assert.deepEqual([plan.goal, ids(plan), plan.notes], ["nothing", ["prove"], []]);
});

Deno.test("a plan is data: it survives being JSON", () => {
  const plan = planInstall(freshFacts(), ASSETS);
  assert.deepEqual(JSON.parse(JSON.stringify(plan)), plan);
});

Deno.test("a newer program replaces the old one, which is kept until the proof, and the socket stays", () => {
  const facts = installedFacts();
  const manifest = {
    ...facts.manifest!,
    files: { ...facts.manifest!.files, [PLACES.program]: [OLD_HASH] },
  };
  const plan = planInstall(
    withFiles({ ...facts, manifest }, { [PLACES.program]: file(OLD_HASH) }),
    ASSETS,
  );
  assert.equal(plan.goal, "upgrade");
  assert.deepEqual(ids(plan), [
    "intent",
    "keep",
    "program",
    "restart",
    "prove",
    "forget",
    "record",
  ]);
  const text = JSON.stringify(plan);
  assert.ok(!/restart[^\]]*crypto\.socket/.test(text), "the socket is not restarted");
  assert.deepEqual(find(plan, "restart").actions, [
    { do: "run", program: "systemctl", args: ["restart", "crypto.service"] },
  ]);
  // Undone last: everything is as it was by then.
  assert.deepEqual(find(plan, "intent").undo.at(-1), find(plan, "restart").actions[0]);
});

Deno.test("during an upgrade both versions are known as ours", () => {
  const facts = installedFacts();
  const manifest = { ...facts.manifest!, files: { [PLACES.program]: [OLD_HASH] } };
  const plan = planInstall(
    withFiles({ ...facts, manifest }, { [PLACES.program]: file(OLD_HASH) }),
    ASSETS,
  );
  const [intent] = find(plan, "intent").actions;
  assert.ok(intent?.do === "write");
  const { files, complete } = parseManifest(intent.text, WHERE);
  assert.deepEqual([files[PLACES.program], complete], [[OLD_HASH, PROGRAM_HASH], false]);
});

Deno.test("what was interrupted is finished, and the service restarted, since nobody knows what runs", () => {
  const facts = installedFacts();
  const manifest = { ...facts.manifest!, complete: false };
  const begun = withFiles({ ...facts, manifest }, { [PLACES.oldProgram]: file() });
  const plan = planInstall(begun, ASSETS);
  assert.equal(plan.goal, "finish");
  assert.deepEqual(ids(plan), ["intent", "restart", "prove", "forget", "record"]);
});

Deno.test("an edited configuration stays; one that nobody edited follows the version", () => {
  const facts = installedFacts();
  const edited = planInstall(withFiles(facts, { [PLACES.config]: file(OLD_HASH, "x") }), ASSETS);
  assert.deepEqual(ids(edited), ["prove"]);
  assert.equal(edited.notes.length, 1);
  const manifest = {
    ...facts.manifest!,
    files: { ...facts.manifest!.files, [PLACES.config]: [OLD_HASH] },
  };
  const older = withFiles({ ...facts, manifest }, { [PLACES.config]: file(OLD_HASH, "older") });
  const followed = planInstall(older, ASSETS);
  assert.deepEqual(find(followed, "config").undo, [
    { do: "write", path: PLACES.config, text: "older" },
  ]);
  assert.ok(ids(followed).includes("restart"));
});

Deno.test("keys that are there are never made again, whatever else is missing", () => {
  const keys = { [layout.ring]: file(), [layout.sealingKey]: file() };
  for (const sealing of [layout.sealingKey, PLACES.credential]) {
    const facts = withFiles(freshFacts(), {
      ...keys,
      [layout.sealingKey]: undefined,
      [sealing]: file(),
    });
    const steps = planInstall(facts, ASSETS).steps;
    assert.ok(!steps.some(({ actions }) => actions.some((action) => action.do === "makeKeys")));
  }
});

Deno.test("an image is prepared with its own paths, and nothing is started or proven", async () => {
  const places = placesBelow("/image");
  const facts = freshFacts({ places, systemd: false, files: {} });
  const plan = planInstall(facts, await assetsFor(places));
  for (const { actions } of plan.steps) {
    for (const action of actions) {
      if ("path" in action) assert.ok(action.path.startsWith("/image/"), action.path);
      if (action.do === "run") assert.match(action.args[0]!, /^--(root|prefix)=\/image$/);
    }
  }
  for (const id of ["reload", "start", "prove"]) assert.ok(!ids(plan).includes(id), id);
});

const REFUSED: Record<string, [code: string, Parameters<typeof planInstall>[0]]> = {
  "a foreign program": ["occupied", withFiles(freshFacts(), { [PLACES.program]: file(OLD_HASH) })],
  "a foreign unit": ["occupied", withFiles(freshFacts(), { [PLACES.service]: file(OLD_HASH) })],
  "an edited unit": ["occupied", withFiles(installedFacts(), { [PLACES.service]: file(OLD_HASH) })],
  "a link": [
    "unsafe_path",
    withFiles(freshFacts(), { [PLACES.program]: { ...file(), type: "link" } }),
  ],
  "a file of somebody else's": [
    "unsafe_path",
    withFiles(installedFacts(), { [PLACES.config]: { ...file(OLD_HASH), uid: 1000 } }),
  ],
  "a file that others can write": [
    "unsafe_path",
    withFiles(installedFacts(), { [PLACES.service]: { ...file(UNIT.sha256), mode: 0o666 } }),
  ],
  "a directory that others can write": [
    "unsafe_path",
    withFiles(freshFacts(), { "/usr/local/bin": directory(0, 0o775) }),
  ],
  "a link to a directory": [
    "unsafe_path",
    withFiles(freshFacts(), { [layout.configDirectory]: { ...directory(), type: "link" } }),
  ],
  "a state directory of somebody else's": [
    "unsafe_path",
    withFiles(installedFacts(), { [layout.stateDirectory]: directory(1000, 0o700) }),
  ],
  "a sealing key without a ring": [
    "ring_unreadable",
    withFiles(freshFacts(), { [layout.sealingKey]: file() }),
  ],
  "a passphrase's sealing key without a ring": [
    "ring_unreadable",
    withFiles(freshFacts(), {
      "/etc/crypto/sealing.crypto": file(),
      [`${layout.ring}.new`]: file(),
    }),
  ],
  "no space": ["io", freshFacts({ freeBytes: 1_000_000 })],
  "a program that was not compiled": ["config", freshFacts({ program: undefined })],
};

for (const [what, [code, facts]] of Object.entries(REFUSED)) {
  Deno.test(`${what} is refused before anything is changed`, () => {
    assert.throws(() => planInstall(facts, ASSETS), { code });
  });
}

Deno.test("who is not root, and a system without systemd, are told so; an image needs no systemd", () => {
  assert.throws(() => requireCapable(freshFacts({ root: false })), { code: "not_root" });
  assert.throws(() => requireCapable(freshFacts({ systemd: false })), { code: "no_systemd" });
  requireCapable(freshFacts({ systemd: false, places: placesBelow("/image") }));
});

const GROUP = "root:x:0:\ncrypto-service:x:990:alice\n";
const passwd = (line: string) => `root:x:0:0::/root:/bin/sh\n${line}\n`;

Deno.test("the service's account is one of the system's that nobody can log in to", () => {
  const ours = passwd("crypto-service:x:991:990:crypto key service:/:/usr/sbin/nologin");
  assert.deepEqual(findAccount(ours, GROUP), { uid: 991, gid: 990 });
  assert.equal(findAccount(passwd("other:x:5:5::/:/bin/sh"), "other:x:5:\n"), undefined);
  assert.equal(findAccount(passwd(""), GROUP), undefined);
  const others = [
    "crypto-service:x:1000:990::/home/c:/usr/sbin/nologin",
    "crypto-service:x:0:990::/:/usr/sbin/nologin",
    "crypto-service:x:991:990::/:/bin/bash",
    "crypto-service:x:991:100::/:/usr/sbin/nologin",
    "crypto-service:x::990::/:/usr/sbin/nologin",
  ];
  for (const line of others) {
    assert.throws(() => findAccount(passwd(line), GROUP), { code: "occupied" }, line);
  }
  assert.throws(() => findAccount(ours, "crypto-service:x:1990:\n"), { code: "occupied" });
  assert.throws(() => findAccount(ours, "root:x:0:\n"), { code: "occupied" });
});

Deno.test("an id is known if a user or a group has it", () => {
  const users = passwd("a:x:61200:7::/:/bin/sh");
  assert.deepEqual([61200, 61201, 61202].map((id) => isKnownId(id, users, "b:x:61201:\n")), [
    true,
    true,
    false,
  ]);
});

Deno.test("a manifest is read as it was written, and nothing else is", () => {
  const { manifest } = installedFacts();
  assert.deepEqual(parseManifest(formatManifest(manifest!, ""), WHERE), manifest);
  const bad = [
    "",
    "[]",
    "null",
    "{}",
    formatManifest(manifest!, "").replace('"format": 1', '"format": 2'),
    formatManifest({ ...manifest!, files: { "relative": [] } }, ""),
    formatManifest({ ...manifest!, files: { "/a": ["short"] } }, ""),
    formatManifest({ ...manifest!, directories: ["relative"] }, ""),
  ];
  for (const text of bad) {
    assert.throws(() => parseManifest(text, WHERE), { code: "occupied" }, text);
  }
});

Deno.test("the configuration that is written has its own text", () => {
  assert.match(CONFIG.text, /^\[limits\]$/m);
});
