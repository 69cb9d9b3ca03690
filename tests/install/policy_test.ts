/** A policy on an installed service: what it changes, and what install and uninstall do with it. */
import assert from "node:assert/strict";
import { ERRORS } from "../../core/errors.ts";
import { BootedSystem } from "../support/booted.ts";
import { asUser } from "../support/daemon.ts";
import { linuxTest } from "../support/linux.ts";
import { compiledProgram } from "../support/process.ts";

const OWN = "/opt/crypto";
const INSTALLED = "/usr/local/bin/crypto";
const POLICY = "/etc/crypto/policy.toml";

await linuxTest("a policy narrows what members may, install proves it, uninstall leaves it", [
  "root",
  "systemd",
], async () => {
  await using system = await BootedSystem.boot({ "crypto": compiledProgram() });
  const write = async (policy: string) => {
    await system.must(["sh", "-euc", `umask 022; cat > ${POLICY}`], { stdin: policy });
  };
  await system.must([OWN, "install"]);
  const group = await system.sh("getent group crypto-service | cut -d: -f3");
  const as = (uid: number) => asUser({ uid, gid: uid, groups: [Number(group)] });
  const encrypt = async (uid: number) => {
    const command = [...as(uid), INSTALLED, "encrypt", "--armor"];
    return (await system.run(command, { stdin: "secret" })).code;
  };
  await write("[keys.default]\nencrypt.users = [61100]\n");
  await system.must(["systemctl", "reload", "crypto.service"]);
  assert.equal(await encrypt(61_100), 0);
  assert.equal(await encrypt(61_102), ERRORS.denied.exit);

  const again = await system.run([OWN, "install"]);
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stderr, /the policy says who may use the keys/);
  assert.equal(await encrypt(61_102), ERRORS.denied.exit);

  await write("[keys.default]\nencrypt.users = []\n");
  const broken = await system.run([OWN, "install"]);
  assert.equal(broken.code, ERRORS.config.exit, broken.stderr);
  assert.equal((await system.run([INSTALLED, "policy", "check"])).code, ERRORS.config.exit);

  const removed = await system.must([INSTALLED, "uninstall", "--json"]);
  const { notes } = JSON.parse(removed);
  assert.ok(notes.some((note: string) => note.startsWith(POLICY)), removed);
  assert.equal(await system.sh(`cat ${POLICY}`), "[keys.default]\nencrypt.users = []\n");
  await system.must([OWN, "uninstall", "--purge", "--yes"]);
  assert.equal((await system.run(["test", "-e", "/etc/crypto"])).code, 1);
});
