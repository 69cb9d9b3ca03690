/** Clients of a daemon that is restarted, or that hangs up. */
import assert from "node:assert/strict";
import { connect } from "../../client/mod.ts";
import { CryptoError, type ErrorCode, ERRORS } from "../../core/errors.ts";
import { LocalDaemon } from "../server/support.ts";
import { Supervised } from "../support/activation.ts";
import { Peer, Place, request, resultOf, rpc, startDaemon } from "../support/daemon.ts";
import { linuxTest } from "../support/linux.ts";
import { compiledProgram, must, run } from "../support/process.ts";
import { eventually, soon } from "../support/wait.ts";

const NEEDS = ["activation", "setpriv"] as const;

async function codeOfPromise(promise: Promise<unknown>): Promise<ErrorCode | undefined> {
  const error = await soon("an answer", promise.then(() => undefined, (thrown) => thrown));
  if (error !== undefined && !(error instanceof CryptoError)) throw error;
  return error?.code;
}

/** Asks again and again until told to stop; counts what was done. */
class Work {
  done = 0;
  #going = true;
  readonly #ended: Promise<unknown>;

  constructor(workers: number, act: (number: number) => Promise<unknown>) {
    this.#ended = Promise.all(Array.from({ length: workers }, async (_, worker) => {
      for (let i = 0; this.#going; i++, this.done++) await act(worker * 1_000_000 + i);
    }));
  }

  /** Waits until more is done, or fails with what failed. */
  async more(): Promise<void> {
    const enough = this.done + 50;
    await Promise.race([eventually("more is done", () => this.done > enough), this.#ended]);
  }

  async end(): Promise<void> {
    this.#going = false;
    await soon("the last ones", this.#ended);
  }
}

await linuxTest("ten restarts lose no request, and none is done twice", NEEDS, async () => {
  await using daemon = await Supervised.start();
  const service = await connect({ socket: daemon.socket });
  const work = new Work(8, (number) => service.encrypt(`${number}`));
  const keys = new Work(1, (number) => service.createKey(`k${number}`, "seal"));
  for (let round = 0; round < 10; round++) {
    await work.more();
    await daemon.restart();
  }
  await work.more();
  await Promise.all([work.end(), keys.end()]);
  const log = daemon.place.log();
  const count = (op: string) => log.filter((line) => line.op === op && !line.error).length;
  assert.equal(count("encrypt"), work.done);
  assert.equal(count("key.create"), keys.done);
  assert.equal(log.filter(({ error }) => error === "key_exists").length, 0);
  assert.equal((await service.keys()).length, keys.done + 1);
  service.close();
});

await linuxTest("ten kills lose nothing that may be done twice", NEEDS, async () => {
  await using daemon = await Supervised.start();
  const service = await connect({ socket: daemon.socket });
  const work = new Work(8, (number) => service.encrypt(`${number}`));
  for (let round = 0; round < 10; round++) {
    await work.more();
    await daemon.restart("SIGKILL");
  }
  await work.more();
  await work.end();
  service.close();
});

await linuxTest("what may not be done twice is not, and that is said", NEEDS, async () => {
  await using daemon = await Supervised.start();
  const service = await connect({ socket: daemon.socket });
  await service.status();
  // It takes no more notice, so the requests are sure to wait.
  daemon.signal("SIGSTOP");
  const material = crypto.getRandomValues(new Uint8Array(32));
  const changes = [
    service.createKey("made", "seal"),
    service.createKey("imported", "seal", material),
    service.rotateKey("default"),
  ];
  const asking = service.encrypt("meanwhile");
  const codes = Promise.all(changes.map(codeOfPromise));
  const [said] = await Promise.all([codes, daemon.restart("SIGKILL")]);
  assert.deepEqual(said, Array(3).fill("outcome_unknown"));
  assert.equal(await service.decryptText(await soon("the other", asking)), "meanwhile");
  // What is asked now has not been sent before.
  assert.equal((await service.createKey("later", "seal")).key, "later");
  service.close();
});

Deno.test("a daemon that comes back on its own socket is waited for", async () => {
  using place = new Place();
  await using first = await startDaemon({ place });
  const service = await connect({ socket: place.socket });
  await first.stop();
  const asked = [service.encrypt("a"), service.createKey("new", "seal"), service.status()];
  await using _ = await startDaemon({ place });
  await soon("all answers", Promise.all(asked));
  service.close();
});

Deno.test("a connection on which nothing happened is replaced when it is needed", async () => {
  await using daemon = await LocalDaemon.start({ idle: 50, line: 50 });
  const service = await connect({ socket: daemon.socket });
  for (const name of ["one", "two"]) {
    await service.createKey(name, "seal");
    await eventually("the daemon hangs up", async () => {
      return resultOf(await daemon.one("status")).connections === 1;
    });
  }
  assert.equal((await service.keys()).length, 3);
  service.close();
});

Deno.test("who has hung up does not connect again", async () => {
  await using daemon = await startDaemon();
  const service = await connect({ socket: daemon.socket });
  await service.status();
  service.close();
  assert.equal(await codeOfPromise(service.status()), "unavailable");
  await eventually("nobody is connected", async () => {
    return resultOf(await rpc(daemon.socket, "status")).connections === 1;
  });
});

Deno.test("a socket that has become unsafe is not connected to again", async () => {
  using place = new Place();
  await using first = await startDaemon({ place });
  const service = await connect({ socket: place.socket });
  await first.stop();
  await using _ = await startDaemon({ place });
  Deno.chmodSync(place.runtime, 0o777);
  assert.equal(await codeOfPromise(service.status()), "unsafe_path");
  service.close();
});

await linuxTest(
  "a command without a permission goes on with the next daemon",
  NEEDS,
  async () => {
    await using daemon = await Supervised.start();
    const program = compiledProgram();
    const { env } = daemon.place;
    const socket = ["--socket", daemon.socket];
    const message = await must([program, "encrypt", "--text", "hello", "--quiet", ...socket], {
      env,
    });
    using watcher = await Peer.connect(daemon.socket);
    async function* afterRestart(): AsyncGenerator<string> {
      // The command has opened all, and waits for its input.
      await eventually("it is connected", async () => {
        await watcher.sendLine(request(1, "status"));
        return resultOf(await watcher.answer()).connections === 2;
      });
      await daemon.restart();
      yield message;
    }
    const decrypted = await run([program, "decrypt", ...socket], { env, stdin: afterRestart() });
    assert.equal(decrypted.code, 0, decrypted.stderr);
    assert.equal(decrypted.stdout, "hello");
  },
);

Deno.test("a command says that it does not know whether it was done", async () => {
  using place = new Place();
  place.makeOwn();
  await must(["mkfifo", "--mode=600", place.auditLog]);
  await using daemon = await startDaemon({ place });
  // A log that takes the line that says what is to be done, and then none that says it is: what is
  // done is not answered. A pipe has whole pages, and a line goes in whole or waits.
  await run(["dd", "if=/dev/zero", `of=${place.auditLog}`, "bs=4096", "oflag=nonblock"]);
  await must(["dd", `if=${place.auditLog}`, "of=/dev/null", "bs=4096", "count=1"]);
  await must(["dd", "if=/dev/zero", `of=${place.auditLog}`, "bs=3700", "count=1"]);
  const { ino } = Deno.statSync(place.ring);
  const creating = run([compiledProgram(), "key", "create", "new"], { env: daemon.env });
  await eventually("the key is made", () => Deno.statSync(place.ring).ino !== ino);
  await daemon.kill();
  const { code, stderr } = await creating;
  assert.equal(code, ERRORS.outcome_unknown.exit);
  assert.ok(stderr.includes(ERRORS.outcome_unknown.message), stderr);
});
