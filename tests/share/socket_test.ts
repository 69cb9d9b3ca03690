/** A share server on a Unix socket: whose it is, who may connect, and whose word is taken. */
import assert from "node:assert/strict";
import { ERRORS } from "../../core/errors.ts";
import { call, Victim } from "../../share/attack/victim.ts";
import { eventually } from "../support/wait.ts";
import { ShareProcess, startShare, UNHURRIED } from "./server_support.ts";

const ORIGIN = ["--origin", "https://share.example.org"];

/** A directory with a socket in it, and one for the data. */
class Place implements Disposable {
  readonly directory: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "cts-" }));
  readonly socket = `${this.directory}/share.sock`;
  readonly client = Deno.createHttpClient({ proxy: { transport: "unix", path: this.socket } });

  constructor() {
    Deno.mkdirSync(this.data, { mode: 0o700 });
  }

  get data(): string {
    return `${this.directory}/data`;
  }

  args(...more: string[]): string[] {
    const listen = more.includes("--listen") ? [] : ["--listen", `unix:${this.socket}`];
    return [...ORIGIN, ...listen, ...more];
  }

  start(...more: string[]): Promise<ShareProcess> {
    return startShare(this.args(...more), this.data);
  }

  async call(name: string, fields: unknown, headers: Record<string, string> = {}) {
    const init: RequestInit & { client: Deno.HttpClient } = { headers, client: this.client };
    return await call("http://share.example.org", name, fields, init);
  }

  [Symbol.dispose](): void {
    this.client.close();
    Deno.removeSync(this.directory, { recursive: true });
  }
}

/** The exit status of a server that does not start. */
async function refused(place: Place, ...args: string[]): Promise<number> {
  return (await refusedServer(place, ...args)).code;
}

/** The same, and what it said. */
async function refusedServer(place: Place, ...args: string[]) {
  const server = new ShareProcess(place.args(...args), place.data);
  const { code } = await server.end("SIGCONT");
  return { code, stderr: server.stderr };
}

Deno.test("a share server serves on a Unix socket, for its owner and group, and removes it", async () => {
  using place = new Place();
  await using server = await place.start(...UNHURRIED);
  assert.match(
    server.stderr,
    /at https:\/\/share\.example\.org, listening on unix:\/.*share\.sock/,
  );
  assert.equal((Deno.statSync(place.socket).mode ?? 0) & 0o777, 0o660);
  const victim = new Victim();
  const created = await place.call("create", await victim.creation());
  assert.equal(created.status, 201, created.text);
  assert.ok(created.headers.has("strict-transport-security"));
  assert.equal((await place.call("take", victim.claim())).status, 200);
  assert.equal((await server.end("SIGTERM")).code, 0);
  assert.throws(() => Deno.lstatSync(place.socket), Deno.errors.NotFound);
});

Deno.test("a dead server's socket is taken over, a living one's is left alone", async () => {
  using place = new Place();
  const dead = await place.start();
  await dead.end("SIGKILL");
  assert.ok(Deno.lstatSync(place.socket).isSocket, "a killed server leaves it");
  await using _living = await place.start();
  const { code, stderr } = await refusedServer(place);
  assert.equal(code, ERRORS.already_running.exit);
  assert.match(stderr, /hint: .*--listen/, "not what a daemon of keys is told");
  assert.equal((await place.call("look", new Victim().link)).status, 404);
});

Deno.test("another program's socket, and what is no socket, is left alone", async () => {
  using place = new Place();
  const other = Deno.listen({ transport: "unix", path: place.socket });
  const { code, stderr } = await refusedServer(place);
  assert.equal(code, ERRORS.already_running.exit);
  assert.match(stderr, /hint: .*--listen/);
  other.close();
  Deno.writeTextFileSync(place.socket, "mine");
  assert.equal(await refused(place), ERRORS.config.exit);
  assert.equal(Deno.readTextFileSync(place.socket), "mine");
});

Deno.test("a directory that others can write in, or that is not there, is no place for a socket", async () => {
  using place = new Place();
  const folder = `${place.directory}/run`;
  const listen = ["--listen", `unix:${folder}/share.sock`];
  assert.equal(await refused(place, ...listen), ERRORS.config.exit);
  Deno.mkdirSync(folder);
  Deno.chmodSync(folder, 0o777);
  assert.equal(await refused(place, ...listen), ERRORS.unsafe_path.exit);
});

Deno.test("without --origin, and with an odd path, a server on a Unix socket does not start", async () => {
  using place = new Place();
  const listening = (address: string) => ["--listen", address];
  const odd = ["unix:", "unix:share.sock", "unix:/a b", "unix:/a;b", "unix://a", "unix:/a/"];
  for (const address of [...odd, `unix:/${"a".repeat(107)}`]) {
    assert.equal(await refused(place, ...listening(address)), ERRORS.config.exit, address);
  }
  const server = new ShareProcess(listening(`unix:${place.socket}`), place.data);
  assert.equal((await server.end("SIGCONT")).code, ERRORS.config.exit);
  assert.match(server.stderr, /origin/);
});

Deno.test("the forwarded address of who comes by the socket is believed only if that is set", async () => {
  const statuses = async (...args: string[]) => {
    using place = new Place();
    await using server = await place.start("--requests-per-minute", "2", ...args);
    assert.equal(server.stderr.includes("are one client"), args.length === 0, server.stderr);
    const answers: number[] = [];
    for (const client of ["192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.1", "192.0.2.1"]) {
      const headers = { "x-forwarded-for": `203.0.113.7, ${client}` };
      answers.push((await place.call("look", new Victim().link, headers)).status);
    }
    return answers;
  };
  assert.deepEqual(await statuses(), [404, 404, 429, 429, 429]);
  assert.deepEqual(await statuses("--proxies", "unix"), [404, 404, 404, 404, 429]);
  assert.deepEqual(await statuses("--proxies", "127.0.0.1,unix"), [404, 404, 404, 404, 429]);
});

Deno.test("thousands of connections to the socket, cut off or not, leave no descriptor open", async () => {
  using place = new Place();
  await using server = await place.start(...UNHURRIED);
  const descriptors = () => Array.from(Deno.readDirSync(`/proc/${server.pid}/fd`)).length;
  const ask = async (cut: boolean) => {
    const connection = await Deno.connect({ transport: "unix", path: place.socket });
    const head = "GET /healthz HTTP/1.1\r\nhost: share.example.org\r\n";
    await connection.write(new TextEncoder().encode(cut ? head : `${head}\r\n`));
    if (!cut) {
      const answer = new Uint8Array(12);
      await connection.read(answer);
      assert.equal(new TextDecoder().decode(answer), "HTTP/1.1 200");
    }
    connection.close();
  };
  await ask(false);
  const before = descriptors();
  for (let round = 0; round < 40; round++) {
    await Promise.all(Array.from({ length: 100 }, (_, i) => ask(i % 4 === 0)));
  }
  await eventually("all are closed", () => descriptors() <= before);
  const victim = new Victim();
  await place.call("create", await victim.creation());
  assert.equal((await place.call("take", victim.claim())).status, 200);
});
