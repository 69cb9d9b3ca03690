/** The policy file: what it means, and every mistake that it can have. */
import assert from "node:assert/strict";
import { OPERATIONS } from "../../server/access.ts";
import { Accounts, GroupDatabase } from "../../server/accounts.ts";
import type { Identity } from "../../server/identity.ts";
import { matcher, parsePolicy } from "../../server/policy.ts";
import { policyAccess } from "../../server/policy_access.ts";

const ACCOUNTS = new Accounts(
  "root:x:0:0::/:/bin/sh\nalice:x:1001:1001::/:/bin/sh\nbob:x:1002:2002::/:/bin/sh\n",
  "readers:x:2001:alice,bob\nwriters:x:2002:\nempty:x:2003:\n",
);
const OWNER = { uid: 900, group: 901 };
const ALICE: Identity = { uid: 1001, gid: 1001, groups: [2001], pid: 1 };
const BOB: Identity = { uid: 1002, gid: 2002, groups: [], pid: 1 };
const ROOT: Identity = { uid: 0, gid: 0, groups: [0], pid: 1 };
const SERVICE: Identity = { uid: 900, gid: 901, groups: [], pid: 1 };
const MEMBER: Identity = { uid: 1003, gid: 901, groups: [901], pid: 1 };

function accessOf(text: string, isMember = (): boolean => true) {
  const { policy, mistakes } = parsePolicy(text, ACCOUNTS);
  assert.deepEqual(mistakes, []);
  return policyAccess(policy, { owner: OWNER, isMember });
}

/** What somebody may do with a key. */
function rights(text: string, who: Identity, key: string): string[] {
  const access = accessOf(text);
  return OPERATIONS.filter((operation) => access.may(who, operation, key));
}

const JOBS = `
[keys."app-*"]
encrypt.users = ["alice"]
decrypt.groups = ["writers"]
rewrap.users = [61000]

[keys.app-1]
decrypt.users = ["alice"]
`;

Deno.test("producers only encrypt, consumers only decrypt, a rotation only rewraps", () => {
  assert.deepEqual(rights(JOBS, ALICE, "app-2"), ["encrypt"]);
  assert.deepEqual(rights(JOBS, BOB, "app-2"), ["decrypt"]);
  assert.deepEqual(rights(JOBS, { ...BOB, uid: 61_000, gid: 1 }, "app-2"), ["rewrap"]);
  assert.deepEqual(rights(JOBS, ALICE, "other"), []);
});

Deno.test("sections add up: one that is added takes nothing away", () => {
  assert.deepEqual(rights(JOBS, ALICE, "app-1"), ["encrypt", "decrypt"]);
  assert.deepEqual(rights(JOBS, BOB, "app-1"), ["decrypt"]);
});

Deno.test("every operation can be allowed alone", () => {
  for (const operation of OPERATIONS) {
    const text = `[keys."*"]\n${operation}.users = ["alice"]`;
    assert.deepEqual(rights(text, ALICE, "any"), [operation]);
    assert.deepEqual(rights(text, BOB, "any"), []);
  }
});

Deno.test("root and the daemon's user manage every key, and use none without being named", () => {
  for (const who of [ROOT, SERVICE]) {
    assert.deepEqual(rights(JOBS, who, "app-1"), ["manage"]);
    assert.equal(accessOf(JOBS).mayAdminister(who), true);
    assert.equal(accessOf(JOBS).mayConnect(who), true);
  }
  assert.deepEqual(rights(`[keys.k]\nencrypt.users = ["root"]`, ROOT, "k"), ["encrypt", "manage"]);
});

Deno.test("who is named nowhere may not even connect, whatever group the socket has", () => {
  const access = accessOf(JOBS);
  assert.equal(access.mayConnect(MEMBER), false);
  assert.equal(access.mayConnect(ALICE), true);
  assert.equal(access.mayConnect(BOB), true);
  assert.equal(access.mayAdminister(ALICE), false);
});

Deno.test("a file that says nothing of keys leaves the usual rule", () => {
  const access = accessOf("check_groups = true");
  assert.deepEqual(OPERATIONS.filter((one) => access.may(MEMBER, one, "k")), [
    ...OPERATIONS.filter((one) => one !== "manage"),
  ]);
  assert.equal(access.may(ALICE, "encrypt", "k"), false);
});

Deno.test("a pattern stands for whole names", () => {
  const cases: [pattern: string, yes: string[], no: string[]][] = [
    ["app", ["app"], ["app-1", "ap", ""]],
    ["app-*", ["app-", "app-1", "app-1-2"], ["app", "my-app-1", "App-1"]],
    ["*", ["a", "app-1"], []],
    ["*-eu", ["a-eu", "a-eu-eu"], ["-e", "eu", "a-eu-1"]],
    ["a*b*c", ["abc", "a1b2c", "abbcc"], ["ac", "abd", "acb"]],
    ["a.b*", ["a.b", "a.b1"], ["axb"]],
    ["a*a", ["aa", "aba"], ["a"]],
  ];
  for (const [pattern, yes, no] of cases) {
    for (const name of yes) assert.equal(matcher(pattern)(name), true, `${pattern} ${name}`);
    for (const name of no) assert.equal(matcher(pattern)(name), false, `${pattern} ${name}`);
  }
});

Deno.test("no name makes a pattern slow", () => {
  const matches = matcher("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b");
  assert.equal(matches("a".repeat(1_000_000)), false);
});

/** The lines of a file's mistakes. */
function mistaken(text: string): number[] {
  return parsePolicy(text, ACCOUNTS).mistakes.map(({ line }) => line);
}

Deno.test("each mistake is found, with its line, and all of a file at once", () => {
  const file: [line: string, wrong: boolean][] = [
    ["check_group = true", true],
    ["check_groups = 1", true],
    ["[keys.'app-*']", false],
    ["encrypt.users = ['alice',", false],
    ["  'nobody-here',", true],
    ["  1001,", true],
    ["  'bob' ]", false],
    ["encrypt.groups = []", true],
    ["decrypt.groups = ['readers', 'alice']", true],
    ["decrypt.certificates = ['CN=x']", true],
    ["verify.certificates = ['DNS:a.test']", false],
    ["decrypt.hosts = ['x']", true],
    ["export.users = ['root']", true],
    ["crypt.users = ['root']", true],
    ["rewrap = ['root']", true],
    ["mac.users = 'root'", true],
    ["verify.users = [1.5]", true],
    ["manage.users = [-1, 65534, 4294967295]", true],
    ["manage.groups = [true]", true],
    ["[keys.Upper]", true],
    ["encrypt.users = ['root']", false],
    ["[keys.'']", true],
    ["encrypt.users = ['root']", false],
    ["[keys.empty]", true],
    ["[keys.hollow]", false],
    ["encrypt = {}", true],
  ];
  const lines = new Set(mistaken(file.map(([text]) => text).join("\n")));
  const expected = file.flatMap(([, wrong], i) => wrong ? [i + 1] : []);
  assert.deepEqual([...lines], expected);
});

Deno.test("a file that is no TOML, or says a thing twice, has a mistake on that line", () => {
  assert.deepEqual(mistaken("[keys.a]\nencrypt.users = ['root'"), [2]);
  assert.deepEqual(mistaken("[keys.a]\nencrypt.users = ['root']\nencrypt.users = ['bob']"), [3]);
  assert.deepEqual(mistaken("[keys.a]\nencrypt.users = [0]\n[keys.'a']\ndecrypt.users = [0]"), [3]);
  assert.deepEqual(mistaken("[keys]"), [1]);
  assert.deepEqual(mistaken("keys = 1"), [1]);
});

Deno.test("the example of docs/policy.md is a policy", async () => {
  const page = await Deno.readTextFile(new URL("../../docs/policy.md", import.meta.url));
  const example = /```toml\n(.*?)```/s.exec(page)![1]!;
  const names = [...example.matchAll(/"([a-z]+)"/g)].map(([, name]) => name);
  const users = names.map((name, i) => `${name}:x:${2_000 + i}:1::/:/bin/sh`).join("\n");
  const groups = names.map((name, i) => `${name}:x:${2_000 + i}:`).join("\n");
  const { policy, mistakes } = parsePolicy(example, new Accounts(users, groups));
  assert.deepEqual(mistakes, []);
  assert.deepEqual(policy.sections?.map(({ pattern }) => pattern), ["app-*", "payroll"]);
  const table = page.slice(page.indexOf("| operation |"), page.indexOf("| list |"));
  const listed = [...table.matchAll(/`([a-z]+)`(?=[^|]*\|.*\|$)/gm)].map(([, name]) => name!);
  assert.deepEqual(OPERATIONS.filter((one) => !listed.includes(one)), []);
});

Deno.test("names that every object has are no names here", () => {
  for (const name of ["__proto__", "constructor", "toString"]) {
    assert.deepEqual(mistaken(`[keys.a]\n${name}.users = ["root"]`), [2]);
    assert.deepEqual(mistaken(`[${name}]\nx = 1`), [1]);
  }
});

Deno.test("with check_groups a group counts only if the group database has the caller, too", () => {
  const text =
    `check_groups = true\n[keys.k]\nencrypt.groups = ["readers"]\ndecrypt.users = ["alice"]`;
  const asked: number[][] = [];
  const access = accessOf(text, (...ids: number[]) => (asked.push(ids), false));
  assert.equal(access.may(ALICE, "encrypt", "k"), false);
  assert.equal(access.may(ALICE, "decrypt", "k"), true, "a user is no group");
  assert.deepEqual(asked, [[1001, 2001]]);
  assert.equal(accessOf(text).may(ALICE, "encrypt", "k"), true);
  const claimed = { ...BOB, groups: [] };
  assert.equal(
    accessOf(text).may(claimed, "encrypt", "k"),
    false,
    "the kernel's groups decide first",
  );
});

Deno.test("a user's groups are the primary one and those that name the user", () => {
  assert.deepEqual([...ACCOUNTS.groupsOf(1002)].toSorted(), [2001, 2002]);
  assert.deepEqual([...ACCOUNTS.groupsOf(4242)], []);
  const odd = new Accounts(
    "+::::::\nbroken\n# x\nneg:x:-1:0::\nok:x:7:8::\n",
    "+:::\nbad:x:z:ok\n",
  );
  assert.deepEqual([odd.userId("ok"), odd.userId("neg"), odd.userId("+")], [
    7,
    undefined,
    undefined,
  ]);
  assert.equal(odd.groupId("bad"), undefined);
});

Deno.test("the group database is read again when it has changed, and once a second at most", async () => {
  const root = await Deno.makeTempDir({ prefix: "ctg-" });
  try {
    const write = (members: string) => {
      Deno.writeTextFileSync(`${root}/etc/group`, `readers:x:2001:${members}\n`);
    };
    Deno.mkdirSync(`${root}/etc`);
    Deno.writeTextFileSync(`${root}/etc/passwd`, "alice:x:1001:1001::/:/bin/sh\n");
    write("alice");
    let now = 1_000_000;
    const database = new GroupDatabase(root, () => now);
    assert.equal(database.isMember(1001, 2001), true);
    assert.equal(database.isMember(1001, 1001), true, "the primary group");
    write("");
    assert.equal(database.isMember(1001, 2001), true, "looked at a moment ago");
    now += 1_000;
    assert.equal(database.isMember(1001, 2001), false);
    write("bob,alice");
    now -= 5_000;
    assert.equal(database.isMember(1001, 2001), true, "a clock that was put back");
    Deno.removeSync(`${root}/etc/group`);
    now += 1_000;
    assert.equal(database.isMember(1001, 2001), false, "nobody while it cannot be read");
    write("alice");
    now += 1_000;
    assert.equal(database.isMember(1001, 2001), true);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});

Deno.test("a certificate may what a rule names it for, by any of its names, and no more", () => {
  const certified = (...names: [string, ...string[]]): Identity => {
    return { names, expires: Infinity, address: "192.0.2.1:1" };
  };
  const worker = certified("URI:spiffe://a/worker", "DNS:worker.test", `SHA256:${"0a".repeat(32)}`);
  const text = "[keys.'app-*']\nencrypt.certificates = ['DNS:worker.test']\n" +
    "decrypt.users = ['alice']\n";
  assert.deepEqual(rights(text, worker, "app-1"), ["encrypt"]);
  assert.deepEqual(rights(text, worker, "other"), []);
  assert.deepEqual(rights(text, certified("DNS:other.test"), "app-1"), []);
  const access = accessOf(text);
  assert.ok(access.mayConnect(worker) && !access.mayAdminister(worker));
  assert.ok(!access.mayConnect(certified("DNS:other.test")));
});
