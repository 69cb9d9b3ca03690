/**
 * `deno task fuzz [TARGET…] [--seconds N] [--seed N]`: gives what reads others' bytes and texts
 * inputs that are nearly right. What was found once is in `corpus/TARGET/` and is tried first; what
 * is found anew is put there.
 */
import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import type { Bytes } from "../../core/bytes.ts";
import { whenLate } from "../support/wait.ts";
import { FORMATS } from "./formats.ts";
import { Chance, mutate } from "./mutate.ts";
import { SERVICES } from "./services.ts";
import { isRefusal, type Target } from "./target.ts";

/** All targets, by their names. */
export const TARGETS: Readonly<Record<string, () => Promise<Target>>> = { ...FORMATS, ...SERVICES };
/** Milliseconds that one input may take: more is a way to keep somebody busy. */
const PATIENCE = 5_000;
const CORPUS = new URL("corpus/", import.meta.url);

/** An input that did what none must. */
export class Found extends Error {
  constructor(readonly input: Bytes, cause: unknown) {
    super(`${cause instanceof Error ? cause.message : cause}\ninput: ${input.toHex()}`, { cause });
  }
}

/** How long, and from where on. */
export interface FuzzOptions {
  readonly milliseconds: number;
  readonly seed: number;
}

/** Tries a target of the table. Gives how many inputs were tried. @throws {Found} */
export async function fuzz(name: string, options: FuzzOptions): Promise<number> {
  await using target = await TARGETS[name]!();
  return await tryOut(target, corpusOf(name), options);
}

/** Tries a target with its seeds, these inputs, and what is made of them. @throws {Found} */
export async function tryOut(
  target: Target,
  corpus: readonly Bytes[],
  { milliseconds, seed }: FuzzOptions,
): Promise<number> {
  const known = [...target.seeds, ...corpus];
  for (const input of known) await attempt(target, input);
  const chance = new Chance(seed);
  const end = performance.now() + milliseconds;
  let tried = known.length;
  for (; performance.now() < end; tried++) await attempt(target, mutate(known, chance));
  return tried;
}

async function attempt(target: Target, input: Bytes): Promise<void> {
  const late = Promise.withResolvers<never>();
  using _ = whenLate(PATIENCE, () => late.reject(new Error("it takes too long")));
  try {
    await Promise.race([target.read(input), late.promise]);
  } catch (thrown) {
    if (!isRefusal(thrown)) throw new Found(input, thrown);
  }
}

function corpusOf(name: string): Bytes[] {
  try {
    const directory = new URL(`${name}/`, CORPUS);
    const names = Array.from(Deno.readDirSync(directory), (entry) => entry.name).sort();
    return names.map((file) => Deno.readFileSync(new URL(file, directory)));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
}

function keep(name: string, input: Bytes): string {
  const directory = new URL(`${name}/`, CORPUS);
  Deno.mkdirSync(directory, { recursive: true });
  const file = new URL(createHash("sha256").update(input).digest("hex").slice(0, 16), directory);
  Deno.writeFileSync(file, input);
  return file.pathname;
}

async function main(): Promise<boolean> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seconds: { type: "string", default: "60" },
      seed: { type: "string", default: `${Date.now() % 2 ** 31}` },
    },
  });
  const options = { milliseconds: Number(values.seconds) * 1_000, seed: Number(values.seed) };
  let sound = true;
  for (const name of positionals.length > 0 ? positionals : Object.keys(TARGETS)) {
    try {
      console.log(`${name}: ${await fuzz(name, options)} inputs, seed ${options.seed}`);
    } catch (error) {
      if (!(error instanceof Found)) throw error;
      sound = false;
      console.error(`${name}: ${error.message}\nkept as ${keep(name, error.input)}`);
    }
  }
  return sound;
}

if (import.meta.main) Deno.exit(await main() ? 0 : 1);
