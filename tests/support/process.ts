/** Running programs in tests: each has a time, and none is left. */
import { fileURLToPath } from "node:url";
import { PATIENCE } from "./wait.ts";

/** How a program ended. */
export interface Ended {
  readonly code: number;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How a program runs. */
export interface RunOptions {
  /** All of its environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly cwd?: string | undefined;
  readonly stdin?: string | AsyncIterable<string> | undefined;
  /** Milliseconds, after which it is killed. */
  readonly patience?: number | undefined;
}

/** The compiled program; fails if it has not been made. */
export function compiledProgram(): string {
  const path = fileURLToPath(new URL("../../dist/crypto", import.meta.url));
  try {
    Deno.statSync(path);
    return path;
  } catch {
    throw new Error(`${path} is missing: run \`deno task compile\` first`);
  }
}

/** What every child needs of the environment of the tests. */
export function plainEnvironment(): Record<string, string> {
  return { PATH: Deno.env.get("PATH") ?? "/usr/sbin:/usr/bin:/sbin:/bin", NO_COLOR: "1" };
}

/** Runs a program to its end. */
export async function run(
  [program = "", ...args]: readonly string[],
  { env = plainEnvironment(), cwd, stdin, patience = PATIENCE }: RunOptions = {},
): Promise<Ended> {
  const child = new Deno.Command(program, {
    args,
    env: { ...env },
    clearEnv: true,
    ...(cwd === undefined ? {} : { cwd }),
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const timer = setTimeout(() => kill(child, "SIGKILL"), patience);
  try {
    const [status, stdout, stderr] = await Promise.all([
      child.status,
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      stdin === undefined ? undefined : feed(child.stdin, stdin),
    ]);
    return { code: status.code, signal: status.signal, stdout, stderr };
  } finally {
    clearTimeout(timer);
  }
}

async function feed(
  to: WritableStream<Uint8Array>,
  data: string | AsyncIterable<string>,
): Promise<void> {
  const writer = to.getWriter();
  try {
    for await (const text of typeof data === "string" ? [data] : data) {
      await writer.write(new TextEncoder().encode(text));
    }
    await writer.close();
  } catch {
    // A program that does not read to the end has its reasons.
  }
}

/** Sends a signal to a child, if it is still there. */
export function kill(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch {
    // It has ended.
  }
}

/** Runs a program that must succeed, and gives what it printed. */
export async function must(
  command: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await run(command, options);
  if (code !== 0) throw new Error(`${command[0]} ended with status ${code}: ${stderr}`);
  return stdout;
}

const copies = new Map<string, string>();

/** The path of a program that every user may run: the program itself, or a copy of it. */
export function publicProgram(path: string): string {
  if (isPublic(path)) return path;
  const copy = copies.get(path) ?? copyProgram(path);
  copies.set(path, copy);
  return copy;
}

function isPublic(path: string): boolean {
  const parts = path.split("/").slice(1);
  const paths = parts.map((_, i) => "/" + parts.slice(0, i + 1).join("/"));
  return paths.every((part) => ((Deno.statSync(part).mode ?? 0) & 0o005) === 0o005);
}

function copyProgram(path: string): string {
  const directory = Deno.makeTempDirSync({ prefix: "ctp-" });
  globalThis.addEventListener("unload", () => Deno.removeSync(directory, { recursive: true }));
  Deno.chmodSync(directory, 0o755);
  const copy = `${directory}/${path.split("/").at(-1)}`;
  Deno.copyFileSync(path, copy);
  Deno.chmodSync(copy, 0o755);
  return copy;
}
