/**
 * Starting Deno from the tools.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

/** The folder of the project. */
export const PROJECT = fileURLToPath(new URL("../", import.meta.url)).replace(/[\\/]$/, "");

/** Where a child runs, and what is added to its environment. */
export interface Place {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Which variables of this process the child gets; all when absent. */
  readonly inherits?: (name: string) => boolean;
}

/** How a child ended. */
export interface Ended {
  readonly success: boolean;
  readonly code: number;
  readonly stdout: string;
  /** Both streams, for the report of a failure. */
  readonly output: string;
}

/** The environment of a child, whose output is plain wherever nobody looks at it. */
export function childEnvironment(place: Place = {}): Record<string, string> {
  const inherits = place.inherits ?? (() => true);
  const own = Object.entries(Deno.env.toObject()).filter(([name]) => inherits(name));
  const colour: Record<string, string> = Deno.stdout.isTerminal() ? {} : { NO_COLOR: "1" };
  return { ...Object.fromEntries(own), RUST_BACKTRACE: "0", ...colour, ...place.env };
}

/** Runs this same Deno with `args` to its end and collects what it prints. */
export async function deno(args: readonly string[], place: Place = {}): Promise<Ended> {
  return await run(Deno.execPath(), args, place);
}

/** Runs a program to its end and collects what it prints. */
export async function run(
  program: string,
  args: readonly string[],
  place: Place = {},
): Promise<Ended> {
  const result = await new Deno.Command(program, {
    args: [...args],
    cwd: place.cwd ?? PROJECT,
    env: childEnvironment(place),
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const stdout = new TextDecoder().decode(result.stdout);
  const output = new TextDecoder().decode(result.stderr) + stdout;
  return { success: result.success, code: result.code, stdout, output };
}

/** Runs Deno like {@linkcode deno}; throws, with all it printed, when it fails. */
export async function mustDeno(args: readonly string[], place: Place = {}): Promise<string> {
  const ended = await deno(args, place);
  if (ended.success) return ended.stdout;
  throw new Error(`deno ${args[0] ?? ""} failed with status ${ended.code}\n${ended.output}`);
}

/** The text of an error for a person at a build machine. */
export function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
