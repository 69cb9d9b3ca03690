/**
 * `deno task test [PATH…] [--no-check] [--no-compile]`: the gate, the binary, the tests. The last
 * line it prints is the count.
 *
 * @module
 */
import { join } from "node:path";
import { parseArgs } from "node:util";
import { check } from "./check.ts";
import { compile } from "./compile.ts";
import { childEnvironment, PROJECT, reason } from "./process.ts";
import { add, NOTHING, outcome, type Report, type Tally, tally } from "./report.ts";

// What is quick comes first, so that a failure shows early. These are one half of the work; the
// others run beside them, since most tests wait for something else than the processor.
const FIRST = ["core", "platform", "tools", "server", "client", "cli", "fuzz", "interop"];

async function main(): Promise<boolean> {
  const { values, positionals } = parseArgs({
    args: Deno.args,
    allowPositionals: true,
    options: { "no-check": { type: "boolean" }, "no-compile": { type: "boolean" } },
  });
  const paths = positionals.length > 0
    ? await Promise.all(positionals.map(testPath))
    : await testFolders(join(PROJECT, "tests"));
  let total = NOTHING;
  if (!values["no-check"] && await check() > 0) total = add(total, { ...NOTHING, failed: 1 });
  if (!values["no-compile"]) total = add(total, await compiled());
  const lanes = lanesOf(paths).map((lane) => testsOf(lane, lane.length === paths.length));
  for (const tally of await Promise.all(lanes)) total = add(total, tally);
  const { lines, success } = outcome(total, Deno.env.get("CI") === "true");
  console.log(lines.join("\n"));
  return success;
}

/** What may run side by side. */
function lanesOf(paths: readonly string[]): string[][] {
  const isFirst = (path: string) => FIRST.some((name) => path === join("tests", name));
  return [paths.filter(isFirst), paths.filter((path) => !isFirst(path))]
    .filter((lane) => lane.length > 0);
}

/** @param alone whether what is printed can be shown as it comes */
async function testsOf(paths: readonly string[], alone: boolean): Promise<Tally> {
  let total = NOTHING;
  for (const path of paths) total = add(total, await testsIn(path, alone));
  return total;
}

async function compiled(): Promise<Tally> {
  try {
    const { path, size, sha256 } = await compile();
    console.log(`${path} ${size} ${sha256}`);
    return NOTHING;
  } catch (error) {
    console.log(`FAIL compile\n${reason(error)}`);
    return { ...NOTHING, failed: 1 };
  }
}

/** `core` is short for `tests/core`. */
async function testPath(name: string): Promise<string> {
  const short = join("tests", name);
  return await Deno.stat(join(PROJECT, short)).then(() => short, () => name);
}

async function testFolders(tests: string): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of Deno.readDir(tests)) {
    const path = join(tests, entry.name);
    const holdsTests = entry.isDirectory ? await hasTests(path) : isTest(entry.name);
    if (holdsTests) names.push(entry.name);
  }
  return inOrder(names).map((name) => join("tests", name));
}

function isTest(name: string): boolean {
  return /(^|[._])test\.[cm]?[jt]sx?$/.test(name);
}

async function hasTests(folder: string): Promise<boolean> {
  for await (const entry of Deno.readDir(folder)) {
    if (entry.isFile && isTest(entry.name)) return true;
    if (entry.isDirectory && await hasTests(join(folder, entry.name))) return true;
  }
  return false;
}

function inOrder(names: readonly string[]): string[] {
  const rank = (name: string) => (FIRST.indexOf(name) + FIRST.length + 1) % (FIRST.length + 1);
  return [...names].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
}

/** Runs the tests of one path, shows what they print, at once or at their end, and counts them. */
async function testsIn(path: string, alone: boolean): Promise<Tally> {
  const folder = await Deno.makeTempDir({ prefix: "crypto-test-" });
  const junit = join(folder, "junit.xml");
  try {
    const child = new Deno.Command(Deno.execPath(), {
      args: ["test", "--allow-all", "--no-check", `--junit-path=${junit}`, path],
      cwd: PROJECT,
      env: childEnvironment(),
      clearEnv: true,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const [stdout, stderr, status] = await Promise.all([
      read(child.stdout, alone ? Deno.stdout : undefined),
      read(child.stderr, alone ? Deno.stderr : undefined),
      child.status,
    ]);
    if (!alone) console.log(`${stdout}${stderr}`);
    const names = await Deno.readTextFile(junit).catch(() => "");
    const report: Report = { output: `${stdout}\n${stderr}`, junit: names, code: status.code };
    return tally(report);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Keeps a stream, and passes it on as it comes. */
async function read(
  stream: ReadableStream<Uint8Array>,
  to: { write(bytes: Uint8Array): Promise<number> } | undefined,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of stream) {
    for (let sent = 0; to && sent < bytes.length;) sent += await to.write(bytes.subarray(sent));
    text += decoder.decode(bytes, { stream: true });
  }
  return text;
}

if (import.meta.main) {
  const success = await main().catch((error) => {
    console.log(`${reason(error)}\n0 passed, 1 failed`);
    return false;
  });
  Deno.exit(success ? 0 : 1);
}
