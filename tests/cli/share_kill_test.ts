/** `crypto share open` killed at several times: it goes on, and nobody else gets anything. */
import assert from "node:assert/strict";
import { startShareServer } from "../support/share.ts";
import { eventually, soon } from "../support/wait.ts";
import {
  crypto,
  failedWith,
  fails,
  Folder,
  prints,
  PROGRAM,
  sameBytes,
  sample,
} from "./support.ts";

const server = await startShareServer();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

/** Long enough that more than once is noted how far it has come. */
const LARGE = 80_000_000;

interface Call {
  readonly name: string;
  /** Where a body is asked for. */
  readonly offset: number;
}

/** A line to the server that stands still at one point, until it is let go. */
class Line implements AsyncDisposable {
  readonly calls: Call[] = [];
  readonly #reached = Promise.withResolvers<void>();
  readonly #proxy;

  /**
   * @param name the call at which it stops
   * @param after how many bytes of its answer pass before, nothing of one without a body;
   *   undefined if it is not even asked
   */
  constructor(private readonly name?: string, private readonly after?: number) {
    const onError = () => new Response(null, { status: 502 });
    const options = { hostname: "127.0.0.1", port: 0, onListen() {}, onError };
    this.#proxy = Deno.serve(options, (request) => this.#pass(request));
  }

  /** A link of the server's as one of this line's. */
  link(link: string): string {
    return link.replace(server.origin, `http://127.0.0.1:${this.#proxy.addr.port}`);
  }

  /** Settles when it stands still. */
  get reached(): Promise<void> {
    return soon("the line stands still", this.#reached.promise);
  }

  async #pass(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    const name = pathname.slice("/api/".length);
    const body = await request.text();
    this.calls.push({ name, offset: JSON.parse(body).offset ?? 0 });
    const stops = name === this.name;
    if (stops && this.after === undefined) return await this.#stand();
    const { headers } = request;
    const answer = await fetch(server.origin + pathname, { method: "POST", headers, body });
    if (!stops) return answer;
    return answer.body ? new Response(this.#some(answer.body), answer) : await this.#stand();
  }

  async *#some(body: ReadableStream<Uint8Array<ArrayBuffer>>) {
    let passed = 0;
    for await (const piece of body) {
      if (passed >= this.after!) await this.#stand();
      passed += piece.length;
      yield piece;
    }
  }

  #stand(): Promise<never> {
    this.#reached.resolve();
    return new Promise(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // What stands still would be waited for.
    const ended = this.#proxy.shutdown();
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 100))]);
  }
}

async function end(child: Deno.ChildProcess, signal: Deno.Signal = "SIGKILL"): Promise<void> {
  child.kill(signal);
  assert.equal((await child.status).success, false);
}

/** Two users: who opens, and a stranger with the same link. */
class Users implements Disposable {
  readonly folder = new Folder();
  readonly state = this.folder.at("state");
  readonly #elsewhere = this.folder.at("elsewhere");
  readonly inbox = new Folder();

  env(state = this.state) {
    return { ...server.env, XDG_STATE_HOME: state };
  }

  open(link: string, ...more: string[]) {
    const options = { env: this.env(), patience: 60_000 };
    return crypto(["share", "open", link, "-o", this.inbox.path, ...more], options);
  }

  async strangerGetsNothing(link: string): Promise<void> {
    await fails("share_opened", ["share", "open", link], { env: this.env(this.#elsewhere) });
  }

  /** Starts to open, and waits until the line stands still. */
  async opening(line: Line, link: string, ...more: string[]): Promise<Deno.ChildProcess> {
    const child = new Deno.Command(PROGRAM, {
      args: ["share", "open", line.link(link), "-o", this.inbox.path, ...more],
      env: this.env(),
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).spawn();
    await line.reached;
    return child;
  }

  /** How many bytes of what is being opened are in hidden files. */
  written(): number {
    const hidden = this.inbox.names().filter((name) => name.startsWith("."));
    const sizes = hidden.map((name) => Deno.statSync(this.inbox.at(name)).size);
    return sizes.reduce((sum, size) => sum + size, 0);
  }

  /** Nothing of a claim is left, and no hidden file. */
  isTidy(): void {
    assert.deepEqual([...Deno.readDirSync(`${this.state}/crypto/share`)], []);
    assert.deepEqual(this.inbox.names().filter((name) => name.startsWith(".")), []);
  }

  [Symbol.dispose](): void {
    this.folder[Symbol.dispose]();
    this.inbox[Symbol.dispose]();
  }
}

async function send(...args: string[]): Promise<string> {
  const sent = await prints(["share", "send", "--json", ...args], {
    env: server.env,
    stdin: args.length === 0 ? "hello" : undefined,
    patience: 60_000,
  });
  return JSON.parse(sent).link;
}

for (const after of [undefined, 0]) {
  const when = after === undefined ? "before it is asked" : "when the answer is lost";
  Deno.test(`a text whose reader is killed ${when} is the same reader's afterwards`, async () => {
    using users = new Users();
    const link = await send();
    await using line = new Line("take", after);
    await end(await users.opening(line, link));
    if (after !== undefined) await users.strangerGetsNothing(link);
    assert.equal(await prints(["share", "open", link], { env: users.env() }), "hello");
    await users.strangerGetsNothing(link);
    users.isTidy();
  });
}

const large = sample(LARGE);

for (
  const [after, least] of [[0, 0], [45_000_000, 30_000_000], [79_500_000, 60_000_000]] as const
) {
  Deno.test(`a download killed at ${after / 1e6} MB goes on after ${least / 1e6} MB`, async () => {
    using users = new Users();
    const link = await send(users.folder.write("large.bin", large));
    await using line = new Line("body", after);
    const child = await users.opening(line, link);
    // What has passed may not have arrived yet.
    await eventually("it is written", () => users.written() >= least + (after - least) / 2);
    await end(child, after === 0 ? "SIGINT" : "SIGKILL");
    await users.strangerGetsNothing(link);
    await using again = new Line();
    const { code, stderr } = await users.open(again.link(link));
    assert.equal(code, 0, stderr);
    const offsets = again.calls.filter(({ name }) => name === "body").map(({ offset }) => offset);
    assert.ok(offsets.at(-1)! >= least, offsets.join(", "));
    sameBytes(users.inbox.read("large.bin"), large);
    assert.equal(users.inbox.mode("large.bin"), 0o600);
    users.isTidy();
  });
}

Deno.test("killed before the acknowledgement it gives the same again, and then erases", async () => {
  using users = new Users();
  const link = await send(users.folder.write("a.bin", large.subarray(0, 1_000_000)));
  await using line = new Line("acknowledge");
  await end(await users.opening(line, link));
  await users.strangerGetsNothing(link);
  assert.equal((await users.open(link)).code, 0);
  assert.deepEqual(users.inbox.names(), ["a (2).bin", "a.bin"]);
  failedWith("share_opened", await users.open(link));
  users.isTidy();
});

Deno.test("killed after the acknowledgement it is told that it was its own run that opened it", async () => {
  using users = new Users();
  const link = await send(users.folder.write("a.bin", large.subarray(0, 1_000_000)));
  await using line = new Line("acknowledge", 0);
  await end(await users.opening(line, link));
  const again = await users.open(link);
  failedWith("share_opened", again);
  assert.match(again.stderr, /earlier run of yours/);
  users.isTidy();
  await users.strangerGetsNothing(link);
});

Deno.test("files of an earlier run that are not what they were are not gone on from", async () => {
  using users = new Users();
  const link = await send(users.folder.write("large.bin", large));
  await using line = new Line("body", 45_000_000);
  await end(await users.opening(line, link));
  const [hidden = ""] = users.inbox.names();
  Deno.renameSync(users.inbox.at(hidden), users.inbox.at("moved"));
  Deno.symlinkSync(users.inbox.at("moved"), users.inbox.at(hidden));
  const before = Deno.statSync(users.inbox.at("moved")).size;
  assert.equal((await users.open(link)).code, 0);
  sameBytes(users.inbox.read("large.bin"), large);
  assert.equal(Deno.statSync(users.inbox.at("moved")).size, before);
  users.isTidy();
});

Deno.test("two at once of one user do not write the same files", async () => {
  using users = new Users();
  const link = await send(users.folder.write("large.bin", large));
  await using line = new Line("body", 45_000_000);
  const child = await users.opening(line, link);
  failedWith("share_opening", await users.open(link));
  await end(child);
  assert.equal((await users.open(link)).code, 0);
  users.isTidy();
});

Deno.test("a wrong passphrase leaves no claim, and who was killed is asked for it again", async () => {
  using users = new Users();
  const file = (passphrase: string) => {
    return ["--passphrase-file", users.folder.write("passphrase", `${passphrase}\n`)];
  };
  const content = users.folder.write("a.bin", large.subarray(0, 300_000));
  const link = await send(...file("correct horse"), content);
  failedWith("wrong_passphrase", await users.open(link, ...file("battery staple")));
  users.isTidy();
  await using line = new Line("body", 0);
  await end(await users.opening(line, link, ...file("correct horse")));
  failedWith("no_passphrase", await users.open(link));
  assert.equal((await users.open(link, ...file("correct horse"))).code, 0);
  users.isTidy();
});

Deno.test("without a place for what a kill must not lose nothing is taken", async () => {
  const link = await send();
  const { HOME: _, ...homeless } = server.env as Record<string, string>;
  await fails("config", ["share", "open", link], { env: homeless });
  await fails("config", ["share", "open", link], {
    env: { ...homeless, XDG_STATE_HOME: "/dev/null/x" },
  });
  using folder = new Folder();
  Deno.chmodSync(folder.path, 0o777);
  await fails("unsafe_path", ["share", "open", link], {
    env: { ...homeless, XDG_STATE_HOME: folder.path },
  });
  assert.equal(await prints(["share", "open", link], { env: server.env }), "hello");
});
