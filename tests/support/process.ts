/** Running programs in tests: each has a time, and none is left. */
import { fileURLToPath } from "node:url";
import { PATIENCE, whenLate } from "./wait.ts";

/** How a program ended, with what it wrote on standard output as bytes or as text. */
export interface Ended<Output = string> {
  readonly code: number;
  readonly signal: string | null;
  readonly stdout: Output;
  readonly stderr: string;
}

/** How a program runs. */
export interface RunOptions {
  /** All of its environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly cwd?: string | undefined;
  readonly stdin?: string | Uint8Array | AsyncIterable<string> | undefined;
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

/** Runs a program to its end, and gives what it wrote as bytes. */
export async function exec(
  [program = "", ...args]: readonly string[],
  { env = plainEnvironment(), cwd, stdin, patience = PATIENCE }: RunOptions = {},
): Promise<Ended<Uint8Array<ArrayBuffer>>> {
  const child = new Deno.Command(program, {
    args,
    env: { ...env },
    clearEnv: true,
    ...(cwd === undefined ? {} : { cwd }),
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  using _ = whenLate(patience, () => kill(child, "SIGKILL"));
  const fed = stdin === undefined ? undefined : feed(child.stdin, stdin);
  const { code, signal, stdout, stderr } = await child.output();
  await fed;
  return { code, signal, stdout, stderr: new TextDecoder().decode(stderr) };
}

/** Runs a program to its end, and gives what it wrote as text. */
export async function run(command: readonly string[], options: RunOptions = {}): Promise<Ended> {
  const { stdout, ...ended } = await exec(command, options);
  return { ...ended, stdout: new TextDecoder().decode(stdout) };
}

async function feed(
  to: WritableStream<Uint8Array>,
  data: string | Uint8Array | AsyncIterable<string>,
): Promise<void> {
  const whole = typeof data === "string" || data instanceof Uint8Array;
  const writer = to.getWriter();
  try {
    for await (const part of whole ? [data] : data) {
      await writer.write(typeof part === "string" ? new TextEncoder().encode(part) : part);
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
