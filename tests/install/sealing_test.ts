/** The rungs of a real, sandboxed service, with the real systemd-creds; and what is killed on the way. */
import assert from "node:assert/strict";
import { BootedSystem } from "../support/booted.ts";
import { linuxTest } from "../support/linux.ts";
import { compiledProgram } from "../support/process.ts";

const PROGRAM = "/usr/local/bin/crypto";
const PASSPHRASE = "/root/passphrase";
const FROM_FILE = ["--passphrase-file", PASSPHRASE];
const NEEDS = ["root", "systemd"] as const;

function resealTo(rung: string): string[] {
  const present = ["--present-passphrase-file", PASSPHRASE];
  return ["reseal", rung, ...present, ...rung === "passphrase" ? FROM_FILE : []];
}

/** An installed service, and a message that it must be able to open for ever. */
class Sealed implements AsyncDisposable {
  private constructor(readonly system: BootedSystem, readonly message: string) {}

  static async start(): Promise<Sealed> {
    const system = await BootedSystem.boot({ crypto: compiledProgram() });
    await system.must(["/opt/crypto", "install"]);
    await system.sh(
      `systemd-creds setup >/dev/null 2>&1; (umask 077; echo secret words >${PASSPHRASE})`,
    );
    return new Sealed(
      system,
      await system.must([PROGRAM, "encrypt", "--armor"], { stdin: "kept" }),
    );
  }

  async status(): Promise<{ sealing: string; sealed: boolean }> {
    return JSON.parse(await this.system.must([PROGRAM, "status", "--json"]));
  }

  /** Asserts on which rung the ring is, and that it opens. */
  async stands(rung: string): Promise<void> {
    if ((await this.status()).sealed) await this.system.must([PROGRAM, "unseal", ...FROM_FILE]);
    const { sealing, sealed } = await this.status();
    assert.deepEqual([sealing, sealed], [rung, false]);
    const { message: stdin } = this;
    assert.equal(await this.system.must([PROGRAM, "decrypt"], { stdin }), "kept");
  }

  /** Moves the ring. There is one passphrase, whatever it is needed for. */
  async reseal(rung: string): Promise<void> {
    await this.system.must([PROGRAM, ...resealTo(rung)]);
  }

  /** Sealing material that is there, with modes and owners. */
  async places(): Promise<string[]> {
    const found = await this.system.sh(
      "find /etc/crypto /etc/credstore.encrypted /var/lib/crypto -type f ! -name lock " +
        "! -name 'audit.*' ! -name usage ! -name crypto.toml ! -name install.json -printf '%p %m %u\\n' | sort",
    );
    return found.trim().split("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.system[Symbol.asyncDispose]();
  }
}

const RING = "/var/lib/crypto/ring 400 crypto-service";
const PLACES: Readonly<Record<string, string[]>> = {
  file: ["/etc/crypto/sealing.key 400 crypto-service", RING],
  credential: ["/etc/credstore.encrypted/crypto-sealing-key 400 root", RING],
  passphrase: ["/etc/crypto/sealing.crypto 400 crypto-service", RING],
};

await linuxTest(
  "a real service's ring goes up and down all rungs, and stays open",
  NEEDS,
  async () => {
    await using sealed = await Sealed.start();
    await sealed.stands("file");
    for (const rung of ["credential", "file", "passphrase", "credential", "passphrase", "file"]) {
      await sealed.reseal(rung);
      await sealed.stands(rung);
      assert.deepEqual(await sealed.places(), PLACES[rung]);
      await sealed.system.must(["systemctl", "restart", "crypto.service"]);
      await sealed.stands(rung);
    }
  },
);

await linuxTest(
  "a move that is killed anywhere leaves a ring that opens, and is completed",
  NEEDS,
  async () => {
    await using sealed = await Sealed.start();
    const moves = ["credential", "passphrase", "file"];
    for (let i = 0; i < 9; i++) {
      const rung = moves[i % moves.length]!;
      // Killed later each time round, so that every part of the way is met.
      const milliseconds = 60 + 90 * i;
      const command = [PROGRAM, ...resealTo(rung)].join(" ");
      await sealed.system.sh(
        `timeout --signal=KILL ${milliseconds / 1000} ${command} >/dev/null 2>&1 || true; ` +
          "systemctl start crypto.service",
      );
      const { sealing } = await sealed.status();
      await sealed.stands(sealing);
      await sealed.reseal(rung);
      await sealed.stands(rung);
      assert.deepEqual(await sealed.places(), PLACES[rung]);
    }
  },
);

await linuxTest(
  "a backup goes to another machine, and a wrong or damaged one changes nothing",
  NEEDS,
  async () => {
    await using sealed = await Sealed.start();
    const { system } = sealed;
    await system.must([PROGRAM, "backup", "/root/backup", ...FROM_FILE]);
    const backup = await system.sh("base64 /root/backup");
    await using other = await Sealed.start();
    await other.system.sh("base64 --decode >/root/backup; echo wrong >/root/wrong", {
      stdin: backup,
    });
    const ring = () => other.system.sh("sha256sum /var/lib/crypto/ring /etc/crypto/sealing.key");
    const before = await ring();
    const restore = [PROGRAM, "restore", "/root/backup"];
    const refusals: readonly (readonly [string[], number])[] = [
      [[...restore, ...FROM_FILE], 73],
      [[...restore, "--replace", "--passphrase-file", "/root/wrong"], 65],
      [[PROGRAM, "restore", "/root/cut", "--replace", ...FROM_FILE], 65],
    ];
    await other.system.sh("head -c -1 /root/backup >/root/cut");
    for (const [command, status] of refusals) {
      const { code, stderr } = await other.system.run(command);
      assert.equal(code, status, `${command.join(" ")}: ${stderr}`);
      assert.equal(await ring(), before);
      await other.stands("file");
    }
    await other.system.must([...restore, "--replace", ...FROM_FILE]);
    const { message: stdin } = sealed;
    assert.equal(await other.system.must([PROGRAM, "decrypt"], { stdin }), "kept");
  },
);

await linuxTest(
  "without room nothing is left of a backup, and a move or a restore changes nothing",
  NEEDS,
  async () => {
    await using sealed = await Sealed.start();
    const { system } = sealed;
    await system.must([PROGRAM, "backup", "/root/backup", ...FROM_FILE]);
    const fill = "dd if=/dev/zero of=$1/filler bs=4k 2>/dev/null || true";
    await system.sh(
      `mkdir /mnt/small; mount -t tmpfs -o size=64k tmpfs /mnt/small; set -- _ /mnt/small; ${
        fill.replace("$1", "/mnt/small")
      }`,
    );
    const failed = await system.run([PROGRAM, "backup", "/mnt/small/backup", ...FROM_FILE]);
    assert.equal(failed.code, 74, failed.stderr);
    assert.equal((await system.sh("ls -A /mnt/small")).trim(), "filler");

    // The state directory on a disk of its own that is full.
    await system.sh(
      "systemctl stop crypto.socket crypto.service; cp -a /var/lib/crypto /root/state; " +
        "mount -t tmpfs -o size=64k,mode=0700,uid=crypto-service,gid=crypto-service tmpfs /var/lib/crypto; " +
        `cp -a /root/state/. /var/lib/crypto/; ${fill.replace("$1", "/var/lib/crypto")}`,
    );
    const before = await system.sh("sha256sum /var/lib/crypto/ring /etc/crypto/sealing.key");
    for (const args of [["reseal", "passphrase"], ["restore", "/root/backup", "--replace"]]) {
      const { code, stderr } = await system.run([PROGRAM, ...args, ...FROM_FILE]);
      assert.notEqual(code, 0, stderr);
      assert.match(
        await system.sh("sha256sum /var/lib/crypto/ring /etc/crypto/sealing.key"),
        new RegExp(before.split("\n")[0]!.split(" ")[0]!),
      );
    }
    await system.sh("rm /var/lib/crypto/filler; systemctl start crypto.socket crypto.service");
    await sealed.stands("file");
  },
);
