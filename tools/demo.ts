/**
 * `deno task demo`: the whole thing in half a minute. Builds the binary, starts a daemon in a
 * temporary directory, and encrypts and decrypts a large file and a line of text through it.
 *
 * @module
 */
import { join } from "node:path";
import { formatBytes } from "../client/terminal.ts";
import { compile } from "./compile.ts";

const FILE_BYTES = 512_000_000;
const BLOCK_BYTES = 65_536;
const START_TIME = 10_000;
const SECRET = "the line of text that nobody else should read";

/** Prints what is about to be done, as it would be typed. */
function show(command: string): void {
  console.log(`\n$ ${command}`);
}

/** Starts a program of the demonstration, with its errors and its progress shown. */
class Demonstration {
  readonly #environment: Readonly<Record<string, string>>;

  constructor(private readonly crypto: string, private readonly directory: string) {
    this.#environment = { ...Deno.env.toObject(), ...userDirectories(directory) };
  }

  #command(args: readonly string[], io: Pick<Deno.CommandOptions, "stdin" | "stdout">) {
    const options = { cwd: this.directory, env: this.#environment, clearEnv: true };
    return new Deno.Command(this.crypto, { ...options, ...io, args: [...args], stderr: "inherit" });
  }

  /** Starts the daemon and waits until it answers. */
  async serve(): Promise<Deno.ChildProcess> {
    show("crypto serve &");
    const daemon = this.#command(["serve"], { stdin: "null", stdout: "inherit" }).spawn();
    const socket = join(this.directory, "run", "crypto", "crypto.sock");
    await waitFor(socket);
    return daemon;
  }

  /** Runs a subcommand with some standard input; gives its standard output. */
  async run(args: readonly string[], input = ""): Promise<string> {
    const child = this.#command(args, { stdin: "piped", stdout: "piped" }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
    const { success, stdout } = await child.output();
    if (!success) throw new Error(`crypto ${args[0]} failed`);
    return new TextDecoder().decode(stdout);
  }

  /** Runs a subcommand on a file of that many bytes and says how fast that was. */
  async time(args: readonly string[], bytes: number): Promise<void> {
    show(`crypto ${args.join(" ")}`);
    const start = performance.now();
    await this.run(args);
    const seconds = (performance.now() - start) / 1000;
    console.log(
      `${formatBytes(bytes)} in ${seconds.toFixed(2)} s: ${formatBytes(bytes / seconds)}/s`,
    );
  }
}

/** The variables that keep the demonstration out of the user's own directories. */
function userDirectories(directory: string): Record<string, string> {
  return {
    HOME: directory,
    XDG_CONFIG_HOME: join(directory, "config"),
    XDG_STATE_HOME: join(directory, "state"),
    XDG_RUNTIME_DIR: join(directory, "run"),
    CRYPTO_SOCKET: join(directory, "run", "crypto", "crypto.sock"),
  };
}

async function waitFor(path: string): Promise<void> {
  const deadline = Date.now() + START_TIME;
  while (!await Deno.lstat(path).then(() => true, () => false)) {
    if (Date.now() > deadline) throw new Error("the daemon did not start");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** A file of random bytes. */
async function makeFile(path: string): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  const writer = file.writable.getWriter();
  const block = new Uint8Array(BLOCK_BYTES);
  for (let left = FILE_BYTES; left > 0; left -= BLOCK_BYTES) {
    await writer.write(crypto.getRandomValues(block).subarray(0, Math.min(left, BLOCK_BYTES)));
  }
}

async function sha256(path: string): Promise<string> {
  const { createHash } = await import("node:crypto");
  const hash = createHash("sha256");
  for await (const piece of (await Deno.open(path)).readable) hash.update(piece);
  return hash.digest("hex");
}

async function demonstrateFile(demonstration: Demonstration, directory: string): Promise<void> {
  const [plain, back] = [join(directory, "video.bin"), join(directory, "back.bin")];
  await makeFile(plain);
  await demonstration.time(["encrypt", "video.bin"], FILE_BYTES);
  await demonstration.time(["decrypt", "video.bin.crypto", "--output", "back.bin"], FILE_BYTES);
  const same = await sha256(plain) === await sha256(back);
  console.log(same ? "the same bytes came back" : "OTHER BYTES CAME BACK");
  if (!same) throw new Error("decryption gave other bytes");
}

async function demonstrateText(demonstration: Demonstration): Promise<void> {
  show(`echo '${SECRET}' | crypto encrypt --armor > secret; cat secret`);
  const message = await demonstration.run(["encrypt", "--armor"], `${SECRET}\n`);
  console.log(message.trimEnd());
  show("crypto decrypt < secret");
  console.log((await demonstration.run(["decrypt"], message)).trimEnd());
  show("crypto status");
  console.log((await demonstration.run(["status"])).trimEnd());
}

if (import.meta.main) {
  console.log("building dist/crypto …");
  const { path, size } = await compile();
  console.log(`dist/crypto: ${formatBytes(size)}`);
  const directory = await Deno.makeTempDir({ prefix: "crypto-demo-" });
  try {
    await Deno.mkdir(join(directory, "run"), { mode: 0o700 });
    const demonstration = new Demonstration(path, directory);
    const daemon = await demonstration.serve();
    try {
      await demonstrateFile(demonstration, directory);
      await demonstrateText(demonstration);
    } finally {
      daemon.kill("SIGTERM");
      await daemon.status;
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}
