/** Access lists of Windows: on bytes as [MS-DTYP] lays them out, anywhere; asked for, on Windows. */
import assert from "node:assert/strict";
import { type Bytes, concat } from "../../core/bytes.ts";
import {
  type AccessList,
  loadAccessLists,
  readDescriptor,
  UnclearAccess,
} from "../../platform/access_list.ts";
import { requireSecretFile, requireTrustedDirectory } from "../../platform/trust.ts";
import { type Harm, problemOf } from "../../platform/trust_windows.ts";
import { failsWith } from "../core/support.ts";

const ME = "S-1-5-21-1-2-3-1001";
const [SYSTEM, ADMINISTRATORS, EVERYONE] = ["S-1-5-18", "S-1-5-32-544", "S-1-1-0"];
const USERS = "S-1-5-32-545";
const INSTALLER = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464";
const [FULL, READ, MODIFY, APPEND] = [0x1f01ff, 0x1200a9, 0x1301bf, 0x4];
const [ALLOW, DENY, ALLOW_OBJECT, ALLOW_IF] = [0, 1, 5, 9];
const INHERIT_ONLY = 0x0b;

/** A security identifier of the usual authorities, all of which fit in a byte. */
function sid(text: string): Bytes {
  const [authority = 0, ...others] = text.split("-").slice(2).map(Number);
  const head = new Uint8Array([1, others.length, 0, 0, 0, 0, 0, authority]);
  return concat(head, new Uint8Array(new Uint32Array(others).buffer));
}

interface Entry {
  readonly who: string;
  readonly rights: number;
  readonly type?: number;
  readonly flags?: number;
}

function entry({ who, rights, type = ALLOW, flags = 0 }: Entry): Bytes {
  const whose = sid(who);
  const head = new DataView(new ArrayBuffer(8));
  head.setUint8(0, type);
  head.setUint8(1, flags);
  head.setUint16(2, 8 + whose.length, true);
  head.setUint32(4, rights, true);
  return concat(new Uint8Array(head.buffer), whose);
}

/** A self-relative descriptor: header, owner, list. */
function descriptor(owner: string, entries: readonly Entry[]): Bytes {
  const body = concat(...entries.map(entry));
  const whose = sid(owner);
  const view = new DataView(new ArrayBuffer(28));
  view.setUint8(0, 1);
  view.setUint16(2, 0x8004, true);
  view.setUint32(4, 28, true);
  view.setUint32(16, 20, true);
  view.setUint8(20, 2);
  view.setUint16(22, 8 + body.length, true);
  view.setUint16(24, entries.length, true);
  const [start, list] = [new Uint8Array(view.buffer, 0, 20), new Uint8Array(view.buffer, 20)];
  // The owner comes behind the list.
  view.setUint32(4, 28 + body.length, true);
  return concat(start, list, body, whose);
}

/** As NTFS hands it down in a profile. */
const OWN: readonly Entry[] = [SYSTEM, ADMINISTRATORS, ME].map((who) => ({ who, rights: FULL }));

Deno.test("a descriptor names its owner, and who may do what", () => {
  assert.deepEqual(readDescriptor(descriptor(ME, OWN)), {
    owner: ME,
    grants: OWN.map(({ who, rights }) => ({ who, rights })),
  });
  // As Wine gives it for a file of mode 0644.
  const wine =
    "0100048014000000000000000000000030000000010500000000000515000000000000000000000000" +
    "000000e8030000020054000300000000001400ff011f0001010000000000051200000000002400ff011f0001" +
    "0500000000000515000000000000000000000000000000e803000000001400a9001200010100000000000100" +
    "000000";
  assert.deepEqual(readDescriptor(Uint8Array.fromHex(wine)), {
    owner: "S-1-5-21-0-0-0-1000",
    grants: [
      { who: SYSTEM, rights: FULL },
      { who: "S-1-5-21-0-0-0-1000", rights: FULL },
      { who: EVERYONE, rights: 0x1200a9 },
    ],
  });
});

Deno.test("what is handed down, or denied, grants nothing here; what has a condition does", () => {
  const { grants } = readDescriptor(descriptor(ME, [
    { who: EVERYONE, rights: FULL, type: DENY },
    { who: USERS, rights: FULL, flags: INHERIT_ONLY },
    { who: USERS, rights: READ, type: ALLOW_IF },
  ]));
  assert.deepEqual(grants, [{ who: USERS, rights: READ }]);
});

Deno.test("a descriptor that is cut, has no list or grants in an unknown way is none", () => {
  const whole = descriptor(ME, OWN);
  for (let length = 0; length < whole.length; length++) {
    assert.throws(() => readDescriptor(whole.slice(0, length)), UnclearAccess, `${length} bytes`);
  }
  // Revision; no list is there; not self-relative; no owner; no list's place; an entry of no length.
  for (const [at, value] of [[0, 2], [2, 0], [3, 0], [4, 0], [16, 0], [30, 0]] as const) {
    const broken = whole.slice();
    broken[at] = value;
    assert.throws(() => readDescriptor(broken), UnclearAccess, `byte ${at}`);
  }
  const unknown = descriptor(ME, [{ who: ME, rights: FULL, type: ALLOW_OBJECT }]);
  assert.throws(() => readDescriptor(unknown), UnclearAccess);
});

Deno.test("only the user, the system and administrators may", () => {
  const access = (owner: string, ...entries: readonly Entry[]): AccessList => {
    return readDescriptor(descriptor(owner, [...OWN, ...entries]));
  };
  const fine = (one: AccessList | undefined, harm: Harm) => problemOf(one, ME, harm) === undefined;
  for (const harm of ["replaced", "written", "read"] as const) {
    assert.ok(fine(access(ME), harm));
    assert.ok(fine(access(ADMINISTRATORS), harm));
    assert.ok(!fine(access(USERS), harm), "another's");
    assert.ok(!fine(undefined, harm), "nobody knows whose");
    assert.ok(!fine(access(ME, { who: USERS, rights: MODIFY }), harm));
  }
  const readable = access(ME, { who: EVERYONE, rights: READ });
  assert.deepEqual([fine(readable, "read"), fine(readable, "written")], [false, true]);
  // The root of a drive, as Windows sets it up: others may make directories there.
  const drive = access(INSTALLER, { who: "S-1-5-11", rights: APPEND });
  assert.deepEqual([fine(drive, "written"), fine(drive, "replaced")], [false, true]);
  for (const right of [0x40, 0x10000, 0x40000, 0x80000, 0x10000000]) {
    assert.ok(!fine(access(ME, { who: USERS, rights: right }), "replaced"), `${right}`);
  }
});

if (Deno.build.os === "windows") {
  Deno.test("Windows says whose a file is, and what others may read is no secret", async () => {
    const lists = loadAccessLists()!;
    const directory = Deno.realPathSync(await Deno.makeTempDir());
    const file = `${directory}\\secret`;
    await Deno.writeTextFile(file, "x");
    assert.equal(lists.of(file).owner, lists.me);
    requireSecretFile(file, []);
    assert.equal(requireTrustedDirectory(directory, []), directory.replaceAll("\\", "/"));
    assert.throws(() => lists.of(`${directory}\\other`), UnclearAccess);
    failsWith("unsafe_path", () => requireSecretFile("C:\\windows\\system32", []));
    await Deno.remove(directory, { recursive: true });
  });
} else {
  Deno.test("elsewhere than on Windows there are none to ask for", () => {
    assert.equal(loadAccessLists(), undefined);
  });
}
