/**
 * Makes `denort`, the runtime that `deno compile` embeds, available.
 *
 * In this order: the file that `DENORT_BIN` names; Deno's own cache or download; and where that
 * host cannot be reached, the same bytes recovered from a public npm package.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { homedir } from "node:os";
import { join } from "node:path";
import { packagedFile } from "./package.ts";
import { mustDeno } from "./process.ts";
import { recoverRuntime } from "./recover.ts";

const DOWNLOADS = "https://dl.deno.land/release";
const PATIENCE_MS = 3000;

/** What Deno 2.9.4 compiles for. */
export const TARGETS: readonly string[] = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
];

/** The one runtime that can be recovered, and what it must be: nobody publishes others so. */
const RECOVERABLE = {
  version: "2.9.4",
  target: "x86_64-unknown-linux-gnu",
  package: "@chelonia/cli-x64-linux",
  release: "3.4.0",
  file: "chel",
  integrity:
    "sha512-ey7BqNiIOY2PkpN/UYxjpmOG1A7HmplyadP80omXTG1DVu1fbz7ro/d4gRPtHaxPRkNJTS24lDejc5/rT/3RMA==",
  os: "linux",
  cpu: "x64",
  sha256: "723d45cca4f68bd66652da1e0d45562b0700317c1535981035f50f078785a131",
} as const;

/** What the search for a runtime depends on, so that it can be tried without a network. */
export interface Surroundings {
  readonly environment: (name: string) => string | undefined;
  readonly cached: (target: string) => Promise<boolean>;
  readonly reachable: (target: string) => Promise<boolean>;
  readonly recovered: () => Promise<string>;
  readonly say: (line: string) => void;
}

const REAL: Surroundings = {
  environment: (name) => Deno.env.get(name),
  cached: inDenoCache,
  reachable: canDownload,
  recovered: recoveredRuntime,
  say: (line) => console.error(line),
};

/** There is no runtime for a target here. */
export class NoRuntime extends Error {
  constructor(wanted: string, target: string) {
    super(
      `${wanted} cannot be had: Deno's download host cannot be reached, and no npm package has it\n` +
        `  hint: bring denort-${target}.zip here from where it can be reached, unpack it, and name ` +
        "the file with DENORT_BIN",
    );
  }
}

/**
 * The environment `deno compile` needs to find its runtime for `target`; empty where Deno finds
 * it by itself.
 *
 * @throws {NoRuntime} when there is no way to have it
 */
export async function runtimeEnvironment(
  target: string,
  around: Surroundings = REAL,
): Promise<Record<string, string>> {
  const named = around.environment("DENORT_BIN");
  if (named) return { DENORT_BIN: named };
  if (await around.cached(target) || await around.reachable(target)) return {};
  const wanted = `denort ${Deno.version.deno} for ${target}`;
  if (target !== RECOVERABLE.target || Deno.version.deno !== RECOVERABLE.version) {
    throw new NoRuntime(wanted, target);
  }
  const source = `npm:${RECOVERABLE.package}@${RECOVERABLE.release}`;
  around.say(`${wanted}: Deno's download host cannot be reached; recovered from ${source} instead`);
  return { DENORT_BIN: await around.recovered() };
}

async function inDenoCache(target: string): Promise<boolean> {
  const { denoDir } = JSON.parse(await mustDeno(["info", "--json"])) as { denoDir: string };
  const release = join(denoDir, "dl", "release", `v${Deno.version.deno}`);
  return await exists(join(release, `denort-${target}.zip`));
}

async function canDownload(target: string): Promise<boolean> {
  const url = `${DOWNLOADS}/v${Deno.version.deno}/denort-${target}.zip`;
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const response = await fetch(url, { method: "HEAD", signal });
    return response.ok;
  } catch {
    return false;
  }
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** The recovered runtime in the user's cache, put there when it is missing or damaged. */
async function recoveredRuntime(): Promise<string> {
  const folder = join(Deno.env.get("XDG_CACHE_HOME") || join(homedir(), ".cache"), "crypto-build");
  const path = join(folder, `denort-${RECOVERABLE.version}-${RECOVERABLE.target}`);
  if (await exists(path) && isPinned(await Deno.readFile(path))) return path;
  await Deno.mkdir(folder, { recursive: true });
  const runtime = recoverRuntime(await packagedFile(RECOVERABLE));
  if (!isPinned(runtime)) throw new Error("the recovered denort is not the known one: refused");
  await writeProgram(path, runtime);
  return path;
}

function isPinned(runtime: Uint8Array): boolean {
  return createHash("sha256").update(runtime).digest("hex") === RECOVERABLE.sha256;
}

/** Writes a program so that nobody ever sees half of it. */
async function writeProgram(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${crypto.randomUUID()}`;
  try {
    await Deno.writeFile(temporary, bytes, { mode: 0o755, createNew: true });
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {});
    throw error;
  }
}
