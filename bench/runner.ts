/** Running programs to their end and measuring them, by runner.py. */
import { fileURLToPath } from "node:url";
import { plainPython } from "./python.ts";
import type { Workspace } from "./workspace.ts";

/** Programs connected by pipes, and what is at both ends: /dev/null unless told. */
export interface Job {
  readonly pipeline: readonly (readonly string[])[];
  /** A file to read from. */
  readonly stdin?: string;
  /** A text to read. */
  readonly text?: string;
  /** A file to write to. */
  readonly stdout?: string;
  /** Whether to give back the output. */
  readonly capture?: boolean;
}

/** What one of the programs came to. */
interface Ended {
  readonly status: number;
  /** The most memory that it had in use, in bytes. */
  readonly rss: number;
  /** Seconds of processor time. */
  readonly cpu: number;
}

/** What a job came to. */
export interface Ran {
  /** From before the first program's start to after the last one's end. */
  readonly seconds: number;
  readonly processes: readonly Ended[];
  readonly output?: string;
}

/** Runs one job after another in a process that is small, so that starting others is quick. */
export class Runner {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #answers: AsyncIterator<string>;

  private constructor(
    child: Deno.ChildProcess,
    /** The interpreter that it runs in. */
    readonly python: string,
  ) {
    this.#writer = child.stdin.getWriter();
    this.#answers = lines(child.stdout);
  }

  /** Starts the process. */
  static async start(space: Workspace, env: Record<string, string> = {}): Promise<Runner> {
    const python = await plainPython();
    const script = fileURLToPath(new URL("runner.py", import.meta.url));
    const child = space.start(python, [script], { env, stdin: "piped", stdout: "piped" });
    return new Runner(child.process, python);
  }

  /** Runs a job. Throws if one of its programs fails. */
  async run(job: Job): Promise<Ran> {
    await this.#writer.write(new TextEncoder().encode(JSON.stringify(job) + "\n"));
    const { done, value } = await this.#answers.next();
    if (done) throw new Error("the runner has ended");
    const ran = JSON.parse(value) as Ran & { readonly errors: string };
    if (ran.processes.every(({ status }) => status === 0)) return ran;
    const commands = job.pipeline.map((command) => command.join(" ")).join(" | ");
    throw new Error(`${commands} failed: ${ran.errors.trim()}`);
  }

  /** Ends the process. */
  async stop(): Promise<void> {
    await this.#writer.close();
  }
}

async function* lines(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const complete = (rest + text).split("\n");
    rest = complete.pop() ?? "";
    yield* complete;
  }
}
