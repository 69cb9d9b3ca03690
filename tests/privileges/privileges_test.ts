/**
 * The privilege map, tried from inside: a build of the program with a probe before it runs each
 * subcommand for real, as root where the tests are root's, and nothing forbidden may be done.
 */
import assert from "node:assert/strict";
import { ERRORS } from "../../core/errors.ts";
import { PRIVILEGES } from "../../core/privileges.ts";
import { installed } from "../cli/support.ts";
import { Place, startDaemon } from "../support/daemon.ts";
import { CLIENT, NetworkPlace } from "../support/network.ts";
import { compiledProgram, type Ended, run, type RunOptions } from "../support/process.ts";
import { linuxTest } from "../support/linux.ts";
import { startShareServer } from "../support/share.ts";
import { eventually } from "../support/wait.ts";
import { LEFT, type Trial } from "./hook.ts";
import { allRefused, nothing, probedProgram, starting, trials } from "./probe.ts";

const directory = await Deno.makeTempDir({ prefix: "ctm-" });
const probed = await probedProgram(directory);
const daemon = await startDaemon();
Deno.test.afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  stopped[Symbol.dispose]();
  for (const path of [directory, ...LEFT]) {
    await Deno.remove(path, { recursive: true }).catch(() => {});
  }
});

function probe(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return run([probed, ...args], { env: { ...daemon.env, SHELL: "/bin/sh" }, ...options });
}

async function encrypted(): Promise<string> {
  const { stdout } = await run([compiledProgram(), "encrypt", "--armor"], {
    env: daemon.env,
    stdin: "a secret",
  });
  return stdout;
}

/** A ring of its own whose daemon has stopped, for what changes a ring. */
const stopped = new Place();
await startDaemon({ place: stopped }).then((one) => one.stop());

const passphrase = `${directory}/passphrase`;
await Deno.writeTextFile(passphrase, "correct horse battery staple\n", { mode: 0o600 });
const fromFile = ["--passphrase-file", passphrase];
const underPassphrase = ["encrypt", "--armor", ...fromFile];

const backup = `${directory}/backup`;

/** A mac of the vectors, and its key. */
const MAC_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const MAC_OF_NOTHING = "crypto:mac:v1:1UX9i5SfDUSIxO3Dug-Ea7_s5r3aBMlabdsnTLGKg2SXXgecMyY1xA";

/** Subcommands that do their work and end, and what they read. */
const COMMANDS: readonly (readonly [args: readonly string[], stdin?: () => Promise<string>])[] = [
  [["encrypt", "--text", "a secret"]],
  [["encrypt"], () => Promise.resolve("a secret")],
  [underPassphrase, () => Promise.resolve("a secret")],
  [["decrypt"], encrypted],
  [["status"]],
  [["status", "--json"]],
  [["key", "list"]],
  [["key", "create", "probed"]],
  [["key", "rotate", "probed"]],
  [["key", "import", "imported", "-"], () => Promise.resolve("A".repeat(43))],
  [["key", "retire", "probed", "1"]],
  [["key", "destroy", "probed", "1", "--yes"]],
  [["key", "import", "mac", "--purpose", "mac"], () => Promise.resolve(MAC_KEY)],
  [["mac", "--quiet"], () => Promise.resolve("data")],
  [["verify-mac", MAC_OF_NOTHING], () => Promise.resolve("")],
  [["random", "--bytes", "16"]],
  [["random", "--encoding", "raw"]],
  [["unseal", ...fromFile]],
  [["policy", "check"]],
  [["policy", "explain", "root", "default", "encrypt"]],
  [["share-lambda", "--output", `${directory}/lambda`]],
  [["completion", "bash"]],
  [["share", "nginx", "--domain", "share.example.org"]],
  [["network", "nginx", "--domain", "keys.example.org"]],
];

/** Subcommands that work on a ring without its daemon, or on a system, in a worker. */
const IN_WORKERS: readonly (readonly string[])[] = [
  ["backup", backup, ...fromFile],
  ["restore", backup, "--replace", ...fromFile],
  ["reseal", "passphrase", ...fromFile],
  ["pki", "init", ...fromFile],
  ["audit", "verify"],
  ["audit", "tail"],
  ["install", "--dry-run"],
  ["uninstall", "--dry-run"],
];

for (const [args, stdin] of COMMANDS) {
  Deno.test(`crypto ${args.slice(0, 2).join(" ")} can do nothing but its work`, async () => {
    const { code, stderr } = await probe(args, { stdin: await stdin?.() });
    assert.equal(code, 0, stderr);
    const times = allRefused(stderr, nothing).map(({ when }) => when);
    assert.ok(times.length >= 2 && times.includes("exit"), times.join(", "));
  });
}

for (const args of IN_WORKERS) {
  Deno.test(`crypto ${args.slice(0, 2).join(" ")} can do nothing but its work, in its worker neither`, async () => {
    const { code, stderr } = await probe(args, { env: { ...stopped.env, SHELL: "/bin/sh" } });
    assert.equal(code, 0, stderr);
    const places = new Set(allRefused(stderr, starting).map(({ where }) => where));
    assert.equal(places.size, 2, [...places].join(", "));
    assert.ok(places.has("main"));
  });
}

Deno.test("crypto encrypt of a large file can do nothing but its work, in its worker neither", async () => {
  const large = `${directory}/large`;
  await Deno.writeFile(large, new Uint8Array(1));
  await Deno.truncate(large, 1 << 28);
  const { code, stderr } = await probe(["encrypt", large]);
  assert.equal(code, 0, stderr);
  const places = new Set(allRefused(stderr, nothing).map(({ where }) => where));
  assert.deepEqual([...places].sort(), ["crypto-lane", "main"]);
});

Deno.test("crypto rewrap can do nothing but its work, in its worker neither", async () => {
  const file = `${directory}/rewrapped`;
  await Deno.writeTextFile(file, await encrypted());
  // Libraries are what the worker needs to reach the socket, which it does before it looks at a file.
  const starting = ({ where, when }: Trial, what: string) => {
    return where === "crypto-rewrap" && when === "tells loaded" &&
      ["load a library", "make a pointer"].includes(what);
  };
  for (const args of [["rewrap", file], ["rewrap", "--fresh", file]]) {
    const { code, stderr } = await probe(args);
    assert.equal(code, 0, stderr);
    const places = new Set(allRefused(stderr, starting).map(({ where }) => where));
    assert.deepEqual([...places].sort(), ["crypto-rewrap", "main"]);
  }
});

Deno.test("a subcommand that fails has given up as much", async () => {
  const { code, stderr } = await probe(["decrypt"], { stdin: "no message" });
  assert.notEqual(code, 0);
  assert.ok(allRefused(stderr, nothing).length >= 2);
});

/** Runs a daemon with the probe inside, from its start to its end. */
async function probeDaemon(place: Place): Promise<void> {
  const child = new Deno.Command(probed, {
    args: ["serve"],
    env: { ...place.env, SHELL: "/bin/sh" },
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
  const stderr = new Response(child.stderr).text();
  await eventually("it serves", () => {
    return Deno.connect({ transport: "unix", path: place.socket }).then(
      (connection) => (connection.close(), true),
      () => false,
    );
  });
  child.kill("SIGTERM");
  const { code } = await child.status;
  clearTimeout(timer);
  assert.equal(code, 0, await stderr);
  const seen = allRefused(await stderr, starting);
  const places = new Set(seen.map(({ where }) => where));
  assert.deepEqual([...places].sort(), ["crypto-serve", "main"]);
}

Deno.test("crypto serve can do nothing but its work, in its worker neither", async () => {
  using place = new Place();
  await probeDaemon(place);
});

const withoutOpenssl = await installed("openssl");

Deno.test({
  name: "over the network neither the daemon nor who asks it can do more",
  ignore: withoutOpenssl !== undefined,
  async fn() {
    using network = await NetworkPlace.make();
    await probeDaemon(network.place);
    await using serving = await network.start();
    const identity = `${directory}/identity`;
    Deno.mkdirSync(identity, { mode: 0o700 });
    const { certificate, key } = await network.authority.issue(CLIENT);
    Deno.copyFileSync(certificate, `${identity}/cert.pem`);
    Deno.copyFileSync(key, `${identity}/key.pem`);
    Deno.copyFileSync(network.authority.certificate, `${identity}/ca.pem`);
    const by = ["--server", `tls://localhost:${serving.port}`, "--identity", identity];
    const { code, stderr } = await probe(["encrypt", ...by], { stdin: "a secret" });
    assert.equal(code, 0, stderr);
    const places = new Set(allRefused(stderr, nothing).map(({ where }) => where));
    assert.deepEqual([...places], ["main"]);
  },
});

/** Libraries are what the worker needs for the fast engine, and gives up before it asks anything. */
function startingShareClient({ where, when }: Trial, what: string): boolean {
  return where === "crypto-share-client" && when === "tells loaded" &&
    ["load a library", "make a pointer"].includes(what);
}

Deno.test("crypto share send, request, open and status can do nothing but their work", async () => {
  await using server = await startShareServer();
  const inbox = await Deno.makeTempDir({ dir: directory });
  const probeShare = async (...args: string[]) => {
    const env = { ...server.env, SHELL: "/bin/sh" };
    const { code, stdout, stderr } = await probe(["share", ...args], { env });
    assert.equal(code, 0, stderr);
    const places = new Set(allRefused(stderr, startingShareClient).map(({ where }) => where));
    assert.deepEqual([...places].sort(), ["crypto-share-client", "main"], args[0]);
    return stdout;
  };
  const sent = await probeShare("send", "--json", "--code", passphrase);
  const { link, receipt, code } = JSON.parse(sent);
  const codeFile = `${directory}/code`;
  await Deno.writeTextFile(codeFile, code);
  await probeShare("status", receipt);
  await probeShare("open", "--output", inbox, "--passphrase-file", codeFile, link);
  assert.deepEqual(Array.from(Deno.readDirSync(inbox), ({ name }) => name), ["passphrase"]);
  const asked = JSON.parse(await probeShare("request", "--json"));
  await probeShare("send", "--json", "--to", asked.link, passphrase);
  await probeShare("status", asked.ownLink);
  await probeShare("open", "--output", inbox, asked.ownLink);
  assert.equal(Array.from(Deno.readDirSync(inbox)).length, 2);
});

Deno.test("crypto share attack can do nothing but its work, in its worker neither", async () => {
  await using server = await startShareServer();
  const args = ["share", "attack", "--rounds", "1", "--attempts", "50", server.origin];
  // The server has its usual limits: the attacks end early, and the status says so.
  const { code, stderr } = await probe(args, { env: { ...server.env, SHELL: "/bin/sh" } });
  assert.equal(code, ERRORS.too_many_requests.exit, stderr);
  const places = new Set(allRefused(stderr, startingShareClient).map(({ where }) => where));
  assert.deepEqual([...places].sort(), ["crypto-share-attack", "crypto-share-client", "main"]);
});

/** Runs what serves with the probe inside, from its start to its end, and gives what was tried. */
async function probeServing(args: readonly string[], announcement: string): Promise<string> {
  const child = new Deno.Command(probed, {
    args: [...args],
    env: { ...daemon.env, SHELL: "/bin/sh", BROWSER: "/bin/true" },
    clearEnv: true,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
  let stderr = "";
  const collected = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) stderr += text;
  })();
  await eventually("it serves", () => stderr.includes(announcement));
  child.kill("SIGTERM");
  const { code } = await child.status;
  clearTimeout(timer);
  await collected;
  assert.equal(code, 0, stderr);
  return stderr;
}

/** Runs a share server on one address. */
async function probeShareServer(data: string, ...listening: string[]): Promise<void> {
  const args = ["share", "serve", "--data", data, "--listen", ...listening];
  const places = new Set(
    allRefused(await probeServing(args, "listening on "), nothing).map(({ where }) => where),
  );
  assert.deepEqual([...places].sort(), ["crypto-share", "main"]);
}

await linuxTest("crypto gui can do nothing but its work, in its workers neither", [
  "xdgOpen",
], async () => {
  const stderr = await probeServing(["gui"], "opened in the browser");
  const places = new Set(allRefused(stderr, starting).map(({ where }) => where));
  const workers = ["crypto-browser", "crypto-gui", "crypto-share-client", "main"];
  assert.deepEqual([...places].sort(), workers);
});

Deno.test("crypto share serve can do nothing but its work, in its worker neither", async () => {
  const data = await Deno.makeTempDir({ dir: directory });
  // Not port 0: that would be any, and listening anywhere else is to be refused.
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  await probeShareServer(data, `127.0.0.1:${port}`);
  const socket = `unix:${directory}/share.sock`;
  await probeShareServer(data, socket, "--origin", "https://share.example.org");
});

Deno.test("without the walls, what is tried can be done: the probe is a good one", async () => {
  const { code, stderr } = await probe(["--help"]);
  assert.equal(code, 0);
  const done = trials(stderr).flatMap(({ attempts }) => {
    return Object.entries(attempts).flatMap(([what, result]) => result === "done" ? [what] : []);
  });
  assert.ok(new Set(done).size >= 14, done.join(", "));
});

Deno.test("every subcommand of the table is tried", () => {
  const ended = [...COMMANDS.map(([args]) => args), ...IN_WORKERS];
  const names = ended.flatMap(([name, second]) => [name, `${name}-${second}`]);
  const tried = new Set([
    "gui",
    "serve",
    "rewrap",
    "share",
    "share-serve",
    "share-attack",
    "share-doctor",
    ...names,
  ]);
  for (const name of Object.keys(PRIVILEGES)) assert.ok(tried.has(name), name);
});
