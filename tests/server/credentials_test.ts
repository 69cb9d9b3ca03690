/** Credentials for units: the compiled daemon, asked as systemd asks. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { utf8 } from "../../core/bytes.ts";
import { MAX_SECRET, readAddress } from "../../server/credentials.ts";
import { succeeds } from "../cli/support.ts";
import { failsWith } from "../core/support.ts";
import { activate, socketOf } from "../support/activation.ts";
import { DaemonProcess, type LogLine, Place, rpc } from "../support/daemon.ts";
import { linuxTest } from "../support/linux.ts";
import { must } from "../support/process.ts";
import { eventually, soon } from "../support/wait.ts";

Deno.test("an address is read as systemd writes it, and no other way", () => {
  const wanted = readAddress(utf8("\0f3a5cf2b05b7d1a6/unit/app@1.service/db-password"));
  assert.deepEqual(wanted, { unit: "app@1.service", credential: "db-password" });
  const wrong = [
    "",
    "\0",
    "/run/app/unit/app.service/x",
    "\0f3/unit/app.service",
    "\0f3/unit/app.service/",
    "\0f3/unit//x",
    "\0f3/unit/app.service/x/y",
    "\0f3/unit/app.service/x\0",
    "\0f3/unit/app.service/x\x81",
    "\0f3/unit/\x1b[2J.service/x",
    "\0f3/units/app.service/x",
    "\0/unit/app.service/x",
    "\0F3/unit/app.service/x",
    "\0f3f3f3f3f3f3f3f3f/unit/app.service/x",
    "x\0f3/unit/app.service/x",
  ];
  for (const name of wrong) failsWith("denied", () => readAddress(utf8(name)), name);
});

const CONFIG = `[credentials]
db-password = ["app.service", "worker@1.service"]
other = ["other.service"]
`;

/** A daemon with both sockets handed over, and messages for credentials. */
class Server implements AsyncDisposable {
  readonly place: Place = new Place();
  readonly socket: string = `${this.place.directory}/credentials.sock`;
  #daemon!: DaemonProcess;

  static async start(): Promise<Server> {
    const server = new Server();
    const { place } = server;
    place.makeOwn();
    Deno.mkdirSync(`${place.config}/credentials`);
    Deno.writeTextFileSync(`${place.config}/crypto.toml`, CONFIG);
    const requests = activate(socketOf(place), place.env, "--listen", server.socket);
    server.#daemon = new DaemonProcess({ place, wrapper: requests });
    await eventually("the sockets are there", () => {
      return server.#daemon.stderr.split("Listening on").length === 3;
    });
    await rpc(socketOf(place), "status");
    return server;
  }

  /** Encrypts a secret for a name, as an administrator does. */
  async put(name: string, stdin: string, ...args: readonly string[]): Promise<void> {
    const output = `${this.place.config}/credentials/${name}.crypto`;
    const context = args.includes("--context") ? [] : ["--context", `credential/${name}`];
    const given = ["--socket", socketOf(this.place), "--quiet", "--force", "--output", output];
    await succeeds(["encrypt", ...context, ...args, ...given], { env: this.place.env, stdin });
  }

  /** What somebody gets who asks from an address. */
  async ask(address: string, user = 0): Promise<{ length: number; text: string | null }> {
    const script = fileURLToPath(new URL("../support/credential.py", import.meta.url));
    return JSON.parse(await must(["python3", script, this.socket, address, `${user}`]));
  }

  /** As systemd asks. */
  get(unit: string, credential: string) {
    return this.ask(`f3a5/unit/${unit}/${credential}`);
  }

  /** The log's lines about credentials. */
  log(): LogLine[] {
    return this.place.log().filter(({ op }) => op === "credential");
  }

  stop(): Promise<unknown> {
    return this.#daemon.stop();
  }

  reload(): Promise<void> {
    const said = this.#daemon.stderr.split("reloaded").length;
    this.#daemon.signal("SIGHUP");
    return eventually("it is reloaded", () => this.#daemon.stderr.split("reloaded").length > said);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#daemon[Symbol.asyncDispose]();
    this.place[Symbol.dispose]();
  }
}

/** What is sent where a unit is not to start: more than systemd takes. */
const REFUSAL = { length: 2_097_152, text: null };
const NEEDS = ["root", "python3", "activation"] as const;

await linuxTest(
  "a unit that may have it gets the secret, whatever its message is",
  NEEDS,
  async () => {
    await using server = await Server.start();
    await server.put("db-password", "streamed");
    assert.equal((await server.get("app.service", "db-password")).text, "streamed");
    await server.put("db-password", "armored", "--armor");
    assert.equal((await server.get("worker@1.service", "db-password")).text, "armored");
    await server.put("db-password", "x".repeat(MAX_SECRET));
    assert.equal((await server.get("app.service", "db-password")).length, MAX_SECRET);
    const told = server.log().map(({ time: _, pid: __, seq: ___, prev: ____, ...line }) => line);
    const line = {
      uid: 0,
      gid: 0,
      groups: [],
      op: "credential",
      credential: "db-password",
      key: "default",
    };
    assert.deepEqual(told, [
      { ...line, unit: "app.service", version: 1, bytes: 8 },
      { ...line, unit: "worker@1.service", version: 1, bytes: 7 },
      { ...line, unit: "app.service", version: 1, bytes: MAX_SECRET },
    ]);
    assert.ok(!Deno.readTextFileSync(server.place.auditLog).includes("streamed"));
  },
);

await linuxTest("a direct message will do, too", NEEDS, async () => {
  await using server = await Server.start();
  const params = { text: "direct", context: "credential/db-password" };
  const { result } = await rpc(socketOf(server.place), "encrypt", params);
  const path = `${server.place.config}/credentials/db-password.crypto`;
  Deno.writeTextFileSync(path, `${result?.message}\n`);
  assert.equal((await server.get("app.service", "db-password")).text, "direct");
});

await linuxTest(
  "whatever is wrong, the unit does not start, and the log says why",
  NEEDS,
  async () => {
    await using server = await Server.start();
    await server.put("db-password", "secret");
    await server.put("unlisted", "secret");
    const refused = async (unit: string, credential: string) => {
      assert.deepEqual(await server.get(unit, credential), REFUSAL, `${unit} ${credential}`);
      return server.log().at(-1)!.error;
    };
    assert.equal(await refused("other.service", "db-password"), "denied");
    assert.equal(await refused("worker@2.service", "db-password"), "denied");
    assert.equal(await refused("app.service", "unlisted"), "denied");
    assert.equal(await refused("app.service", "__proto__"), "denied");
    assert.equal(await refused("other.service", "other"), "io");
    await server.put("other", "secret", "--context", "credential/db-password");
    assert.equal(await refused("other.service", "other"), "decryption_failed");
    await server.put("other", "x".repeat(MAX_SECRET + 1));
    assert.equal(await refused("other.service", "other"), "too_large");
    const path = `${server.place.config}/credentials/other.crypto`;
    Deno.writeTextFileSync(path, "not encrypted");
    assert.equal(await refused("other.service", "other"), "malformed");
    Deno.removeSync(path);
    Deno.symlinkSync(`${server.place.config}/credentials/db-password.crypto`, path);
    assert.equal(await refused("other.service", "other"), "unsafe_path");
    assert.deepEqual(await server.ask(""), REFUSAL);
    assert.deepEqual(await server.ask("app.service"), REFUSAL);
    assert.equal(server.log().at(-1)!.error, "denied");
    assert.equal(server.log().at(-1)!.unit, undefined);
  },
);

await linuxTest(
  "of root's processes alone the address says anything",
  NEEDS,
  async () => {
    await using server = await Server.start();
    await server.put("db-password", "secret");
    Deno.chmodSync(server.place.directory, 0o755);
    Deno.chmodSync(server.socket, 0o666);
    const forged = await server.ask("f3a5/unit/app.service/db-password", 61_005);
    assert.deepEqual(forged, { length: 0, text: "" });
    const { uid, error, unit } = server.log().at(-1)!;
    assert.deepEqual([uid, error, unit], [61_005, "denied", undefined]);
  },
);

await linuxTest("a daemon that is stopped still sends all of a refusal", NEEDS, async () => {
  await using server = await Server.start();
  using peer = await Deno.connect({ transport: "unix", path: server.socket });
  await eventually("it is in the log", () => server.log().length === 1);
  // Of what it is sent, the kernel has as much as it takes; the daemon holds the rest.
  const stopped = server.stop();
  const answer = await soon("the whole answer", new Response(peer.readable).bytes());
  assert.equal(answer.length, REFUSAL.length);
  await stopped;
});

await linuxTest("who may have what is read again with the configuration", NEEDS, async () => {
  await using server = await Server.start();
  await server.put("db-password", "secret");
  Deno.writeTextFileSync(`${server.place.config}/crypto.toml`, "[credentials]\n");
  assert.equal((await server.get("app.service", "db-password")).text, "secret");
  await server.reload();
  assert.deepEqual(await server.get("app.service", "db-password"), REFUSAL);
  Deno.writeTextFileSync(`${server.place.config}/crypto.toml`, "[credentials]\nx = 5\n");
  await server.reload();
  assert.deepEqual(await server.get("app.service", "db-password"), REFUSAL);
});

await linuxTest("no secret leaves without its line in the log", NEEDS, async () => {
  await using server = await Server.start();
  await server.put("db-password", "secret");
  Deno.removeSync(server.place.auditLog);
  await must(["mknod", "--mode=600", server.place.auditLog, "c", "1", "7"]);
  await server.reload();
  assert.deepEqual(await server.get("app.service", "db-password"), REFUSAL);
});
