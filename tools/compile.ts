/**
 * `deno task compile [--target TRIPLE] [--output PATH]`: makes the one binary, the same bytes
 * every time.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { basename, dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { NoRuntime, runtimeEnvironment, TARGETS } from "./denort.ts";
import { bundleLambda } from "./lambda.ts";
import { mustDeno, PROJECT, reason } from "./process.ts";

/** What to compile, for which machine, and where to. */
export interface CompileOptions {
  readonly root?: string;
  readonly target?: string;
  readonly output?: string;
}

/** The binary that was made. */
export interface Binary {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

// The names of the scripts and of the program are part of the binary.
const SCRIPT = "main.js";
const PROGRAM = "crypto";

// Of Deno's variables only those that say where things are fetched from and kept: the others
// (DENO_V8_FLAGS, DENO_UNSTABLE_*, NODE_OPTIONS, OTEL_*) end up in the binary.
const HARMLESS = ["DENO_DIR", "DENO_CERT", "DENO_TLS_CA_STORE", "DENO_AUTH_TOKENS"];

/** Bundles `main.ts`, compiles the bundles and moves the program to its place in one step. */
export async function compile(options: CompileOptions = {}): Promise<Binary> {
  const root = options.root ?? PROJECT;
  const target = options.target ?? Deno.build.target;
  const output = resolve(root, options.output ?? defaultOutput(options.target));
  const env = await runtimeEnvironment(target);
  const folder = await Deno.makeTempDir({ prefix: "crypto-compile-" });
  try {
    await bundleLambda(root, { inherits: leavesNoTrace });
    await bundle(root, folder, "--minify");
    await requireAllClosed(root, folder);
    const program = join(folder, PROGRAM + suffix(target));
    await mustDeno(compileArguments(await unstableFeatures(root), target, basename(program)), {
      cwd: folder,
      env,
      inherits: leavesNoTrace,
    });
    await publish(program, output);
    return await describe(output);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function suffix(target: string): string {
  return target.includes("windows") ? ".exe" : "";
}

/** Where the program goes when nobody says. */
export function defaultOutput(target?: string): string {
  const name = target === undefined ? PROGRAM : `${PROGRAM}-${target}`;
  return join("dist", name + suffix(target ?? Deno.build.target));
}

/** One script for what every start needs, and one for each part that is loaded when it is used. */
export async function bundle(root: string, folder: string, ...more: string[]): Promise<void> {
  const options = ["--quiet", "--platform", "deno", "--code-splitting", ...more];
  await mustDeno(["bundle", ...options, "--outdir", folder, join(root, "main.ts")], {
    cwd: root,
    inherits: leavesNoTrace,
  });
  const scripts = new Map<string, string>();
  for await (const { name } of Deno.readDir(folder)) {
    const path = join(folder, name);
    scripts.set(name, withoutRequire(await Deno.readTextFile(path)));
    await Deno.remove(path);
  }
  for (const [name, text] of namedByContent(scripts)) {
    const path = join(folder, name);
    await Deno.writeTextFile(path, text);
    // The time of each script is part of the binary.
    await Deno.utime(path, 0, 0);
  }
}

/** As far as scripts that differ in nothing but what they import are told apart. */
const NAMING_ROUNDS = 4;
const BUNDLERS_NAME = /-[0-9A-Z]{8}\.js$/;

/**
 * Names scripts after what is in them and in what they import: the bundler's names also depend on
 * the way from the project to npm's cache, and would be part of the binary.
 */
export function namedByContent(scripts: ReadonlyMap<string, string>): Map<string, string> {
  const names = [...scripts.keys()].filter((name) => BUNDLERS_NAME.test(name));
  const any = new RegExp(names.map((name) => RegExp.escape(name)).join("|") || "(?!)", "g");
  let given: Record<string, string> = {};
  const rewritten = (text: string) => text.replace(any, (name) => given[name] ?? "");
  for (let round = 0; round < NAMING_ROUNDS; round++) {
    given = Object.fromEntries(names.map((name) => {
      const hash = createHash("sha256").update(rewritten(scripts.get(name)!)).digest("hex");
      return [name, name.replace(BUNDLERS_NAME, `-${hash.slice(0, 12)}.js`)];
    }));
  }
  const named = new Map<string, string>();
  for (const [name, text] of scripts) named.set(given[name] ?? name, rewritten(text));
  if (named.size === scripts.size) return named;
  throw new Error("two scripts cannot be told apart");
}

const USING = /\busing [\w$]+ *=/g;
/** One that the next line goes on with: the minifier makes one declaration of both. */
const JOINED = /^ *using .*;\n(?= *using )/gm;

/**
 * Compares the minified scripts in a folder with what they were: where a variable of `using` is
 * used once, the minifier of Deno 2.9.4 drops it, and what it holds is never closed.
 * @throws {Error} if one is missing; `try` and `finally` take its place
 */
export async function requireAllClosed(root: string, folder: string): Promise<void> {
  const plain = await Deno.makeTempDir({ prefix: "crypto-compile-" });
  try {
    await bundle(root, plain);
    const [written, left] = await Promise.all([plain, folder].map(countUsing));
    if (written === left) return;
    throw new Error(`the minifier dropped ${written! - left!} of ${written} uses of \`using\``);
  } finally {
    await Deno.remove(plain, { recursive: true });
  }
}

async function countUsing(folder: string): Promise<number> {
  let count = 0;
  for await (const { name } of Deno.readDir(folder)) {
    const text = await Deno.readTextFile(join(folder, name));
    count += text.replace(JOINED, "").match(USING)?.length ?? 0;
  }
  return count;
}

/** How Deno's bundler lets CommonJS call `require`, in a script that every other one imports. */
const REQUIRE = new RegExp(
  String
    .raw`import *\{ *createRequire as (__deno_internal_createRequire) *\} *from *"node:module";\s*` +
    String.raw`var ([\w$]+) *= *\1\(import\.meta\.url\);`,
);

/**
 * Lets `require` give what is built in, when it is called: as it comes it loads node's modules at
 * every start, and looks for files, which a compiled program is never to do.
 */
export function withoutRequire(script: string): string {
  const lean = script.replace(REQUIRE, "var $2 = (name) => process.getBuiltinModule(name);");
  if (!lean.includes("createRequire as __deno")) return lean;
  throw new Error("the bundler writes `require` in another way than this knows");
}

/** Whether a variable of the environment may reach the compiler. */
export function leavesNoTrace(name: string): boolean {
  return HARMLESS.includes(name) || !/^(DENO|NODE_OPTIONS$|OTEL)/.test(name);
}

async function unstableFeatures(root: string): Promise<string[]> {
  const text = await Deno.readTextFile(join(root, "deno.json"));
  return (JSON.parse(text) as { unstable?: string[] }).unstable ?? [];
}

/** The arguments that turn the bundles into a program. */
export function compileArguments(
  unstable: readonly string[],
  target: string,
  program: string,
): string[] {
  return [
    "compile",
    "--quiet",
    "--no-config",
    "--no-lock",
    "--no-check",
    "--allow-all",
    "--no-prompt",
    // A code cache is a file of a known name in the world-writable temporary directory, and the
    // code in it is run: whoever puts one there first runs code as the user of the program.
    "--no-code-cache",
    // Garbage is collected in small portions, on the thread that made it: the daemon then keeps
    // less memory after load.
    "--v8-flags=--max-semi-space-size=4,--no-concurrent-array-buffer-sweeping",
    ...unstable.map((feature) => `--unstable-${feature}`),
    ...["--app-name", PROGRAM, "--target", target, "-o", program, SCRIPT],
  ];
}

/** Moves a program into place; a copy first, as a rename does not cross file systems. */
async function publish(program: string, output: string): Promise<void> {
  await Deno.mkdir(dirname(output), { recursive: true });
  const temporary = join(dirname(output), `.${basename(output)}.${crypto.randomUUID()}`);
  try {
    await Deno.copyFile(program, temporary);
    if (Deno.build.os !== "windows") await Deno.chmod(temporary, 0o755);
    await Deno.rename(temporary, output);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}

async function describe(path: string): Promise<Binary> {
  const bytes = await Deno.readFile(path);
  return { path, size: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    args: Deno.args,
    options: { target: { type: "string" }, output: { type: "string" } },
  });
  const output = values.output === undefined ? {} : { output: resolve(values.output) };
  const { target } = values;
  if (target !== undefined && !TARGETS.includes(target)) {
    console.error(`compile: --target ${target} is none\n  hint: ${TARGETS.join(", ")}`);
    Deno.exit(64);
  }
  const binary = await compile({ ...values, ...output });
  console.log(`${binary.path} ${binary.size} ${binary.sha256}`);
}

if (import.meta.main) {
  await main().catch((error) => {
    console.error(`compile: ${reason(error)}`);
    // As the program itself says that something cannot be reached.
    Deno.exit(error instanceof NoRuntime ? 69 : 1);
  });
}
