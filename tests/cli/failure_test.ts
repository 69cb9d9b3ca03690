/** What the system does to a run: full disks, closed pipes, signals, a daemon that dies. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { publicProgram } from "../support/process.ts";
import { startDaemon } from "../support/daemon.ts";
import { eventually, soon } from "../support/wait.ts";
import {
  type Bytes,
  crypto,
  exec,
  failedWith,
  fails,
  Folder,
  missing,
  NOT_ROOT,
  onTerminal,
  PROGRAM,
  type Run,
  sameBytes,
  sample,
  succeeds,
  testIf,
  text,
} from "./support.ts";

const daemon = await startDaemon();
Deno.test.afterAll(() => daemon[Symbol.asyncDispose]());
const { env } = daemon;

/** What is encrypted at once. */
const PIECE = 262_144;
const LONG = sample(24 * PIECE);

/** Runs a shell's line in a folder; `$0` is the program. */
function shell(folder: Folder, line: string): Promise<Run> {
  return exec(["sh", "-c", line, PROGRAM], { env, cwd: folder.path });
}

Deno.test("input that is not there, a directory or not readable is refused", async () => {
  using folder = new Folder();
  const cases: [string, RegExp][] = [
    [folder.at("missing"), /no such file/],
    [folder.path, /directory/],
    [folder.at("missing/deep"), /no such file/],
    ["", /./],
  ];
  for (const [path, hint] of cases) {
    assert.match((await fails("io", ["encrypt", path, "-o", "-"], { env })).stderr, hint);
  }
});

Deno.test("where a hard limit of zero forbids core dumps, all works", async () => {
  const line = ["sh", "-c", 'ulimit -c 0; exec "$0" "$@"'];
  // Root may raise it, but for this.
  const wrapper = NOT_ROOT ? line : ["setpriv", "--bounding-set", "-sys_resource", ...line];
  const token = await succeeds(["encrypt", "--quiet", "--text", "a secret"], { env, wrapper });
  const secret = await succeeds(["decrypt"], { env, wrapper, stdin: token });
  assert.equal(text(secret), "a secret");
});

testIf(NOT_ROOT, "another user's file is not read", async () => {
  using folder = new Folder();
  Deno.chmodSync(folder.path, 0o755);
  const secret = folder.write("secret", "x");
  Deno.chmodSync(secret, 0o600);
  const user = ["setpriv", "--reuid", "60124", "--regid", "60124", "--clear-groups"];
  const program = publicProgram(PROGRAM);
  const run = await exec([...user, program, "encrypt", secret, "-o", "-"], { env });
  failedWith("io", run);
  assert.match(run.stderr, /may not read/);
  const toFolder = [...user, program, "encrypt", "-o", folder.at("new")];
  failedWith("io", await exec(toFolder, { env, stdin: "x" }));
  assert.deepEqual(folder.names(), ["secret"]);
});

Deno.test("output that cannot become a file is refused before anything is read", async () => {
  using folder = new Folder();
  const input = folder.write("in", "x");
  Deno.mkdirSync(folder.at("d"));
  const impossible = [
    folder.at("missing/out"),
    folder.at("d"),
    folder.at("d/"),
    folder.at("in/out"),
    "/dev/null",
    "/proc/out",
    "",
  ];
  for (const path of impossible) {
    for (const force of [[], ["--force"]]) {
      await fails("io", ["encrypt", input, "-o", path, ...force], { env });
    }
  }
  assert.ok(Deno.statSync("/dev/null").isCharDevice);
  assert.deepEqual(folder.names(), ["d", "in"]);
});

const FULL_DISK = NOT_ROOT ?? missing("unshare", "mount");

testIf(FULL_DISK, "a full disk ends it, and nothing is left of the output", async () => {
  using folder = new Folder();
  folder.write("big", LONG);
  Deno.mkdirSync(folder.at("small"));
  const line = `mount -t tmpfs -o size=1m none small && cp /proc/version small/old
    "$0" encrypt big -o small/new; echo $?
    "$0" encrypt -f big -o small/old; echo $?
    cat big | "$0" encrypt --armor -o small/new; echo $?
    cmp /proc/version small/old && ls -A small && df --output=used small | tail -1`;
  const run = await exec(["unshare", "--mount", "sh", "-c", line, PROGRAM], {
    env,
    cwd: folder.path,
  });
  assert.match(text(run.stdout), /^74\n74\n74\nold\n *4\n$/);
  assert.match(run.stderr, /disk is full/);
});

testIf(
  FULL_DISK,
  "rewrapping on a full disk leaves the files as they were, and nothing beside",
  async () => {
    using folder = new Folder();
    Deno.mkdirSync(folder.at("small"));
    const line = `mount -t tmpfs -o size=64k,mode=700 none small
    for i in 1 2 3; do echo $i | "$0" encrypt >small/$i; done
    "$0" key rotate default >&2; sha256sum small/? >sums
    cat /dev/zero >small/full; "$0" rewrap -r small >&2; echo $?
    sha256sum -c --quiet sums && ls -A small; rm small/full; "$0" rewrap -qr small >&2; echo $?`;
    const command = ["unshare", "--mount", "sh", "-c", line, PROGRAM];
    const run = await exec(command, { env, cwd: folder.path });
    assert.equal(text(run.stdout), "65\n1\n2\n3\nfull\n0\n");
    assert.match(run.stderr, /disk is full/);
  },
);

testIf(FULL_DISK, "a file system that is read-only is refused", async () => {
  using folder = new Folder();
  Deno.mkdirSync(folder.at("ro"));
  const line = `mount -t tmpfs -o ro none ro && exec "$0" encrypt -o ro/new`;
  const command = ["unshare", "--mount", "sh", "-c", line, PROGRAM];
  failedWith("io", await exec(command, { env, cwd: folder.path, stdin: "x" }));
});

Deno.test("a full device for standard output ends it with status 74", async () => {
  using folder = new Folder();
  folder.write("big", LONG);
  const run = await shell(folder, `"$0" encrypt <big >/dev/full`);
  failedWith("io", run);
});

Deno.test("a reader that goes away ends it at once, with status 74", async () => {
  using folder = new Folder();
  folder.write("big", LONG);
  await succeeds(["encrypt", "big"], { env, cwd: folder.path });
  const status = `; echo $? >status; } | head -c 10 | wc -c; cat status`;
  for (const part of [`"$0" encrypt <big`, `"$0" decrypt <big.crypto`, `"$0" encrypt -a <big`]) {
    const run = await shell(folder, `{ ${part}${status}`);
    assert.equal(text(run.stdout).replaceAll(/ /g, ""), "10\n74\n", part);
    assert.match(run.stderr, /^crypto: .+\n {2}hint: .+\n$/);
  }
});

Deno.test("a reader that goes away ends it also while the next input is waited for", async () => {
  // It finds out when it writes: with whole pieces at once, with less at the end.
  for (const length of [100, PIECE, PIECE + 100, 2 * PIECE + 100]) {
    const child = new Deno.Command(PROGRAM, {
      args: ["encrypt"],
      env: { ...env },
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const ended = child.status;
    const writer = child.stdin.getWriter();
    await writer.write(LONG.subarray(0, length));
    await child.stdout.cancel();
    if (length < PIECE) await writer.close();
    const { code } = await soon(`the end after ${length}`, ended);
    const stderr = await new Response(child.stderr).text();
    assert.equal(code, 74, stderr);
    assert.match(stderr, /^crypto: .+\n {2}hint: .+\n$/);
    if (length >= PIECE) await writer.abort().catch(() => {});
  }
});

testIf(missing("python3"), "pipes that do not block lose nothing, with a slow reader", async () => {
  using folder = new Folder();
  const script = fileURLToPath(new URL("nonblocking.py", import.meta.url));
  folder.write("in", LONG);
  const slowly = (input: string, output: string, ...args: string[]) => {
    const command = ["python3", script, input, output, PROGRAM, ...args];
    return exec(command, { env, cwd: folder.path });
  };
  for (const form of [[], ["--armor"]]) {
    const encrypted = await slowly("in", "message", "encrypt", ...form);
    assert.deepEqual([encrypted.code, encrypted.stderr], [0, ""]);
    const decrypted = await slowly("message", "out", "decrypt");
    assert.deepEqual([decrypted.code, decrypted.stderr], [0, ""]);
    sameBytes(folder.read("out"), LONG);
  }
});

testIf(missing("python3"), "binary is not written to a terminal, text is", async () => {
  using folder = new Folder();
  const input = folder.write("in", "content");
  for (const args of [["encrypt"], ["encrypt", "-"], ["encrypt", input, "-o", "-"]]) {
    const refused = await onTerminal(args, { env });
    assert.equal(refused.code, 64);
    assert.ok(refused.output.includes("--armor"));
  }
  const passphrase = ["--passphrase-file", "/proc/version"];
  assert.equal((await onTerminal(["encrypt", ...passphrase], { env })).code, 64);
  const armored = await onTerminal(["encrypt", "--armor", input, "-o", "-"], { env });
  assert.deepEqual([armored.code, armored.output.slice(0, 10)], [0, "crypto:v1:"]);
  const asText = await onTerminal(["encrypt", "-q", "--text", "x"], { env });
  assert.deepEqual([asText.code, asText.output.slice(0, 10)], [0, "crypto:v1:"]);
  await succeeds(["encrypt", input], { env });
  const decrypted = await onTerminal(["decrypt", `${input}.crypto`, "-o", "-"], { env });
  assert.deepEqual([decrypted.code, decrypted.output], [0, "content"]);
});

testIf(missing("python3"), "what takes long shows its progress on a terminal", async () => {
  using folder = new Folder();
  const input = folder.write("in", "");
  Deno.truncateSync(input, 2 ** 33);
  const steps = [{ expect: " left", send: "\x03" }];
  const job = { env, steps, redirect: { "1": "/dev/null" } };
  const run = await onTerminal(["encrypt", input, "-o", "-"], job);
  assert.deepEqual([run.signal, run.left], ["SIGINT", 0]);
  assert.match(run.output, /in \[[#-]{24}\] +\d+ % +[\d.]+ [kMG]B\/s +\d+ s left/);
});

testIf(
  missing("python3"),
  "progress without an end in sight, which goes away when done",
  async () => {
    using folder = new Folder();
    // Pieces come until the terminal is typed at.
    const line = `{ read answer </dev/tty; touch typed; } &
    while [ ! -e typed ]; do head -c 1100000 /dev/zero; sleep 0.02; done | exec "$0" encrypt -o out`;
    const steps = [{ expect: "B/s", send: "\n" }];
    const job = { env, cwd: folder.path, steps, program: ["sh", "-c", line, PROGRAM] };
    const { code, left, output } = await onTerminal([], job);
    assert.deepEqual([code, left], [0, 0]);
    assert.match(output, /standard input +[\d.]+ [kMG]B +[\d.]+ [kMG]B\/s/);
    assert.ok(output.endsWith("\r\x1b[K"));
  },
);

/** A run in the background that has read some input and waits for more. */
class Halfway implements AsyncDisposable {
  readonly child: Deno.ChildProcess;
  readonly writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly ended: Promise<Deno.CommandStatus>;

  private constructor(args: readonly string[], environment: Readonly<Record<string, string>>) {
    this.child = new Deno.Command(PROGRAM, {
      args: [...args],
      env: { ...environment },
      clearEnv: true,
      stdin: "piped",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.ended = this.child.status;
    this.writer = this.child.stdin.getWriter();
  }

  /** Starts a run and feeds it some bytes. It has asked the daemon when it has taken them. */
  static async of(
    args: readonly string[],
    input: Uint8Array,
    environment: Readonly<Record<string, string>> = env,
  ): Promise<Halfway> {
    const run = new Halfway(args, environment);
    await run.writer.write(input);
    await eventually("the run has read", async () => {
      const io = await Deno.readTextFile(`/proc/${run.child.pid}/io`).catch(() => "");
      return Number(/rchar: (\d+)/.exec(io)?.[1] ?? 0) >= input.length;
    });
    return run;
  }

  async end(): Promise<{ status: Deno.CommandStatus; stderr: string }> {
    const [status, stderr] = await Promise.all([
      soon("the end", this.ended),
      new Response(this.child.stderr).text(),
    ]);
    return { status, stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.writer.close().catch(() => {});
  }
}

Deno.test("a signal in the middle leaves no partial output, not even a hidden one", async () => {
  using folder = new Folder();
  const message = await succeeds(["encrypt"], { env, stdin: LONG });
  const runs: [string, Bytes][] = [["encrypt", LONG], ["decrypt", message]];
  for (const [command, input] of runs) {
    for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
      await using run = await Halfway.of(
        [command, "-o", folder.at("out")],
        input.slice(0, PIECE + 100),
      );
      assert.deepEqual(folder.names(), []);
      run.child.kill(signal);
      assert.equal((await run.end()).status.signal, signal);
      assert.deepEqual(folder.names(), [], `${command} ${signal}`);
    }
  }
});

Deno.test("a stream goes on when the daemon dies: its data key is there already", async () => {
  using folder = new Folder();
  await using mortal = await startDaemon();
  const message = await succeeds(["encrypt"], { env: mortal.env, stdin: LONG });
  const half = PIECE + 100;
  const encrypt = ["encrypt", "-o", folder.at("encrypted")];
  await using encrypting = await Halfway.of(encrypt, LONG.slice(0, half), mortal.env);
  const decrypt = ["decrypt", "-o", folder.at("decrypted")];
  await using decrypting = await Halfway.of(decrypt, message.slice(0, half), mortal.env);
  await mortal.kill();
  await encrypting.writer.write(LONG.slice(half));
  await encrypting.writer.close();
  await decrypting.writer.write(message.slice(half));
  await decrypting.writer.close();
  for (const run of [encrypting, decrypting]) {
    const { status, stderr } = await run.end();
    assert.deepEqual([status.code, stderr], [0, ""]);
  }
  sameBytes(folder.read("decrypted"), LONG);
  await using again = await startDaemon({ place: mortal.place });
  const back = await succeeds(["decrypt"], { env: again.env, stdin: folder.read("encrypted") });
  sameBytes(back, LONG);
});

testIf(
  missing("mkfifo"),
  "the daemon is asked about every file before the first is worked on",
  async () => {
    using folder = new Folder();
    await using mortal = await startDaemon();
    const [slow, quick] = [folder.at("slow"), folder.write("quick", "quick")];
    await exec(["mkfifo", slow]);
    const running = crypto(["encrypt", slow, quick], { env: mortal.env });
    const writer = await Deno.open(slow, { write: true });
    const asked = () => mortal.log().filter(({ op }) => op === "envelope.create").length;
    await eventually("both data keys are there", () => asked() === 2);
    // However long the first takes now: the daemon, which hangs up on who is silent, is not needed.
    await mortal.kill();
    await writer.write(new TextEncoder().encode("slow"));
    writer.close();
    const { code, stderr } = await soon("the end", running);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.deepEqual(folder.names(), ["quick", "quick.crypto", "slow", "slow.crypto"]);
  },
);

testIf(
  missing("strace"),
  "on a file system without nameless files a hidden one is used",
  async () => {
    using folder = new Folder();
    const file = folder.write("a", LONG);
    const filter = ["-e", "trace=openat", "-e", "inject=openat:error=EOPNOTSUPP"];
    const wrapper = ["strace", "-f", "-qq", "-o", "/dev/null", "-P", folder.path, ...filter];
    const options = { env, wrapper };
    await succeeds(["encrypt", file], options);
    sameBytes(await succeeds(["decrypt", `${file}.crypto`, "-o", "-"], { env }), LONG);
    await succeeds(["decrypt", "-f", `${file}.crypto`], options);
    assert.equal(folder.mode("a"), 0o600);
    sameBytes(folder.read("a"), LONG);
    await fails("io", ["encrypt", "-f", file, folder.at("missing")], options);
    await fails("denied", ["encrypt", "-f", file, "-k", "nobody"], options);
    const cut = folder.write("cut.crypto", folder.read("a.crypto").subarray(0, -1));
    await fails("decryption_failed", ["decrypt", cut], options);
    const nowhere = { ...options, env: { ...env, CRYPTO_SOCKET: folder.at("none") } };
    await fails("unavailable", ["encrypt", "-f", file], nowhere);
    assert.deepEqual(folder.names(), ["a", "a.crypto", "cut.crypto"]);
  },
);

Deno.test("what prints an answer fails when the answer cannot be written", async () => {
  using folder = new Folder();
  for (const args of ["status", "key list", "--help", "completion bash"]) {
    const run = await shell(folder, `"$0" ${args} >/dev/full`);
    assert.notEqual(run.code, 0, args);
  }
});

Deno.test("closed standard descriptors do no harm", async () => {
  using folder = new Folder();
  const file = folder.write("a", "content");
  assert.equal((await shell(folder, `"$0" encrypt a <&- >&- 2>&-`)).code, 0);
  assert.equal(text(await succeeds(["decrypt", `${file}.crypto`, "-o", "-"], { env })), "content");
  assert.equal((await crypto(["status"], { env })).code, 0);
});
