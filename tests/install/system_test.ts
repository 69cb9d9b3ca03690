/** The service on a real systemd: installed, used, upgraded, killed, stuck, reloaded, removed. */
import assert from "node:assert/strict";
import { ERRORS } from "../../core/errors.ts";
import { BootedSystem } from "../support/booted.ts";
import { linuxTest } from "../support/linux.ts";
import { asUser } from "../support/daemon.ts";
import { compiledProgram, must, plainEnvironment } from "../support/process.ts";
import { eventually } from "../support/wait.ts";

const OWN = "/opt/crypto";
const OLDER = "/opt/crypto-older";
const INSTALLED = "/usr/local/bin/crypto";

/** A program that only calls itself older. */
async function olderProgram(): Promise<string> {
  const bytes = await Deno.readFile(compiledProgram());
  const [now, then] = ['="0.1.0"', '="0.0.9"'].map((text) => new TextEncoder().encode(text));
  const at = indexOf(bytes, now!);
  const isOnly = at >= 0 && indexOf(bytes.subarray(0, at), now!) < 0;
  if (!isOnly) throw new Error("the program does not say its version as it did");
  bytes.set(then!, at);
  const path = await Deno.makeTempFile({ prefix: "cto-" });
  await Deno.writeFile(path, bytes);
  return path;
}

/** Where some bytes are; the version stands near the end. */
function indexOf(bytes: Uint8Array, wanted: Uint8Array): number {
  for (
    let at = bytes.lastIndexOf(wanted[0]!);
    at >= 0;
    at = bytes.lastIndexOf(wanted[0]!, at - 1)
  ) {
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return -1;
}

/** A program that keeps a connection of the client library, in one file. */
async function keptConnection(): Promise<string> {
  const path = await Deno.makeTempFile({ prefix: "ctk-", suffix: ".js" });
  const source = new URL("kept.ts", import.meta.url).pathname;
  const bundle = ["bundle", "--quiet", "--platform", "deno", "--output", path, source];
  await must([Deno.execPath(), ...bundle], { env: Deno.env.toObject() });
  return path;
}

/** A system with a person in the service's group, and one outside. */
async function withSystem(use: (system: BootedSystem) => Promise<void>): Promise<void> {
  const [older, kept] = await Promise.all([olderProgram(), keptConnection()]);
  try {
    await using system = await BootedSystem.boot({
      "crypto": compiledProgram(),
      "crypto-older": older,
      "kept.js": kept,
      "deno": Deno.execPath(),
    });
    await use(system);
  } finally {
    await Promise.all([older, kept].map((path) => Deno.remove(path)));
  }
}

/** Without what systemd and its journal write for themselves, and the backups of /etc/passwd. */
const LISTING = "find /etc /usr/local /usr/lib/systemd /var /home /srv -xdev " +
  "-path /var/log/journal -prune -o -path /var/lib/systemd -prune -o -path /var/tmp -prune " +
  "-o -type d -printf '%p %y %m %u:%g\\n' -o -printf '%p %y %m %u:%g %s\\n' | " +
  "grep -vE '^/etc/((passwd|group|g?shadow)-?|sub[ug]id-?|[.]pwd[.]lock) |^/etc d' | sort";

/** Everything in the file system that lasts, with types, modes, owners, and sizes. */
async function listing(system: BootedSystem): Promise<string[]> {
  const lines = await system.sh(`${LISTING}; cat /etc/passwd /etc/group; ls /run`);
  return lines.split("\n");
}

/** What is in one list and not in the other. */
function differences(before: readonly string[], after: readonly string[]): string[] {
  const [old, now] = [new Set(before), new Set(after)];
  return [...old.symmetricDifference(now)];
}

/** As somebody in the service's group. */
async function member(system: BootedSystem): Promise<string[]> {
  const gid = Number((await system.sh("getent group crypto-service")).split(":")[2]);
  return asUser({ uid: 61_100, gid: 61_100, groups: [gid] });
}

/** The heads in the journal are those of the log, and tell of a cut. */
async function verifies(system: BootedSystem): Promise<void> {
  await system.must(["systemctl", "stop", "crypto.socket", "crypto.service"]);
  await system.must(["journalctl", "--sync"]);
  const whole = await system.must([INSTALLED, "audit", "verify"]);
  const [, agreed, all] = /^heads +(\d+) of (\d+) in the journal agree$/m.exec(whole) ?? [];
  assert.ok(Number(agreed) >= 2 && agreed === all, whole);
  await system.must(["truncate", "--size=-10", "/var/lib/crypto/audit.log"]);
  const { code, stdout } = await system.run([INSTALLED, "audit", "verify"]);
  assert.equal(code, ERRORS.log_broken.exit, stdout);
  assert.match(stdout, /the end: the head of line \d+ was published/);
  await system.must(["systemctl", "start", "crypto.socket"]);
}

const stranger = asUser({ uid: 61_101, gid: 61_101 });

await linuxTest("installed, used by a member, refused to a stranger, removed without a trace", [
  "root",
  "systemd",
], () =>
  withSystem(async (system) => {
    const before = await listing(system);
    await system.must([OWN, "install"]);
    const who = await member(system);
    const sealed = await system.must([...who, INSTALLED, "encrypt", "--armor"], {
      stdin: "secret",
    });
    assert.equal(await system.must([...who, INSTALLED, "decrypt"], { stdin: sealed }), "secret");
    const refused = await system.run([...stranger, INSTALLED, "decrypt"], { stdin: sealed });
    assert.deepEqual([refused.stdout, refused.code === 0], ["", false]);

    const files =
      "find /etc/crypto /var/lib/crypto /usr/local/bin/crypto /etc/systemd/system -type f -exec sha256sum {} +";
    const installed = await system.sh(`${files} | grep -v audit.log`);
    const pid = await system.property("crypto.service", "MainPID");
    const again = await system.must([OWN, "install", "--json"]);
    assert.equal(JSON.parse(again).goal, "nothing");
    assert.equal(await system.sh(`${files} | grep -v audit.log`), installed);
    assert.equal(await system.property("crypto.service", "MainPID"), pid);

    await verifies(system);
    await system.must([INSTALLED, "uninstall"]);
    assert.equal((await system.run([...who, OWN, "decrypt"], { stdin: sealed })).stdout, "");
    await system.must([OWN, "install"]);
    assert.equal(await system.must([...who, INSTALLED, "decrypt"], { stdin: sealed }), "secret");
    await system.must([INSTALLED, "uninstall", "--purge", "--yes"]);
    assert.deepEqual(differences(before, await listing(system)), []);
  }));

await linuxTest("a killed daemon comes back, a stuck one is ended, a reload keeps it", [
  "root",
  "systemd",
], () =>
  withSystem(async (system) => {
    await system.must([OWN, "install"]);
    const who = await member(system);
    const encrypt = () => system.must([...who, INSTALLED, "encrypt"], { stdin: "x" });
    const first = await system.property("crypto.service", "MainPID");
    await system.must(["systemctl", "reload", "crypto.service"]);
    assert.equal(await system.property("crypto.service", "MainPID"), first);
    await encrypt();

    await system.sh(`kill -KILL ${first}`);
    await encrypt();
    const second = await system.changed("crypto.service", "MainPID", first);

    await system.sh(
      "mkdir -p /run/systemd/system/crypto.service.d; " +
        "printf '[Service]\\nWatchdogSec=2\\n' >/run/systemd/system/crypto.service.d/soon.conf; " +
        "systemctl daemon-reload; systemctl restart crypto.service",
    );
    const third = await system.changed("crypto.service", "MainPID", second);
    await system.sh(`kill -STOP ${third}`);
    await encrypt();
    await system.changed("crypto.service", "MainPID", third);
    const log = await system.must(["journalctl", "--no-pager", "--unit=crypto.service"]);
    assert.match(log, /Watchdog timeout/);
    const names = await system.sh("ls -1 /proc/self/ns");
    assert.ok(names.includes("user"));
    const now = await system.property("crypto.service", "MainPID");
    assert.equal(
      await system.sh(`readlink /proc/${now}/ns/user`),
      await system.sh("readlink /proc/1/ns/user"),
    );
    assert.notEqual(
      await system.sh(`readlink /proc/${now}/ns/net`),
      await system.sh("readlink /proc/1/ns/net"),
    );
  }));

await linuxTest(
  "killed whenever, the next installation finishes and a purge leaves nothing",
  ["root", "systemd"],
  () =>
    withSystem(async (system) => {
      const before = await listing(system);
      for (const seconds of [0.2, 0.5, 0.8]) {
        for (const end of ["install", "uninstall"]) {
          const killed = ["timeout", "--foreground", "--signal=KILL", `${seconds}`, OWN, "install"];
          await system.run(killed);
          // A program of the system that it had started is not killed, and goes on to its end.
          await system.sh(
            "while pgrep -x 'systemctl|systemd-sysuser' >/dev/null; do sleep 0.01; done",
          );
          if (end === "install") await system.must([OWN, "install"]);
          await system.must([OWN, "uninstall", "--purge", "--yes"]);
          const left = differences(before, await listing(system));
          assert.deepEqual(left, [], `killed after ${seconds} s, then ${end}`);
        }
      }
    }),
);

await linuxTest(
  "purging asks at the terminal first, and anything but the words keeps the keys",
  ["root", "systemd", "script"],
  () =>
    withSystem(async (system) => {
      await system.must([OWN, "install"]);
      const purge = async (typed: string) => {
        const command = ["script", "--quiet", "--return", "--command", `${OWN} uninstall --purge`];
        return await system.run([...command, "/dev/null"], { stdin: typed });
      };
      assert.equal((await system.run([OWN, "uninstall", "--purge"])).code, 64);
      assert.equal((await purge("\nyes\n")).code, 64);
      await system.must(["test", "-e", "/var/lib/crypto/ring"]);
      await system.must(["systemctl", "is-active", "crypto.service"]);
      const { code, stdout } = await purge("\nremove the keys\n");
      assert.equal(code, 0, stdout);
      assert.notEqual((await system.run(["test", "-e", "/var/lib/crypto"])).code, 0);
    }),
);

/** A shell's loop of `crypto encrypt | crypto decrypt`, which counts into a file. */
const LOOP = `as="$1"; i=0
until [ -e /run/enough ]; do
  echo $i | $as ${OLDER} encrypt --armor | $as ${OLDER} decrypt >/run/loop.out || { echo failed; exit 1; }
  [ "$(cat /run/loop.out)" = $i ] || { echo wrong; exit 1; }
  i=$((i + 1)); echo $i >/run/loop.count
done
echo $i`;

await linuxTest(
  "an upgrade under load loses no request and no key, by command and over a kept connection",
  ["root", "systemd"],
  () =>
    withSystem(async (system) => {
      await system.must([OLDER, "install"]);
      assert.match(await system.must([INSTALLED, "--version"]), /0\.0\.9/);
      const who = await member(system);
      const sealed = await system.must([...who, INSTALLED, "encrypt", "--armor"], {
        stdin: "kept",
      });
      await system.sh(
        "for load in loop kept; do echo 0 >/run/$load.count; done; chmod 666 /run/*.count",
      );
      const options = { patience: 60_000 };
      const shell = ["bash", "-o", "pipefail", "-euc", LOOP, "bash", who.join(" ")];
      const deno = ["env", "DENO_DIR=/proc/nowhere", "/opt/deno", "run", "--quiet", "--allow-all"];
      const kept = [...deno, "--no-config", "--no-lock", "/opt/kept.js"];
      const loads = [
        system.run(shell, options),
        system.run([...who, ...kept, "/run/enough", "/run/kept.count"], options),
      ];
      await progress(system, 1);
      const pid = await system.property("crypto.service", "MainPID");
      const upgraded = await system.must([OWN, "install", "--json"]);
      assert.equal(JSON.parse(upgraded).goal, "upgrade");
      assert.notEqual(await system.property("crypto.service", "MainPID"), pid);
      await progress(system, 3);
      await system.sh("touch /run/enough");
      for (const { code, stdout, stderr } of await Promise.all(loads)) {
        assert.deepEqual([code, Number(stdout) > 0], [0, true], stdout + stderr);
      }
      assert.match(await system.must([INSTALLED, "--version"]), /0\.1\.0/);
      assert.equal(await system.must([...who, INSTALLED, "decrypt"], { stdin: sealed }), "kept");
      assert.ok(!(await system.sh("ls -A /usr/local/bin")).includes(".crypto"));
    }),
);

/** Waits until both loads have done some more. */
async function progress(system: BootedSystem, more: number): Promise<void> {
  const count = async (load: string) => Number(await system.sh(`cat /run/${load}.count`));
  const loads = ["loop", "kept"];
  const targets = await Promise.all(loads.map(async (load) => await count(load) + more));
  await eventually("both loads go on", async () => {
    const counts = await Promise.all(loads.map(count));
    return counts.every((now, i) => now >= targets[i]!);
  });
}

await linuxTest(
  "an encrypted credential reaches the service where there is one",
  ["root", "systemd"],
  () =>
    withSystem(async (system) => {
      await system.must([OWN, "install"]);
      const credential = "/run/credentials/crypto.service/crypto-sealing-key";
      assert.notEqual((await system.run(["test", "-e", credential])).code, 0);
      await system.sh(
        "mkdir -p /etc/credstore.encrypted; systemd-creds setup >/dev/null 2>&1; " +
          "systemd-creds encrypt --name=crypto-sealing-key /etc/crypto/sealing.key " +
          "/etc/credstore.encrypted/crypto-sealing-key 2>&1; systemctl restart crypto.service",
      );
      const key = await system.sh("od -An -tx1 /etc/crypto/sealing.key");
      assert.equal(await system.sh(`od -An -tx1 ${credential}`), key);
      await system.must([OWN, "install"]);
      await system.must([OWN, "uninstall", "--purge", "--yes"]);
      const left = await system.run(["test", "-e", "/etc/credstore.encrypted/crypto-sealing-key"]);
      assert.notEqual(left.code, 0);
    }),
);

await linuxTest("an upgrade that does not prove itself is taken back, and the old one serves on", [
  "root",
  "systemd",
], () =>
  withSystem(async (system) => {
    await system.must([OWN, "install"]);
    const who = await member(system);
    const broken = "/opt/broken";
    // A daemon that a drop-in of the administrator's keeps from its keys.
    await system.sh(
      `cp ${OLDER} ${broken}; mkdir -p /etc/systemd/system/crypto.service.d; ` +
        'printf \'[Service]\\nExecStartPre=/bin/sh -c "! cmp -s /usr/local/bin/crypto /opt/broken"\\n' +
        "ExecPaths=/usr/bin /bin\\n' >/etc/systemd/system/crypto.service.d/test.conf; systemctl daemon-reload",
    );
    const before = await system.sh("sha256sum /usr/local/bin/crypto /etc/crypto/install.json");
    const failed = await system.run([broken, "install"], { patience: 60_000 });
    assert.equal(failed.code, 71, failed.stderr);
    assert.equal(
      await system.sh("sha256sum /usr/local/bin/crypto /etc/crypto/install.json"),
      before,
    );
    await system.must([...who, INSTALLED, "encrypt"], { stdin: "x", env: plainEnvironment() });
  }));

await linuxTest(
  "a first installation that does not prove itself leaves nothing, and the next works",
  [
    "root",
    "systemd",
  ],
  () =>
    withSystem(async (system) => {
      const dropIn = "/etc/systemd/system/crypto.socket.d";
      await system.sh(
        `mkdir -p ${dropIn}; printf '[Socket]\\nSocketMode=0600\\n' >${dropIn}/test.conf`,
      );
      const before = await listing(system);
      const failed = await system.run([OWN, "install"], { patience: 60_000 });
      assert.equal(failed.code, 70, failed.stderr);
      assert.ok(!failed.stderr.includes("NOT undone"), failed.stderr);
      assert.deepEqual(differences(before, await listing(system)), []);
      await system.sh(`rm -r ${dropIn}; systemctl daemon-reload`);
      await system.must([OWN, "install"]);
    }),
);

await linuxTest(
  "a service that has no connection free is installed over, and it says what was not tried",
  [
    "root",
    "systemd",
  ],
  () =>
    withSystem(async (system) => {
      await system.must([OWN, "install"]);
      await system.sh(
        "printf '[limits]\\nconnections = 1\\n' >/etc/crypto/crypto.toml; " +
          "systemctl restart crypto.service; echo 0 >/run/kept.count; chmod 666 /run/kept.count",
      );
      const deno = ["env", "DENO_DIR=/proc/nowhere", "/opt/deno", "run", "--quiet", "--allow-all"];
      const kept = [...deno, "--no-config", "--no-lock", "/opt/kept.js"];
      const held = system.run(
        [...await member(system), ...kept, "/run/enough", "/run/kept.count"],
        { patience: 60_000 },
      );
      await eventually("the connection is taken", async () => {
        return Number(await system.sh("cat /run/kept.count")) > 0;
      });
      const { code, stderr } = await system.run([OWN, "install"], { patience: 60_000 });
      await system.sh("touch /run/enough");
      assert.equal((await held).code, 0);
      assert.equal(code, 0, stderr);
      assert.match(stderr, /was not tried/);
    }),
);
