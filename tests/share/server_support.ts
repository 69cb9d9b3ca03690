/** Share servers for tests. */
import { compiledProgram, kill, plainEnvironment } from "../support/process.ts";
import { eventually, soon } from "../support/wait.ts";

/**
 * A share server: the compiled program, over a directory of its own unless one is given, or the
 * arguments say that its store is elsewhere.
 */
export class ShareProcess implements AsyncDisposable {
  readonly directory: string;
  readonly #ownDirectory: boolean;
  readonly #child: Deno.ChildProcess;
  readonly #output: Promise<void>;
  stderr = "";

  /** @param wrapper a command in front, such as one that gives it a small disk */
  constructor(args: readonly string[] = [], directory?: string, wrapper: readonly string[] = []) {
    this.#ownDirectory = directory === undefined;
    this.directory = directory ?? Deno.makeTempDirSync({ prefix: "cts-" });
    const [program = "", ...before] = [...wrapper, compiledProgram()];
    const listen = args.includes("--listen") ? [] : ["--listen", "127.0.0.1:0"];
    const data = args.includes("--store") ? [] : ["--data", this.directory];
    this.#child = new Deno.Command(program, {
      args: [...before, "share", "serve", ...listen, ...data, ...args],
      env: { ...plainEnvironment(), HOME: this.directory },
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#output = this.#collect();
  }

  async #collect(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of this.#child.stderr) {
      this.stderr += decoder.decode(bytes, { stream: true });
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Settles when it ends by itself. */
  get status(): Promise<Deno.CommandStatus> {
    return this.#child.status;
  }

  /** Where it listens. */
  get url(): string {
    return `http://${/listening on (\S+)/.exec(this.stderr)?.[1]}`;
  }

  async ready(): Promise<this> {
    let ended = false;
    void this.#child.status.then(() => ended = true);
    await eventually("the share server listens", () => {
      if (ended) throw new Error(`the share server did not start: ${this.stderr}`);
      return this.stderr.includes("listening on ");
    });
    return this;
  }

  async end(signal: Deno.Signal): Promise<Deno.CommandStatus> {
    kill(this.#child, signal);
    const status = await soon("the share server's end", this.#child.status);
    await this.#output;
    return status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
    if (this.#ownDirectory) Deno.removeSync(this.directory, { recursive: true });
  }
}

/** Rates that no test reaches by itself. */
export const UNHURRIED = [
  "--requests-per-minute",
  "10000000",
  "--creations-per-minute",
  "10000000",
];

/** Starts a share server and waits until it listens. */
export async function startShare(
  args: readonly string[] = UNHURRIED,
  directory?: string,
): Promise<ShareProcess> {
  const server = new ShareProcess(args, directory);
  try {
    return await server.ready();
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
}
