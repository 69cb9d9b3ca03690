/** The daemon on Windows, as far as Wine shows it. It was never run on Windows. */
import assert from "node:assert/strict";
import { sameBytes, sample, testIf } from "../cli/support.ts";
import { Authority, type Certified, SERVER } from "../support/certificates.ts";
import { codeOf, request, resultOf, type WireAnswer } from "../support/daemon.ts";
import { connectAt, fateAt, NO_NETWORK } from "../support/network.ts";
import { kill, plainEnvironment, run } from "../support/process.ts";
import { eventually, soon } from "../support/wait.ts";
import { DENO, Wine } from "./wine.ts";

/** Tests that have a part for Windows. */
const TESTS = [
  "tests/platform/access_list_test.ts",
  "tests/platform/winsock_test.ts",
  "tests/server/dpapi_test.ts",
];
/** Wine takes seconds to start, and more beside other tests. */
const SLOW = 180_000;
const [OK, UNAVAILABLE, CONFIG, USAGE] = [0, 75, 78, 64];
/** The daemon's directory as it is named there. */
const LOCAL = "C:\\users\\wine\\AppData\\Local\\crypto";

const wine = NO_NETWORK === undefined ? await Wine.make(TESTS) : { skip: NO_NETWORK };

/** A daemon's directory, its authority and a client. */
class WindowsPlace implements Disposable {
  private constructor(
    readonly directory: string,
    readonly authority: Authority,
    readonly client: Certified,
  ) {}

  static async make(): Promise<WindowsPlace> {
    const top = await Deno.makeTempDir({ prefix: "ctw-" });
    const directory = `${top}/crypto`;
    const authority = await Authority.make(`${top}/ca`, "test");
    const server = await authority.issue(SERVER);
    const client = await authority.issue({ names: "DNS:client.test", usage: "clientAuth" });
    const place = new WindowsPlace(directory, authority, client);
    await Deno.mkdir(`${directory}/config`, { recursive: true });
    for (const path of [directory, `${directory}/config`]) await Deno.chmod(path, 0o700);
    await place.#put(server.certificate, "server.crt");
    await place.#put(server.key, "server.key");
    await place.#put(authority.certificate, "ca.crt");
    await place.list();
    const files = 'certificate = "server.crt"\nkey = "server.key"\nca = "ca.crt"\n';
    const others = 'revoked = "revoked.crl"\nclients = ["DNS:client.test", "DNS:other.test"]\n';
    await Deno.writeTextFile(`${directory}/config/crypto.toml`, `[network]\n${files}${others}`);
    await Deno.chmod(`${directory}/config/crypto.toml`, 0o600);
    return place;
  }

  /** A directory as `--identity` takes it, and its path there. */
  async identity(): Promise<string> {
    const directory = `${this.directory}/identity`;
    await Deno.mkdir(directory);
    await Deno.chmod(directory, 0o700);
    const { certificate, key } = this.client;
    const files = [[certificate, "cert"], [key, "key"], [this.authority.certificate, "ca"]];
    for (const [from, name] of files) {
      await Deno.copyFile(from!, `${directory}/${name}.pem`);
      await Deno.chmod(`${directory}/${name}.pem`, 0o600);
    }
    return `${LOCAL}\\identity`;
  }

  /** Gives the daemon the authority's list as it is now. */
  async list(): Promise<void> {
    await this.#put(this.authority.revoked, "revoked.crl");
  }

  async #put(from: string, name: string): Promise<void> {
    const to = `${this.directory}/config/${name}`;
    await Deno.copyFile(from, `${to}.new`);
    await Deno.chmod(`${to}.new`, 0o600);
    await Deno.rename(`${to}.new`, to);
  }

  has(path: string): boolean {
    return [...Deno.readDirSync(this.directory + path.replace(/\/[^/]*$/, ""))]
      .some(({ name }) => path.endsWith(`/${name}`));
  }

  /** The lines of the audit log. */
  log(): Record<string, unknown>[] {
    const lines = Deno.readTextFileSync(`${this.directory}/state/audit.log`).trim().split("\n");
    return lines.map((line) => JSON.parse(line));
  }

  /** The reasons of the log's lines about connections. */
  refusals(): unknown[] {
    return this.log().filter(({ op }) => op === "connect").map(({ reason }) => reason);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.directory.replace(/\/crypto$/, ""), { recursive: true });
  }
}

/** A daemon, listening. */
class WindowsDaemon implements AsyncDisposable {
  #said = "";
  readonly #reading: Promise<void>;

  private constructor(
    private readonly child: Deno.ChildProcess,
    private readonly place: WindowsPlace,
  ) {
    this.#reading = this.#read(child.stderr);
  }

  static async start(wine: Wine, place: WindowsPlace): Promise<WindowsDaemon> {
    const [program, ...args] = wine.running(
      place.directory,
      "serve",
      "--listen",
      "tls://127.0.0.1:0",
    );
    const streams = { stdin: "null", stdout: "null", stderr: "piped" } as const;
    const environment = { env: plainEnvironment(), clearEnv: true };
    const child = new Deno.Command(program!, { args, ...environment, ...streams }).spawn();
    const daemon = new WindowsDaemon(child, place);
    let ended = false;
    child.status.then(() => ended = true);
    await eventually("it listens", () => ended || /tls:\S+\d/.test(daemon.#said), SLOW);
    if (ended) throw new Error(`it has ended: ${daemon.#said}`);
    return daemon;
  }

  async #read(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) this.#said += text;
  }

  /** On standard error, so far. */
  get said(): string {
    return this.#said;
  }

  get port(): number {
    return Number(/tls:\/\/127\.0\.0\.1:(\d+)/.exec(this.#said)![1]);
  }

  /** What a client hears. */
  async fate(client: Certified, ...args: readonly string[]): Promise<string> {
    return await fateAt(this.port, this.place.authority.certificate, client, args);
  }

  /** Calls one method as the client. */
  async ask(method: string, params: object): Promise<WireAnswer> {
    const { authority, client } = this.place;
    using peer = await connectAt(this.port, authority.certificate, client);
    await peer.sendLine(request(1, method, params));
    return await peer.answer();
  }

  async call(method: string, params: object): Promise<Record<string, unknown>> {
    return resultOf(await this.ask(method, params));
  }

  /** Ctrl-C; gives the status that it ends with. */
  async interrupt(): Promise<number> {
    const inside = Deno.readLinkSync(`/proc/${this.child.pid}/ns/pid_for_children`);
    const processes = [...Deno.readDirSync("/proc")].map(({ name }) => Number(name)).filter(
      Boolean,
    );
    Deno.kill(processes.find((pid) => isProgram(pid, inside))!, "SIGINT");
    return (await soon("its end", this.child.status, SLOW)).code;
  }

  /** As a power cut would. */
  async [Symbol.asyncDispose](): Promise<void> {
    kill(this.child, "SIGKILL");
    await this.child.status;
    await this.#reading;
  }
}

/** Whether a process is Deno in a namespace; others come and go meanwhile. */
function isProgram(pid: number, namespace: string): boolean {
  try {
    return Deno.readTextFileSync(`/proc/${pid}/cmdline`).startsWith(DENO) &&
      Deno.readLinkSync(`/proc/${pid}/ns/pid`) === namespace;
  } catch {
    return false;
  }
}

function wineTest(name: string, test: (wine: Wine, place: WindowsPlace) => Promise<void>): void {
  testIf("skip" in wine ? wine.skip : undefined, `under Wine ${name}`, async () => {
    using place = await WindowsPlace.make();
    await test(wine as Wine, place);
  });
}

/** Runs a subcommand to its end; gives its status. */
async function ends(wine: Wine, { directory }: WindowsPlace, ...args: [string, ...string[]]) {
  return (await run(wine.running(directory, ...args), { patience: SLOW })).code;
}

wineTest("sockets, access lists and DPAPI pass their tests", async (wine, { directory }) => {
  const { code, stdout, stderr } = await run(wine.testing(directory), { patience: SLOW });
  assert.equal(code, OK, stdout + stderr);
});

wineTest("who has a certificate is served, and nobody else", async (wine, place) => {
  const { authority, client } = place;
  const stranger = await Authority.make(`${authority.directory}/other`, "other");
  const usual = { names: "DNS:client.test", usage: "clientAuth" };
  const [other, expired, wrong, revoked] = [
    await stranger.issue(usual),
    await authority.issue({ ...usual, days: -1 }),
    await authority.issue({ ...usual, usage: "serverAuth" }),
    await authority.issue({ names: "DNS:other.test", usage: "clientAuth" }),
  ];
  await using daemon = await WindowsDaemon.start(wine, place);
  assert.equal(await daemon.fate(client), "served");
  assert.equal(await daemon.fate(revoked), "served");
  for (const one of [other, expired, wrong]) assert.equal(await daemon.fate(one), "");
  assert.equal(await daemon.fate(client, "-tls1_2"), "");
  const reasons = ["unknown_authority", "expired", "wrong_purpose", "old_protocol"];
  // The peer hears of it before the log does.
  const isLogged = () => place.refusals().length >= reasons.length;
  await eventually("the refusals are in the log", isLogged, SLOW);
  assert.deepEqual(place.refusals(), reasons);
  // A connection that is open when the list comes is cut.
  using open = await connectAt(daemon.port, authority.certificate, revoked);
  await open.sendLine(request(1, "status", {}));
  resultOf(await open.answer());
  await authority.revoke(revoked);
  await place.list();
  assert.deepEqual((await open.answer(SLOW)).error?.data.code, "tls_refused");
  assert.equal(await daemon.fate(revoked), "");
  assert.equal(await daemon.fate(client), "served");
  assert.equal(await daemon.interrupt(), OK);
  assert.equal(place.log().at(-1)!.event, "stop");
});

wineTest("a kill loses nothing, and the sealing key is under DPAPI", async (wine, place) => {
  let message: unknown;
  {
    await using daemon = await WindowsDaemon.start(wine, place);
    ({ message } = await daemon.call("encrypt", { text: "hello" }));
    assert.equal(await ends(wine, place, "serve", "--listen", "tls://127.0.0.1:0"), UNAVAILABLE);
  }
  assert.ok(place.has("/config/sealing.dpapi") && !place.has("/config/sealing.key"));
  {
    await using daemon = await WindowsDaemon.start(wine, place);
    assert.equal((await daemon.call("decrypt", { message, as: "text" })).text, "hello");
  }
  const [backup, secret] = [`${LOCAL}\\backup`, `--passphrase-file=${LOCAL}\\passphrase`];
  await Deno.writeTextFile(`${place.directory}/passphrase`, "long enough\n", { mode: 0o600 });
  assert.equal(await ends(wine, place, "backup", backup, secret), OK);
  assert.equal(await ends(wine, place, "reseal", "credential"), OK);
  assert.equal(await ends(wine, place, "reseal", "passphrase", secret), CONFIG);
  for (const name of ["state", "config/sealing.dpapi"]) {
    await Deno.remove(`${place.directory}/${name}`, { recursive: true });
  }
  assert.equal(await ends(wine, place, "restore", backup, secret), OK);
  assert.ok(place.has("/config/sealing.dpapi") && !place.has("/config/sealing.key"));
  await using daemon = await WindowsDaemon.start(wine, place);
  assert.equal((await daemon.call("decrypt", { message, as: "text" })).text, "hello");
});

wineTest("a policy names certificates, and is read again when it changes", async (wine, place) => {
  await using daemon = await WindowsDaemon.start(wine, place);
  const create = () => daemon.ask("key.create", { name: "another" });
  assert.equal(codeOf(await create()), "denied");
  const policy = `${place.directory}/config/policy.toml`;
  const allow = (whom: string) => `[keys."*"]\nmanage.${whom} = ["DNS:client.test"]\n`;
  // Nobody on Windows is a user that it could name.
  await Deno.writeTextFile(policy, allow("users"), { mode: 0o600 });
  await eventually("it is looked at", () => daemon.said.includes("not reloaded"), SLOW);
  assert.equal(codeOf(await create()), "denied");
  await Deno.writeTextFile(policy, allow("certificates"));
  await eventually("it holds", async () => (await create()).error === undefined, SLOW);
  assert.equal(codeOf(await daemon.ask("encrypt", { text: "x" })), "denied");
});

wineTest("the commands there use it, unless others may read the key", async (wine, place) => {
  const identity = await place.identity();
  await using daemon = await WindowsDaemon.start(wine, place);
  const to = ["--server", `tls://localhost:${daemon.port}`, "--identity", identity];
  const plain = sample(100_000);
  await Deno.writeFile(`${place.directory}/plain`, plain);
  assert.equal(await ends(wine, place, "encrypt", ...to, `${LOCAL}\\plain`), OK);
  await Deno.remove(`${place.directory}/plain`);
  assert.equal(await ends(wine, place, "decrypt", ...to, `${LOCAL}\\plain.crypto`), OK);
  sameBytes(await Deno.readFile(`${place.directory}/plain`), plain);
  await Deno.chmod(`${place.directory}/identity/key.pem`, 0o604);
  assert.equal(await ends(wine, place, "status", ...to), CONFIG);
});

wineTest("what others may read or write is not used", async (wine, place) => {
  await (await WindowsDaemon.start(wine, place))[Symbol.asyncDispose]();
  const listen = ["--listen", "tls://127.0.0.1:0"] as const;
  for (
    const [path, mode, otherwise] of [
      ["state/ring", 0o644, 0o600],
      ["state/audit.log", 0o604, 0o600],
      ["config/sealing.dpapi", 0o604, 0o600],
      ["config/server.key", 0o604, 0o600],
      ["config/crypto.toml", 0o602, 0o600],
      ["state", 0o707, 0o700],
      ["config", 0o702, 0o700],
    ] as const
  ) {
    await Deno.chmod(`${place.directory}/${path}`, mode);
    assert.equal(await ends(wine, place, "serve", ...listen), CONFIG, path);
    await Deno.chmod(`${place.directory}/${path}`, otherwise);
  }
  await (await WindowsDaemon.start(wine, place))[Symbol.asyncDispose]();
});

wineTest("it is reached in no other way", async (wine, place) => {
  for (const address of ["0.0.0.0:0", "192.0.2.1:7400", "[::]:7400", "127.0.0.2:7400"]) {
    assert.equal(await ends(wine, place, "serve", "--listen", `tls://${address}`), CONFIG, address);
  }
  assert.equal(await ends(wine, place, "serve"), CONFIG);
  assert.equal(await ends(wine, place, "serve", "--system"), USAGE);
  assert.equal(await ends(wine, place, "serve", "--socket", "/x"), USAGE);
  for (const name of ["unseal", "pki", "gui"]) {
    assert.equal(await ends(wine, place, name, "--help"), CONFIG, name);
  }
});
