/**
 * `deno task check`: what must hold before anything is tested.
 *
 * @module
 */
import { join } from "node:path";
import { exitViolations, importViolations, type Violation } from "./imports.ts";
import { isAsset, PAGES, stalePages } from "./page.ts";
import { deno, PROJECT, reason, run } from "./process.ts";

/** One rule: gives what is wrong, nothing when all is well. */
interface Check {
  readonly name: string;
  readonly find: (project: Project) => Promise<string>;
}

/** The project as the checks see it. */
interface Project {
  readonly root: string;
  /** Its files by their paths with slashes, without what git ignores. */
  readonly files: readonly string[];
  readonly config: Config;
}

interface Config {
  readonly imports?: Readonly<Record<string, string>>;
  readonly compilerOptions?: Readonly<Record<string, unknown>>;
  readonly unstable?: readonly string[];
}

const CHECKS: readonly Check[] = [
  { name: "format", find: ({ root }) => denoFinds(root, ["fmt", "--check"]) },
  { name: "lint", find: ({ root }) => denoFinds(root, ["lint"]) },
  { name: "types", find: types },
  { name: "core and the pages run in a browser", find: browserTypes },
  { name: "the pages are up to date", find: ({ root, files }) => stalePages(root, files) },
  { name: "import direction", find: (project) => violationsIn(project, importViolations) },
  { name: "only main.ts exits", find: (project) => violationsIn(project, exitViolations) },
  { name: "no package.json", find: (project) => Promise.resolve(strayPackages(project.files)) },
  { name: "examples in the documentation", find: examples },
  { name: "dependencies", find: dependencies },
];

/**
 * Runs every check, prints a line for each and the findings of those that fail.
 *
 * @returns how many failed
 */
export async function check(
  root: string = PROJECT,
  print: (line: string) => void = console.log,
): Promise<number> {
  const project = await readProject(root);
  let failed = 0;
  for (const { name, find } of CHECKS) {
    const findings = (await find(project).catch(reason)).trim();
    print(`${findings === "" ? "ok  " : "FAIL"} ${name}`);
    if (findings === "") continue;
    failed++;
    print(findings.replace(/^/gm, "     "));
  }
  print(`check: ${CHECKS.length - failed} passed, ${failed} failed`);
  return failed;
}

async function readProject(root: string): Promise<Project> {
  const config = JSON.parse(await Deno.readTextFile(join(root, "deno.json"))) as Config;
  return { root, files: await projectFiles(root), config };
}

async function projectFiles(root: string): Promise<string[]> {
  const list = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
  const listed = await run("git", list, { cwd: root }).catch(() => undefined);
  const files = listed?.success ? listed.stdout.split("\0") : await walk(root, "");
  const present = await Promise.all(files.map(async (path) => await isFile(join(root, path))));
  return files.filter((path, at) => present[at] && !path.startsWith("dist/")).sort();
}

async function walk(root: string, folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(join(root, folder))) {
    const path = folder + entry.name;
    if (entry.isDirectory && entry.name !== ".git") found.push(...await walk(root, `${path}/`));
    else if (entry.isFile) found.push(path);
  }
  return found;
}

async function isFile(path: string): Promise<boolean> {
  return await Deno.lstat(path).then((info) => info.isFile, () => false);
}

function sources({ files }: Project): string[] {
  return files.filter((path) => /\.[cm]?tsx?$/.test(path));
}

/** What a deno command has to say when it fails. */
async function denoFinds(root: string, args: readonly string[]): Promise<string> {
  const ended = await deno(args, { cwd: root });
  return ended.success ? "" : ended.output || `deno ${args[0] ?? ""} ended with ${ended.code}`;
}

async function typesOf(
  { root }: Project,
  files: readonly string[],
  options: readonly string[] = [],
): Promise<string> {
  if (files.length === 0) return "";
  return await denoFinds(root, ["check", "--quiet", ...options, ...files]);
}

/** Whether a source file knows a document, as Deno does not. */
function isOfPage(path: string): boolean {
  return [...PAGES, "core/page/"].some((folder) => path.startsWith(folder));
}

/** Types as Deno has them: of everything but the pages, which have others. */
async function types(project: Project): Promise<string> {
  return await typesOf(project, sources(project).filter((path) => !isOfPage(path)));
}

/** Checks with the types of a browser alone: any use of `Deno` is an error there. */
async function browserTypes(project: Project): Promise<string> {
  const lib = ["esnext", "dom", "dom.iterable", "dom.asynciterable"];
  const files = sources(project).filter((path) => path.startsWith("core/") || isOfPage(path));
  return await typesUnder(project, { lib, types: [] }, files);
}

/** Checks types with some compiler options that are not the project's. */
async function typesUnder(
  project: Project,
  options: Readonly<Record<string, unknown>>,
  files: readonly string[],
  flags: readonly string[] = [],
): Promise<string> {
  const { imports = {}, unstable = [], compilerOptions } = project.config;
  const config: Config = { imports, unstable, compilerOptions: { ...compilerOptions, ...options } };
  const folder = await Deno.makeTempDir({ prefix: "crypto-check-" });
  try {
    const path = join(folder, "deno.json");
    await Deno.writeTextFile(path, JSON.stringify(config));
    await Deno.copyFile(join(project.root, "deno.lock"), join(folder, "deno.lock"))
      .catch(ignoreMissing);
    return await typesOf(project, files, ["--config", path, ...flags]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

async function violationsIn(
  project: Project,
  rule: (path: string, source: string) => Violation[],
): Promise<string> {
  const code = project.files.filter((path) => {
    return /\.[cm]?[jt]sx?$/.test(path) && !isAsset(path);
  });
  const found = await Promise.all(code.map(async (path) => {
    return rule(path, await Deno.readTextFile(join(project.root, path)));
  }));
  return found.flat().map(({ path, line, message }) => `${path}:${line}: ${message}`).join("\n");
}

/** Files that would make `deno compile` embed npm packages. */
export function strayPackages(files: readonly string[]): string {
  return files.filter((path) => /(^|\/)(package\.json$|node_modules\/)/.test(path)).join("\n");
}

/**
 * Type-checks the examples in the pages and in the comments of what strangers call. Deno imports
 * all that a module exports into its examples, most of it in vain.
 */
async function examples(project: Project): Promise<string> {
  const pages = project.files.filter((path) => /^(README|docs\/.*)\.md$/.test(path));
  const modules = sources(project).filter((path) => {
    return /^(client\/mod\.ts$|core\/)/.test(path) && !isOfPage(path);
  });
  return await typesOf(project, pages, ["--doc-only"]) +
    await typesUnder(project, { noUnusedLocals: false }, modules, ["--doc"]);
}

async function dependencies({ root, config }: Project): Promise<string> {
  const page = await Deno.readTextFile(join(root, "docs", "dependencies.md")).catch(() => "");
  return dependencyFaults(config.imports ?? {}, page).join("\n");
}

/** Dependencies without an exact version, or without a word why in the documentation. */
export function dependencyFaults(imports: Readonly<Record<string, string>>, page: string) {
  return Object.values(imports).filter((target) => !target.startsWith("./")).flatMap((target) => {
    const exact = /^npm:((?:@[\w.-]+\/)?[\w.-]+)@\d+\.\d+\.\d+(?:-[\w.]+)?(?:\/.*)?$/.exec(target);
    if (exact === null) return [`${target}: not an exact version`];
    const name = exact[1] ?? "";
    return mentions(page, name) ? [] : [`${name}: no line in docs/dependencies.md`];
  });
}

function mentions(page: string, name: string): boolean {
  const words = page.split(/[^\w@/.-]+/).map((word) => word.replace(/\.$/, ""));
  return words.some((word) => word === name || word.startsWith(`${name}@`));
}

if (import.meta.main && await check() > 0) Deno.exit(1);
