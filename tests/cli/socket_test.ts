/** Which socket is used, and when it is not trusted. */
import assert from "node:assert/strict";
import { asUser, startDaemon } from "../support/daemon.ts";
import { publicProgram } from "../support/process.ts";
import {
  crypto,
  exec,
  failedWith,
  fails,
  Folder,
  missing,
  NOT_ROOT,
  prints,
  PROGRAM,
  succeeds,
  testIf,
} from "./support.ts";

const daemon = await startDaemon();
Deno.test.afterAll(() => daemon[Symbol.asyncDispose]());
const { env, socket } = daemon;

/** An environment in which no daemon is to be found. */
const { XDG_RUNTIME_DIR: _, ...nowhere } = env;

Deno.test("--socket is before CRYPTO_SOCKET, and that is before the user's own", async () => {
  await using other = await startDaemon();
  await using third = await startDaemon();
  const keys = [[daemon, "own"], [other, "variable"], [third, "option"]] as const;
  for (const [{ env }, key] of keys) await succeeds(["key", "create", key], { env });
  const list = async (args: readonly string[], variable: Record<string, string>) => {
    return await prints(["key", "list", ...args], { env: { ...env, ...variable } });
  };
  const variable = { CRYPTO_SOCKET: other.socket };
  assert.match(await list([], {}), /^own /m);
  assert.match(await list([], variable), /^variable /m);
  assert.match(await list(["--socket", third.socket], variable), /^option /m);
  assert.match(await list([], { CRYPTO_SOCKET: "" }), /^own /m);
});

Deno.test("every subcommand that asks the daemon takes --socket and CRYPTO_SOCKET", async () => {
  const commands = ["status", "key list", "key create k", "key rotate k", "encrypt"];
  const variable = { env: { ...nowhere, CRYPTO_SOCKET: socket }, stdin: "x" };
  for (const command of commands) {
    await succeeds([...command.split(" "), "--socket", socket], { env: nowhere, stdin: "x" });
    if (!command.includes("create")) await succeeds(command.split(" "), variable);
  }
  const stdin = await succeeds(["encrypt"], { env, stdin: "x" });
  assert.equal(await prints(["decrypt", "--socket", socket], { env: nowhere, stdin }), "x");
});

Deno.test("a socket's path may be relative", async () => {
  const options = { env: nowhere, cwd: daemon.place.runtime };
  for (const path of ["crypto.sock", "./crypto.sock", "../crypto/crypto.sock"]) {
    await succeeds(["status", "--socket", path], options);
  }
});

Deno.test("without XDG_RUNTIME_DIR there is no default, and the hint says what to do", async () => {
  for (const args of [["status"], ["key", "list"], ["encrypt"]]) {
    const { stderr } = await fails("config", args, { env: nowhere, stdin: "x" });
    assert.ok(stderr.includes("XDG_RUNTIME_DIR") && stderr.includes("--socket"));
  }
  const relative = { ...nowhere, XDG_RUNTIME_DIR: "run" };
  await fails("config", ["status"], { env: relative, cwd: daemon.directory });
  const stdin = await succeeds(["encrypt"], { env, stdin: "x" });
  await fails("config", ["decrypt"], { env: nowhere, stdin });
});

Deno.test("where no daemon runs the hint says how to start one", async () => {
  using folder = new Folder();
  const none = folder.at("crypto.sock");
  for (const args of [["status"], ["encrypt"], ["key", "create", "x"]]) {
    const options = { env, stdin: "x" };
    const { stderr } = await fails("unavailable", [...args, "--socket", none], options);
    assert.ok(stderr.includes("crypto serve"));
  }
  const stdin = await succeeds(["encrypt"], { env, stdin: "x" });
  await fails("unavailable", ["decrypt", "--socket", none], { env, stdin });
});

Deno.test("a socket that a killed daemon left behind is an error, not a reason to try another", async () => {
  await using dead = await startDaemon();
  await dead.kill();
  assert.ok(Deno.lstatSync(dead.socket).isSocket);
  const { stderr } = await fails("unavailable", ["status", "--socket", dead.socket], { env });
  assert.ok(stderr.includes("crypto serve"));
  await fails("unavailable", ["status"], { env: { ...env, CRYPTO_SOCKET: dead.socket } });
});

Deno.test("what is no socket is not connected to", async () => {
  using folder = new Folder();
  const file = folder.write("file", "x");
  Deno.mkdirSync(folder.at("d"));
  for (const path of [file, folder.at("d")]) {
    await fails("unsafe_path", ["status", "--socket", path], { env });
  }
  await fails("unavailable", ["status", "--socket", `${file}/crypto.sock`], { env });
});

Deno.test("a socket in a directory that others can write is refused", async () => {
  await using exposed = await startDaemon();
  const status = () => crypto(["status"], { env: exposed.env });
  assert.equal((await status()).code, 0);
  const directories = [exposed.place.runtime, `${exposed.directory}/run`, exposed.directory];
  for (const directory of directories) {
    for (const mode of [0o777, 0o770, 0o703]) {
      Deno.chmodSync(directory, mode);
      failedWith("unsafe_path", await status(), `${directory} ${mode.toString(8)}`);
    }
    Deno.chmodSync(directory, 0o700);
  }
  // A sticky directory does for what is above it, not for the socket itself.
  Deno.chmodSync(exposed.directory, 0o1777);
  assert.equal((await status()).code, 0);
  Deno.chmodSync(exposed.directory, 0o700);
  Deno.chmodSync(exposed.place.runtime, 0o1777);
  failedWith("unsafe_path", await status());
});

Deno.test("a link to a socket that others could replace is refused", async () => {
  await using exposed = await startDaemon();
  using folder = new Folder();
  const link = folder.at("link");
  Deno.symlinkSync(exposed.place.runtime, link);
  await succeeds(["status", "--socket", `${link}/crypto.sock`], { env });
  Deno.chmodSync(exposed.place.runtime, 0o777);
  await fails("unsafe_path", ["status", "--socket", `${link}/crypto.sock`], { env });
});

testIf(NOT_ROOT, "a socket or a directory of another user is refused", async () => {
  await using foreign = await startDaemon({ user: { uid: 60_125, gid: 60_125 } });
  const status = ["status", "--socket", foreign.socket];
  failedWith("unsafe_path", await crypto(status, { env }));
  const user = asUser({ uid: 60_125, gid: 60_125 });
  await succeedsAs(user, status);
  // Its own socket in a directory of root's that others may enter is fine; the reverse is not.
  using folder = new Folder();
  Deno.chmodSync(folder.path, 0o755);
  Deno.chownSync(folder.path, 60_126, 60_126);
  const below = await exec([...user, publicProgram(PROGRAM), "status", "--socket", folder.at("s")]);
  failedWith("unavailable", below);
});

async function succeedsAs(user: readonly string[], args: readonly string[]): Promise<void> {
  const run = await exec([...user, publicProgram(PROGRAM), ...args]);
  assert.deepEqual([run.code, run.stderr], [0, ""]);
}

const NO_NAMESPACE = NOT_ROOT ?? missing("unshare", "mount");

testIf(NO_NAMESPACE, "where the system has a daemon its socket is used, dead or not", async () => {
  using folder = new Folder();
  const line = `cp -a /etc etc && mkdir -p etc/crypto && mount --bind etc /etc &&
    mkdir run && mount --bind run /run && exec "$0" status`;
  const options = { env, cwd: folder.path };
  const run = await exec(["unshare", "--mount", "sh", "-c", line, PROGRAM], options);
  failedWith("unavailable", run);
  assert.ok(run.stderr.includes("/run/crypto/crypto.sock"));
});
