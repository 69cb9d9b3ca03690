/** `crypto policy` as an administrator sees it. */
import assert from "node:assert/strict";
import { plainEnvironment } from "../support/process.ts";
import { Place, startDaemon } from "../support/daemon.ts";
import { linuxTest } from "../support/linux.ts";
import { startSystemDaemon, SystemPlace } from "../support/system.ts";
import { crypto, failedWith, fails, Folder, succeeds, text } from "./support.ts";

/** A user's home with a policy in its place. */
class Home extends Folder {
  readonly policy: string = `${this.path}/.config/crypto/policy.toml`;
  readonly env: Record<string, string> = { ...plainEnvironment(), HOME: this.path };

  constructor(policy?: string) {
    super();
    Deno.mkdirSync(`${this.path}/.config/crypto`, { recursive: true, mode: 0o700 });
    if (policy !== undefined) Deno.writeTextFileSync(this.policy, policy, { mode: 0o644 });
  }
}

Deno.test("check explains every mistake on a line of its own, and its status is config's", async () => {
  using folder = new Folder();
  const lines = [
    "[keys.'app-*']",
    "encrypt.users = ['no-such-user']",
    "export.users = ['root']",
    "x = 1",
  ];
  folder.write("new.toml", lines.join("\n"));
  const run = await crypto(["policy", "check", "new.toml"], { cwd: folder.path });
  failedWith("config", run);
  assert.equal(
    text(run.stdout),
    'new.toml:2: keys."app-*".encrypt.users: no-such-user: it is not known here: ' +
      "see /etc/passwd and /etc/group, or use a number\n" +
      'new.toml:3: keys."app-*".export: it can never match: no key leaves the daemon\n' +
      'new.toml:4: keys."app-*".x: it is not known: ' +
      "use encrypt, decrypt, rewrap, mac, verify, manage\n",
  );
  assert.ok(run.stderr.startsWith("crypto: new.toml: 3 mistakes: "), run.stderr);
});

Deno.test("check obeys no escape sequence of the file's", async () => {
  using folder = new Folder();
  folder.write("new.toml", '[keys."a\\u001b[31m\\nok.toml"]\nencrypt.users = ["root"]\n');
  const run = await crypto(["policy", "check", "new.toml"], { cwd: folder.path });
  failedWith("config", run);
  assert.match(text(run.stdout), /^[^\p{Cc}]+\n$/u);
});

Deno.test("check of a file without mistakes prints nothing, and says so", async () => {
  using home = new Home("[keys.'*']\nencrypt.users = ['root']\n");
  const { code, stdout, stderr } = await crypto(["policy", "check"], { env: home.env });
  assert.deepEqual([code, text(stdout)], [0, ""]);
  assert.equal(stderr, `crypto: ${home.policy} has no mistake\n`);
});

Deno.test("check of the daemon's own file refuses one that others can write; none is fine", async () => {
  using home = new Home("[keys.'*']\nencrypt.users = ['root']\n");
  Deno.chmodSync(home.policy, 0o666);
  await fails("unsafe_path", ["policy", "check"], { env: home.env });
  Deno.removeSync(home.policy);
  const { code, stderr } = await crypto(["policy", "check"], { env: home.env });
  assert.equal(code, 0);
  assert.ok(stderr.startsWith(`crypto: ${home.policy} is not there: `), stderr);
  await fails("config", ["policy", "check", home.policy], { env: home.env });
});

Deno.test("explain says yes or no, and by which line", async () => {
  const policy = [
    "[keys.'app-*']",
    "encrypt.users = [",
    "  61011,",
    "  'daemon',",
    "]",
    "decrypt.groups = ['bin']",
    "[keys.app-1]",
    "decrypt.users = ['daemon']",
  ];
  using home = new Home(policy.join("\n"));
  const explain = async (...question: string[]) => {
    const run = await crypto(["policy", "explain", ...question], { env: home.env });
    return [run.code, text(run.stdout)];
  };
  const at = (line: number, what: string) => `yes: ${home.policy}:${line}: ${what}\n`;
  const users = 'keys."app-*".encrypt.users names';
  assert.deepEqual(await explain("daemon", "app-2", "encrypt"), [0, at(4, `${users} daemon`)]);
  assert.deepEqual(await explain("61011", "app-2", "encrypt"), [0, at(3, `${users} 61011`)]);
  assert.deepEqual(await explain("bin", "app-1", "decrypt"), [
    0,
    at(6, 'keys."app-*".decrypt.groups names bin'),
  ]);
  assert.deepEqual(await explain("daemon", "app-1", "decrypt"), [
    0,
    at(8, 'keys."app-1".decrypt.users names daemon'),
  ]);
  assert.deepEqual(await explain("daemon", "app-2", "decrypt"), [
    77,
    `no: nothing in ${home.policy} names daemon for it; line 6 names group bin\n`,
  ]);
  assert.deepEqual(await explain("daemon", "app-2", "rewrap"), [
    77,
    `no: nothing in ${home.policy} names daemon for it; no line allows it to anybody\n`,
  ]);
  assert.deepEqual(await explain("root", "app-2", "manage"), [
    0,
    "yes: root and the daemon's user manage every key\n",
  ]);
});

Deno.test("explain knows certificates by their names, with rules and without", async () => {
  using home = new Home("[keys.app]\nencrypt.certificates = ['DNS:app.example.org']\n");
  const explain = async (caller: string) => {
    const run = await crypto(["policy", "explain", caller, "app", "encrypt"], { env: home.env });
    return [run.code, text(run.stdout)];
  };
  const rule = 'keys."app".encrypt.certificates names DNS:app.example.org';
  assert.deepEqual(await explain("DNS:app.example.org"), [0, `yes: ${home.policy}:2: ${rule}\n`]);
  assert.deepEqual(await explain("DNS:other.example.org"), [
    77,
    `no: nothing in ${home.policy} names DNS:other.example.org for it; ` +
    "line 2 names certificate DNS:app.example.org\n",
  ]);
  Deno.removeSync(home.policy);
  const config = home.policy.replace("policy.toml", "crypto.toml");
  Deno.writeTextFileSync(config, '[network]\nclients = ["DNS:other.example.org"]\n');
  const usual = `certificates that clients in ${config} names may use every key, and manage none\n`;
  assert.deepEqual(await explain("DNS:other.example.org"), [0, `yes: ${usual}`]);
  assert.deepEqual(await explain("DNS:app.example.org"), [77, `no: ${usual}`]);
});

Deno.test("explain refuses what it does not know, and a policy with mistakes", async () => {
  using home = new Home("[keys.'*']\nencrypt.users = ['root']\n");
  const { env } = home;
  await fails("usage", ["policy", "explain", "no-such-user", "a", "encrypt"], { env });
  await fails("usage", ["policy", "explain", "root", "a", "export"], { env });
  for (const key of ["app-*", "APP", ""]) {
    await fails("usage", ["policy", "explain", "root", key, "encrypt"], { env });
  }
  Deno.writeTextFileSync(home.policy, "[keys.'*']\nencrypt.users = []\n");
  const { stderr } = await fails("config", ["policy", "explain", "root", "a", "encrypt"], { env });
  assert.ok(stderr.includes(`${home.policy}:2: `), stderr);
});

Deno.test("a quota that is used up ends a command with 75, and says when to come back", async () => {
  using place = new Place();
  place.makeOwn();
  const policy = "[quotas.default]\nrequests_per_day = 1\n";
  Deno.writeTextFileSync(`${place.config}/policy.toml`, policy, { mode: 0o644 });
  await using daemon = await startDaemon({ place });
  await succeeds(["encrypt"], { stdin: "longer", env: daemon.env });
  const { stderr } = await fails("quota_exceeded", ["encrypt"], { stdin: "x", env: daemon.env });
  assert.match(stderr, /hint: requests_per_day is used up: come back in \d+ s\n$/);
});

await linuxTest(
  "on a system with the service, the file and the rule are its own",
  ["mounts"],
  async () => {
    using place = new SystemPlace();
    Deno.writeTextFileSync(
      `${place.directory}/root/etc/passwd`,
      "alice:x:61011:61011::/:/bin/false\nbob:x:61012:61012::/:/bin/false\n",
      { append: true },
    );
    const group = `${place.directory}/root/etc/group`;
    Deno.writeTextFileSync(
      group,
      Deno.readTextFileSync(group).replace(/^(crypto-service:.*)$/m, "$1alice"),
    );
    const explain = async (user: string) => {
      const args = ["policy", "explain", user, "default", "encrypt"];
      const run = await crypto(args, { wrapper: place.wrapper, env: place.env });
      return [run.code, text(run.stdout).slice(0, 40)];
    };
    const usual = "root and the daemon's user may do all, m";
    assert.deepEqual(await explain("alice"), [0, `yes: ${usual}`.slice(0, 40)]);
    assert.deepEqual(await explain("bob"), [77, `no: ${usual}`.slice(0, 40)]);
    Deno.writeTextFileSync(
      `${place.config}/policy.toml`,
      "[keys.default]\nencrypt.users = ['bob']\n",
      { mode: 0o644 },
    );
    assert.deepEqual(await explain("bob"), [0, 'yes: /etc/crypto/policy.toml:2: keys."de']);
    assert.equal((await explain("alice"))[0], 77);
  },
);

await linuxTest(
  "explain says no of a user whom the policy names and the socket does not let in",
  ["setpriv", "mounts"],
  async () => {
    using place = new SystemPlace();
    Deno.writeTextFileSync(
      `${place.directory}/root/etc/passwd`,
      "bob:x:61012:61012::/:/bin/false\n",
      { append: true },
    );
    const policy = "[keys.default]\nencrypt.users = ['bob', 'root']\n";
    Deno.writeTextFileSync(`${place.config}/policy.toml`, policy, { mode: 0o644 });
    await using _daemon = await startSystemDaemon(place);
    const explain = async (user: string) => {
      const args = ["policy", "explain", user, "default", "encrypt"];
      const run = await crypto(args, { wrapper: place.wrapper, env: place.env });
      return [run.code, text(run.stdout)];
    };
    const rule = '/etc/crypto/policy.toml:2: keys."default".encrypt.users names';
    const shut = "but the modes of /run/crypto/crypto.sock do not let them connect";
    assert.deepEqual(await explain("bob"), [77, `no: ${rule} bob, ${shut}\n`]);
    assert.deepEqual(await explain("root"), [0, `yes: ${rule} root\n`]);
    place.openToAll();
    assert.deepEqual(await explain("bob"), [0, `yes: ${rule} bob\n`]);
  },
);
