/** Who may do what, as the kernel tells them apart. */
import assert from "node:assert/strict";
import { ERRORS } from "../../core/errors.ts";
import { ownerAccess } from "../../server/access.ts";
import { identify } from "../../server/identity.ts";
import { callAs, type Heard } from "../support/caller.ts";
import { asUser, request, resultOf, serveToEnd, startDaemon } from "../support/daemon.ts";
import { linuxTest } from "../support/linux.ts";
import { SERVICE, startSystemDaemon, SystemPlace } from "../support/system.ts";

const OVERFLOW = { uid: 65_534, gid: 65_533 };
const STATUS = request(1, "status");
const CREATE = request(2, "key.create", { name: "new" });
const USE = request(3, "encrypt", { text: "x" });
const IMPORT = request(4, "key.import", { name: "in", material: "A".repeat(43) });
const ROTATE = request(5, "key.rotate", { name: "default" });

function outcomes({ answers }: Heard): string[] {
  return answers.map(({ error }) => error?.data.code ?? "done");
}

Deno.test("an identity is what the kernel says, without groups that it does not know", () => {
  const peer = { pid: 5, uid: 1, gid: 2, groups: [3, OVERFLOW.gid, 4] };
  assert.deepEqual(identify(peer, OVERFLOW), { pid: 5, uid: 1, gid: 2, groups: [3, 4] });
});

Deno.test("a peer of an overflow id, or without a pid, has no identity", () => {
  const peer = { pid: 5, uid: 1, gid: 2, groups: [] };
  const nobodies = [{ uid: OVERFLOW.uid }, { gid: OVERFLOW.gid }, { pid: 0 }, { pid: -1 }];
  for (const part of nobodies) {
    assert.throws(() => identify({ ...peer, ...part }, OVERFLOW), { code: "no_identity" });
  }
});

Deno.test("owner and root may do all, members may use, strangers nothing", () => {
  const access = ownerAccess({ uid: 10, group: 20 });
  const may = (who: { uid: number; gid: number; groups: number[] }) => {
    const identity = { pid: 1, ...who };
    return [access.may(identity, "encrypt", "default"), access.mayAdminister(identity)];
  };
  assert.deepEqual(may({ uid: 10, gid: 1, groups: [] }), [true, true]);
  assert.deepEqual(may({ uid: 0, gid: 1, groups: [] }), [true, true]);
  assert.deepEqual(may({ uid: 11, gid: 20, groups: [] }), [true, false]);
  assert.deepEqual(may({ uid: 11, gid: 1, groups: [2, 20] }), [true, false]);
  assert.deepEqual(may({ uid: 11, gid: 10, groups: [10, 0] }), [false, false]);
});

Deno.test("a certificate may use the keys if one of its names is named, and never manage", () => {
  let clients = ["DNS:worker.test"];
  const access = ownerAccess({ uid: 0, group: 0 }, () => clients);
  const named = (...names: [string, ...string[]]) => {
    return { names, expires: 0, address: "192.0.2.1:1" };
  };
  const worker = named("URI:spiffe://a/b", "DNS:worker.test", "SHA256:00");
  assert.ok(access.mayConnect(worker) && access.may(worker, "decrypt", "default"));
  assert.ok(!access.may(worker, "manage", "default") && !access.mayAdminister(worker));
  assert.ok(!access.mayConnect(named("DNS:other.test")));
  clients = [];
  assert.ok(!access.mayConnect(worker));
});

Deno.test("without a group nobody is a member, not even who has no group", () => {
  const access = ownerAccess({ uid: 10 });
  assert.equal(access.mayConnect({ pid: 1, uid: 11, gid: 10, groups: [10] }), false);
});

await linuxTest(
  "a user's daemon serves the user and root, and nobody else",
  ["setpriv"],
  async () => {
    await using daemon = await startDaemon({ user: SERVICE });
    const { socket, place } = daemon;
    const own = await callAs({ user: SERVICE }, socket, STATUS, CREATE);
    assert.deepEqual(outcomes(own), ["done", "done"]);
    assert.deepEqual(outcomes(await callAs({}, socket, STATUS, ROTATE)), ["done", "done"]);
    const stranger = { uid: 61_002, gid: SERVICE.gid, groups: [SERVICE.gid] };
    const kept = await callAs({ user: stranger }, socket, STATUS);
    assert.equal(kept.refused, "PermissionDenied", "the directory keeps strangers out");
    for (const path of [place.directory, `${place.directory}/run`, place.runtime]) {
      Deno.chmodSync(path, 0o755);
    }
    Deno.chmodSync(socket, 0o666);
    const refused = await callAs({ user: stranger }, socket, STATUS);
    assert.deepEqual(outcomes(refused), ["denied"], "and so does the daemon");
    const { pid, uid, gid, op, error } = daemon.log().at(-1)!;
    assert.deepEqual({ pid, uid, gid, op, error }, {
      pid: refused.pid,
      uid: stranger.uid,
      gid: stranger.gid,
      op: "connect",
      error: "denied",
    });
  },
);

await linuxTest(
  "the system's daemon lets members use, its own user and root manage, and refuses strangers",
  ["setpriv", "mounts"],
  async () => {
    using place = new SystemPlace();
    await using daemon = await startSystemDaemon(place);
    const { socket } = daemon;
    const member = { uid: 61_003, gid: SERVICE.gid };
    const supplementary = { uid: 61_004, gid: 61_004, groups: [61_005, SERVICE.gid] };
    const stranger = { uid: 61_005, gid: 61_005 };
    assert.equal((Deno.statSync(socket).mode ?? 0) & 0o777, 0o660);
    for (const user of [member, supplementary]) {
      const heard = await callAs({ user }, socket, STATUS, CREATE, USE, IMPORT, ROTATE);
      assert.deepEqual(outcomes(heard), ["done", "denied", "done", "denied", "denied"]);
      const status = resultOf(heard.answers[0]);
      assert.deepEqual([status.mode, status.warnings], ["system", []]);
    }
    assert.equal((await callAs({ user: stranger }, socket, STATUS)).refused, "PermissionDenied");
    place.openToAll();
    assert.deepEqual(outcomes(await callAs({ user: stranger }, socket, USE)), ["denied"]);
    for (const user of [SERVICE, undefined]) {
      const name = user ? "by-service" : "by-root";
      const heard = await callAs({ user }, socket, request(1, "key.create", { name }), USE);
      assert.deepEqual(outcomes(heard), ["done", "done"]);
    }
    const callers = daemon.log().map(({ uid, op, error }) => [uid, op, error ?? "done"]);
    assert.deepEqual(callers.slice(5, 12), [
      [supplementary.uid, "status", "done"],
      [supplementary.uid, "key.create", "denied"],
      [supplementary.uid, "encrypt", "done"],
      [supplementary.uid, "key.import", "denied"],
      [supplementary.uid, "key.rotate", "denied"],
      [stranger.uid, "connect", "denied"],
      [SERVICE.uid, "key.create", "done"],
    ]);
  },
);

await linuxTest("the system's daemon makes no directory of the administrator's", [
  "setpriv",
  "mounts",
], async () => {
  using place = new SystemPlace();
  const options = { place, user: SERVICE, wrapper: place.wrapper, args: ["--system"] };
  for (const path of [place.config, place.state, place.runtime]) {
    Deno.renameSync(path, `${path}.away`);
    assert.equal((await serveToEnd(options)).code, ERRORS.config.exit);
    Deno.renameSync(`${path}.away`, path);
  }
});

await linuxTest(
  "a member is known by the last of hundreds of groups",
  ["setpriv", "mounts"],
  async () => {
    using place = new SystemPlace();
    await using daemon = await startSystemDaemon(place);
    for (const count of [31, 32, 33, 300]) {
      const groups = Array.from({ length: count }, (_, i) => SERVICE.gid - i);
      const user = { uid: 61_003, gid: 61_003, groups };
      assert.deepEqual(outcomes(await callAs({ user }, daemon.socket, USE)), ["done"], `${count}`);
    }
  },
);

await linuxTest("a group is the caller's as it connected, not what it has since", [
  "setpriv",
  "mounts",
], async () => {
  using place = new SystemPlace();
  await using daemon = await startSystemDaemon(place);
  place.openToAll();
  const others = Array.from({ length: 64 }, (_, i) => 70_000 + i);
  const user = { uid: 61_003, gid: 61_003, groups: others };
  assert.deepEqual(outcomes(await callAs({ user }, daemon.socket, USE)), ["denied"]);
});

await linuxTest("a client of an overflow id has no identity", ["setpriv"], async () => {
  await using daemon = await startDaemon();
  Deno.chmodSync(daemon.directory, 0o755);
  for (const path of [`${daemon.directory}/run`, daemon.place.runtime]) Deno.chmodSync(path, 0o755);
  Deno.chmodSync(daemon.socket, 0o666);
  const overflow = { uid: 65_534, gid: 65_534 };
  for (const user of [overflow, { ...overflow, uid: 61_003 }, { ...overflow, gid: 61_003 }]) {
    const heard = await callAs({ user }, daemon.socket, STATUS);
    assert.deepEqual(outcomes(heard), ["no_identity"]);
  }
  const { op, error, uid } = daemon.log().at(-1)!;
  assert.deepEqual({ op, error, uid }, { op: "connect", error: "no_identity", uid: undefined });
});

await linuxTest(
  "a daemon in a user namespace refuses whom that does not map",
  ["users", "setpriv"],
  async () => {
    await using daemon = await startDaemon({ wrapper: ["unshare", "--user", "--map-root-user"] });
    for (const path of [daemon.directory, `${daemon.directory}/run`, daemon.place.runtime]) {
      Deno.chmodSync(path, 0o755);
    }
    Deno.chmodSync(daemon.socket, 0o666);
    const heard = await callAs({ user: SERVICE }, daemon.socket, STATUS, CREATE);
    assert.deepEqual(outcomes(heard), ["no_identity"]);
    assert.deepEqual(daemon.log().map(({ error }) => error), ["no_identity"]);
  },
);

await linuxTest(
  "a client that made a user namespace is still who the kernel says, not who it plays",
  ["users", "setpriv"],
  async () => {
    using place = new SystemPlace();
    await using daemon = await startSystemDaemon(place);
    place.openToAll();
    const stranger = { uid: 61_005, gid: 61_005 };
    for (const mapping of [[], ["--map-root-user"]]) {
      const wrapper = [...asUser(stranger), "unshare", "--user", ...mapping];
      const heard = await callAs({ wrapper, program: "public" }, daemon.socket, STATUS);
      assert.deepEqual(outcomes(heard), ["denied"]);
      const { uid, gid } = daemon.log().at(-1)!;
      assert.deepEqual({ uid, gid }, stranger);
    }
  },
);

await linuxTest(
  "a daemon that has no identity itself does not start",
  ["users"],
  async () => {
    const ended = await serveToEnd({ wrapper: ["unshare", "--user"] });
    assert.equal(ended.code, ERRORS.no_identity.exit, ended.stderr);
  },
);
