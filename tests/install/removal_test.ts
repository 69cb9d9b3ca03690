/** Plans for removing. */
import assert from "node:assert/strict";
import type { Action, Plan } from "../../install/actions.ts";
import type { Facts } from "../../install/facts.ts";
import { keptKeys, planRemoval } from "../../install/removal.ts";
import {
  ASSETS,
  file,
  freshFacts,
  installedFacts,
  OLD_HASH,
  PLACES,
  PROGRAM_HASH,
  withFiles,
} from "./facts.ts";

const { layout } = PLACES;
const actions = ({ steps }: Plan): Action[] => steps.flatMap((step) => [...step.actions]);
const removed = (plan: Plan) => {
  return actions(plan).flatMap((action) => action.do === "remove" ? [action.path] : []);
};
const KEYS = [layout.sealingKey, layout.ring, layout.auditLog];

Deno.test("keys, log and their user stay, and it is said where", () => {
  const plan = planRemoval(installedFacts(), ASSETS, { purge: false });
  for (const path of KEYS) {
    assert.ok(!removed(plan).includes(path), path);
    assert.ok(plan.notes.join().includes(path), path);
  }
  assert.ok(!actions(plan).some(({ do: kind }) => kind === "removeAll"));
  assert.ok(!JSON.stringify(plan.steps).includes("userdel"));
  for (const { path } of ASSETS) assert.ok(removed(plan).includes(path), path);
});

Deno.test("purging removes the sealing key first, then the rest, the user and the group", () => {
  const credential = withFiles(installedFacts(), { [PLACES.credential]: file() });
  const plan = planRemoval(credential, ASSETS, { purge: true });
  const kinds = actions(plan).map((action) => {
    return "path" in action ? `${action.do} ${action.path}` : action.do;
  });
  assert.ok(
    kinds.indexOf(`remove ${layout.sealingKey}`) <
      kinds.indexOf(`removeAll ${layout.stateDirectory}`),
  );
  assert.ok(kinds.includes(`remove ${PLACES.credential}`));
  assert.ok(kinds.includes(`removeEmpty ${layout.configDirectory}`));
  const text = JSON.stringify(plan.steps);
  for (const program of ["userdel", "groupdel"]) assert.ok(text.includes(program));
});

Deno.test("where nothing is there is nothing to remove", () => {
  for (const purge of [false, true]) {
    const plan = planRemoval(freshFacts(), ASSETS, { purge });
    assert.deepEqual([plan.goal, plan.steps], ["nothing", []]);
  }
});

Deno.test("after a removal that kept the keys there is nothing more to remove", () => {
  const { files, account } = installedFacts();
  const left = [layout.configDirectory, layout.stateDirectory, layout.ring, layout.sealingKey];
  const facts = freshFacts({
    account,
    files: Object.fromEntries(left.map((path) => [path, files[path]!])),
    names: { [layout.stateDirectory]: ["audit.log", "ring"] },
  });
  assert.deepEqual(planRemoval(facts, ASSETS, { purge: false }).steps, []);
});

Deno.test("what install did not write stays, and so does an edited configuration", () => {
  const foreign = withFiles(freshFacts(), { [PLACES.program]: file(OLD_HASH) });
  assert.deepEqual(planRemoval(foreign, ASSETS, { purge: true }).steps, []);
  const edited = withFiles(installedFacts(), { [PLACES.config]: file(OLD_HASH) });
  const plan = planRemoval(edited, ASSETS, { purge: false });
  assert.ok(!removed(plan).includes(PLACES.config));
  assert.ok(plan.notes.some((note) => note.includes(PLACES.config)));
});

Deno.test("who purges is told that the heads of the audit log stay in the journal", () => {
  const isTold = (facts: Facts, purge: boolean) =>
    planRemoval(facts, ASSETS, { purge }).notes.join().includes("--former");
  assert.ok(isTold(installedFacts(), true));
  assert.ok(!isTold(installedFacts(), false));
  assert.ok(!isTold(freshFacts(), true));
});

Deno.test("a policy is its administrator's: only purging removes it", () => {
  const { policy } = layout;
  const names = { [layout.configDirectory]: ["policy.toml"] };
  const facts = { ...withFiles(installedFacts(), { [policy]: file() }), names };
  const kept = planRemoval(facts, ASSETS, { purge: false });
  assert.ok(!removed(kept).includes(policy));
  assert.ok(kept.notes.some((note) => note.startsWith(policy)), kept.notes.join("\n"));
  const emptied = actions(kept).filter(({ do: kind }) => kind === "removeEmpty");
  assert.ok(!JSON.stringify(emptied).includes(`"${layout.configDirectory}"`));
  const purged = planRemoval(facts, ASSETS, { purge: true });
  assert.ok(removed(purged).includes(policy));
  assert.ok(!purged.notes.join().includes(policy), purged.notes.join("\n"));
});

Deno.test("what an interrupted installation left is taken away, without a record too", () => {
  const facts = withFiles(freshFacts({ account: { uid: 990, gid: 990 } }), {
    [PLACES.program]: file(PROGRAM_HASH),
    "/usr/local/bin/.crypto.new": file(),
    [PLACES.oldProgram]: file(),
    [layout.stateDirectory]: installedFacts().files[layout.stateDirectory],
  });
  const plan = planRemoval(facts, ASSETS, { purge: false });
  for (const path of [PLACES.program, PLACES.oldProgram, "/usr/local/bin/.crypto.new"]) {
    assert.ok(removed(plan).includes(path), path);
  }
  assert.ok(JSON.stringify(plan.steps).includes("userdel"));
});

Deno.test("a first key that was never finished was never used, and goes", () => {
  const facts = withFiles(installedFacts({ names: { [layout.stateDirectory]: ["ring.new"] } }), {
    [layout.ring]: undefined,
    [`${layout.ring}.new`]: file(),
  });
  assert.deepEqual(keptKeys(facts), []);
  const paths = removed(planRemoval(facts, ASSETS, { purge: false }));
  assert.ok(paths.indexOf(layout.sealingKey) < paths.indexOf(`${layout.ring}.new`));
  assert.ok(paths.includes(layout.sealingKey));
});

Deno.test("a group whose user has gone already goes too", () => {
  const plan = planRemoval(freshFacts({ group: 990 }), ASSETS, { purge: true });
  assert.deepEqual(plan.steps.map(({ id }) => id), ["account"]);
});

Deno.test("an image's services are not stopped", () => {
  const { places: _, ...rest } = installedFacts();
  const plan = planRemoval(
    {
      ...rest,
      places: PLACES,
      service: { enabled: false, active: false },
      socket: { enabled: true, active: false },
    },
    ASSETS,
    { purge: false },
  );
  assert.ok(!plan.steps.some(({ id }) => id === "stop"));
  assert.ok(plan.steps.some(({ id }) => id === "disable"));
});

Deno.test("purging removes old sealing keys and rings too; without, they stay and are named", () => {
  const old = [`${layout.sealingKey}.20260101T000000000Z`, `${PLACES.credential}.2026`];
  const foreign = `${layout.configDirectory}/notes`;
  const facts = installedFacts({
    names: {
      [layout.stateDirectory]: ["ring", "ring.20260101T000000000Z"],
      [layout.configDirectory]: ["notes", "sealing.key", "sealing.key.20260101T000000000Z"],
      "/etc/credstore.encrypted": ["crypto-sealing-key.2026", "other"],
    },
  });
  const kept = planRemoval(facts, ASSETS, { purge: false });
  const purged = planRemoval(facts, ASSETS, { purge: true });
  for (const path of [...old, `${layout.ring}.20260101T000000000Z`]) {
    assert.ok(keptKeys(facts).includes(path), path);
    assert.ok(kept.notes.some((note) => note.includes(path)), path);
  }
  for (const path of old) {
    assert.ok(!removed(kept).includes(path), path);
    assert.ok(removed(purged).includes(path), path);
  }
  for (const plan of [kept, purged]) {
    assert.ok(plan.notes.some((note) => note.includes(foreign)));
    const text = JSON.stringify(plan.steps);
    assert.ok(!text.includes(foreign) && !text.includes("credstore.encrypted/other"));
  }
  assert.ok(
    !actions(purged).some((action) => {
      return action.do === "removeAll" && action.path === layout.configDirectory;
    }),
  );
});
