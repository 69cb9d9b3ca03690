/** `crypto unseal`, `reseal`, `backup` and `restore`. */
import assert from "node:assert/strict";
import { ERRORS } from "../../core/errors.ts";
import { DaemonProcess, Place, startDaemon } from "../support/daemon.ts";
import { eventually } from "../support/wait.ts";
import { crypto, failedWith, fails, Folder, prints, succeeds, text } from "./support.ts";

const PASSPHRASE = "correct horse";

/** Runs an admin command, which says what it did on standard error. */
async function admin(args: readonly string[], env: Readonly<Record<string, string>>) {
  const { code, stderr } = await crypto(args, { env });
  assert.equal(code, 0, stderr);
  return stderr;
}

Deno.test("a ring under a passphrase: sealed at start, opened by unseal, moved back", async () => {
  using place = new Place();
  using folder = new Folder();
  const [good, bad] = [folder.write("good", PASSPHRASE), folder.write("bad", "wrong")];
  const { env } = place;
  let message = "";
  {
    await using daemon = await startDaemon({ place });
    message = await prints(["encrypt", "--armor"], { env, stdin: "kept" });
    await fails("already_running", ["reseal", "passphrase", "--passphrase-file", good], { env });
    assert.match(await prints(["unseal"], { env }), /not sealed/);
    await daemon.stop();
  }
  await admin(["reseal", "passphrase", "--passphrase-file", good], env);
  assert.equal((Deno.statSync(`${place.config}/sealing.crypto`).mode ?? 0) & 0o777, 0o400);
  assert.deepEqual([...Deno.readDirSync(place.config)].map(({ name }) => name), ["sealing.crypto"]);
  {
    await using daemon = await new DaemonProcess({ place }).ready();
    await fails("sealed", ["decrypt"], { env, stdin: message });
    await fails("sealed", ["key", "list"], { env });
    const status = JSON.parse(await prints(["status", "--json"], { env }));
    assert.deepEqual([status.sealing, status.sealed, status.keys], ["passphrase", true, 0]);
    failedWith("sealed", await crypto(["status", "--check"], { env }));
    await fails("decryption_failed", ["unseal", "--passphrase-file", bad], { env });
    await fails("sealed", ["decrypt"], { env, stdin: message });
    assert.equal(await prints(["unseal", "--passphrase-file", good], { env }), "unsealed\n");
    assert.equal(text(await succeeds(["decrypt"], { env, stdin: message })), "kept");
    const log = Deno.readTextFileSync(place.auditLog);
    await eventually("the log has it", () => log.includes('"unseal"'));
    assert.ok(!log.includes("sealingKey"));
    await daemon.stop();
  }
  await fails("decryption_failed", ["reseal", "file", "--present-passphrase-file", bad], { env });
  await fails("usage", ["reseal", "file", "--passphrase-file", good], { env });
  // What was moved already asks for nothing when it is the same, and for the present one when not.
  await admin(["reseal", "passphrase", "--passphrase-file", good], env);
  const unasked = await crypto(["reseal", "passphrase", "--passphrase-file", bad], { env });
  assert.equal(unasked.code, ERRORS.no_passphrase.exit, unasked.stderr);
  const changed = ["reseal", "passphrase", "--passphrase-file", bad];
  await admin([...changed, "--present-passphrase-file", good], env);
  const back = ["reseal", "passphrase", "--passphrase-file", good];
  await admin([...back, "--present-passphrase-file", bad], env);
  await admin(["reseal", "file", "--present-passphrase-file", good], env);
  await using daemon = await startDaemon({ place });
  assert.equal(text(await succeeds(["decrypt"], { env, stdin: message })), "kept");
  await daemon.stop();
});

Deno.test("a backup of a running daemon restores elsewhere; what is wrong changes nothing", async () => {
  using place = new Place();
  using other = new Place();
  using folder = new Folder();
  const [good, bad] = [folder.write("good", PASSPHRASE), folder.write("bad", "wrong")];
  const { env } = place;
  await using daemon = await startDaemon({ place });
  const message = await prints(["encrypt", "--armor"], { env, stdin: "kept" });
  const file = folder.at("keys.backup");
  const backup = ["backup", file, "--passphrase-file", good];
  await admin(backup, env);
  assert.equal(folder.mode("keys.backup"), 0o600);
  await fails("file_exists", backup, { env });
  await admin([...backup, "--force"], env);
  assert.deepEqual(folder.names(), ["bad", "good", "keys.backup"]);
  await daemon.stop();

  const cut = folder.write("cut", folder.read("keys.backup").slice(0, -1));
  const wrong = [[file, bad], [cut, good]] as const;
  for (const [from, passphrase] of wrong) {
    const args = ["restore", from, "--passphrase-file", passphrase];
    await fails("decryption_failed", args, { env: other.env });
  }
  await fails("malformed", ["restore", bad, "--passphrase-file", good], { env: other.env });
  assert.deepEqual([...Deno.readDirSync(other.config)], []);
  const restore = ["restore", file, "--passphrase-file", good];
  await admin(restore, other.env);
  await fails("file_exists", restore, { env: other.env });
  assert.match(await admin([...restore, "--replace"], other.env), /are kept as/);
  await using restored = await startDaemon({ place: other });
  assert.equal(text(await succeeds(["decrypt"], { env: other.env, stdin: message })), "kept");
  await restored.stop();
});

Deno.test("there is no credential for a user's own daemon, and no such rung as another", async () => {
  using place = new Place();
  const { env } = place;
  await fails("config", ["reseal", "credential"], { env });
  assert.notEqual((await crypto(["reseal", "paper"], { env })).code, 0);
});

Deno.test("links and pipes in the daemon's directories lead root nowhere", async () => {
  using place = new Place();
  using folder = new Folder();
  const { env } = place;
  const good = folder.write("good", PASSPHRASE);
  await (await startDaemon({ place })).stop();
  const backup = folder.at("backup");
  await admin(["backup", backup, "--passphrase-file", good], env);
  const secret = folder.write("secret", "nobody else's");

  for (const target of [secret, "/dev/zero"]) {
    Deno.removeSync(place.ring);
    Deno.symlinkSync(target, place.ring);
    const again = ["backup", folder.at("again"), "--passphrase-file", good];
    await fails("unsafe_path", again, { env });
    await fails("unsafe_path", ["reseal", "file"], { env });
  }
  Deno.removeSync(place.ring);
  await new Deno.Command("mkfifo", { args: [place.ring] }).output();
  await fails("unsafe_path", ["reseal", "file"], { env });

  Deno.removeSync(place.ring);
  Deno.symlinkSync(secret, place.ring);
  await admin(["restore", backup, "--replace", "--passphrase-file", good], env);
  assert.equal(Deno.readTextFileSync(secret), "nobody else's");
  for (const { name } of Deno.readDirSync(place.state)) {
    const path = `${place.state}/${name}`;
    const isCopy = Deno.lstatSync(path).isFile &&
      Deno.readTextFileSync(path).includes("nobody else's");
    assert.ok(!isCopy, name);
  }

  const made = folder.at("made");
  Deno.removeSync(`${place.state}/lock`);
  Deno.symlinkSync(made, `${place.state}/lock`);
  await fails("config", ["reseal", "file"], { env });
  assert.throws(() => Deno.lstatSync(made), Deno.errors.NotFound);
});
