/** A build of the program that tries, from inside, what no subcommand may do; and what came of it. */
import assert from "node:assert/strict";
import { compile } from "../../tools/compile.ts";
import { PROJECT } from "../../tools/process.ts";
import { MARK, type Trial } from "./hook.ts";

/** The program with the probe before it, by the very steps that make `crypto`. */
export async function probedProgram(directory: string): Promise<string> {
  const { imports, unstable } = JSON.parse(await Deno.readTextFile(`${PROJECT}/deno.json`));
  const settings = { imports, unstable, lock: false, nodeModulesDir: "none" };
  await Deno.writeTextFile(`${directory}/deno.json`, JSON.stringify(settings));
  const modules = [new URL("hook.ts", import.meta.url).href, `file://${PROJECT}/main.ts`];
  const entry = modules.map((module) => `import ${JSON.stringify(module)};\n`).join("");
  await Deno.writeTextFile(`${directory}/main.ts`, entry);
  return (await compile({ root: directory, output: "probed" })).path;
}

/** The runtime's words for a missing permission. */
const REFUSALS = ["NotCapable", "PermissionDenied"];

/** What was tried. */
export function trials(stderr: string): Trial[] {
  const lines = stderr.split("\n").filter((line) => line.startsWith(MARK));
  return lines.map((line) => JSON.parse(line.slice(MARK.length)) as Trial);
}

/**
 * Asserts that all was refused, each time.
 * @param allowed attempts that a worker may do at first, since it gives that up later
 */
export function allRefused(
  stderr: string,
  allowed: (trial: Trial, what: string) => boolean,
): Trial[] {
  const seen = trials(stderr);
  for (const trial of seen) {
    for (const [what, result] of Object.entries(trial.attempts)) {
      const fine = REFUSALS.includes(result) || allowed(trial, what);
      assert.ok(fine, `${trial.where}, ${trial.when}: ${what}: ${result}`);
    }
  }
  return seen;
}

/** No attempt. */
export const nothing = () => false;

/** Libraries are what a worker needs to start, and gives up before it answers anything. */
export function starting({ when }: Trial, what: string): boolean {
  return when === "tells loaded" && ["load a library", "make a pointer"].includes(what);
}
