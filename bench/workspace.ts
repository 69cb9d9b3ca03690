/** Where a run keeps its files, and what must end with it. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile } from "../tools/compile.ts";

/** The settings of a run. */
export interface Settings {
  /** Fewer and shorter rounds: for a look while working, not for a claim. */
  readonly quick: boolean;
  /** A binary to measure instead of a fresh one of this source. */
  readonly binary?: string | undefined;
  /** Where the files go. */
  readonly directory?: string | undefined;
}

/** A program that runs beside the measurements. */
export interface Companion {
  readonly process: Deno.ChildProcess;
  /** Settles when it has ended, with what it wrote to standard error. */
  readonly complaint: Promise<string>;
}

/** A directory of one run or of one part of it, and the child processes that work there. */
export class Workspace {
  readonly #children = new Set<Deno.ChildProcess>();
  /** How many rounds were measured here, and in how many of them other programs were busy. */
  rounds = 0;
  disturbed = 0;

  private constructor(
    readonly directory: string,
    /** The binary that is measured: a copy of its own, so that it stays the same. */
    readonly crypto: string,
    readonly quick: boolean,
  ) {}

  /** Makes the directory and puts the binary there. */
  static async make({ quick, binary, directory }: Settings): Promise<Workspace> {
    const options = {
      prefix: "crypto-bench-",
      ...directory === undefined ? {} : { dir: directory },
    };
    const space = await Deno.makeTempDir(options);
    const program = join(space, "crypto");
    try {
      if (binary === undefined) await compile({ output: program });
      else await Deno.copyFile(binary, program);
      return new Workspace(space, program, quick);
    } catch (error) {
      await Deno.remove(space, { recursive: true });
      throw error;
    }
  }

  /** A workspace within this one. Removing this one removes it too, but not its processes. */
  async within(name: string): Promise<Workspace> {
    const directory = this.path(name);
    await Deno.mkdir(directory, { mode: 0o700 });
    return new Workspace(directory, this.crypto, this.quick);
  }

  /** A path in the directory. */
  path(name: string): string {
    return join(this.directory, name);
  }

  /** Starts a program that runs until {@link remove}. Its environment is `env` and PATH. */
  start(
    program: string,
    args: readonly string[],
    options: Pick<Deno.CommandOptions, "env" | "stdin" | "stdout"> = {},
  ): Companion {
    const { env, stdin = "null", stdout = "null" } = options;
    const process = new Deno.Command(program, {
      args: [...args],
      env: { PATH: Deno.env.get("PATH") ?? "", HOME: this.directory, ...env },
      clearEnv: true,
      stdin,
      stdout,
      stderr: "piped",
    }).spawn();
    this.#children.add(process);
    void process.status.then(() => this.#children.delete(process));
    return { process, complaint: new Response(process.stderr).text() };
  }

  /** The programs that run beside the measurements. */
  get pids(): number[] {
    return [...this.#children].map(({ pid }) => pid);
  }

  /** Ends what still runs and removes all files. */
  async remove(): Promise<void> {
    const children = [...this.#children];
    for (const child of children) child.kill("SIGKILL");
    await Promise.all(children.map((child) => child.status));
    await Deno.remove(this.directory, { recursive: true });
  }
}

/**
 * Runs a program to its end, in at most `seconds`, with `input` to read. Throws what it complains
 * about if it fails.
 */
export async function output(
  program: string,
  args: readonly string[],
  seconds = 60,
  input = "",
): Promise<string> {
  const signal = AbortSignal.timeout(seconds * 1000);
  const streams = { stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  const child = new Deno.Command(program, { args: [...args], ...streams, signal }).spawn();
  const fed = new Blob([input]).stream().pipeTo(child.stdin).catch(() => {});
  const [{ success, stdout, stderr }] = await Promise.all([child.output(), fed]);
  if (success) return new TextDecoder().decode(stdout);
  throw new Error(`${program} failed: ${new TextDecoder().decode(stderr).trim().slice(0, 2000)}`);
}

/** Compiles a source in C of this folder. @returns the path of the program */
export async function compileC(
  space: Workspace,
  source: string,
  { name, options = [] }: { readonly name: string; readonly options?: readonly string[] },
): Promise<string> {
  const program = space.path(name);
  const path = fileURLToPath(new URL(source, import.meta.url));
  await output("cc", ["-O2", "-o", program, path, ...options]);
  return program;
}

/** Whether a program can be found. */
export async function has(program: string): Promise<boolean> {
  return await output("sh", ["-c", `command -v ${program}`]).then(() => true, () => false);
}
