/**
 * `deno task page`: bundles the scripts and the style of the share page into `share/assets/`. They are kept with
 * the sources, so that the server runs from source as it is; the gate bundles them anew and compares.
 *
 * @module
 */
import { join } from "node:path";
import { mustDeno, PROJECT, reason } from "./process.ts";

/** Where a file of the page starts, by its name. */
const ENTRIES = {
  "page.js": "share/page/main.ts",
  "worker.js": "share/page/work/worker.ts",
  "page.css": "share/page/page.css",
};
/** Where the bundles are. */
export const ASSETS = "share/assets/";

/** The files of the page, bundled anew. */
export async function bundlePage(root: string = PROJECT): Promise<Map<string, string>> {
  const bundles = await Promise.all(
    Object.entries(ENTRIES).map(async ([name, entry]) => {
      const options = ["--quiet", "--platform", "browser", "--minify"];
      return [ASSETS + name, await mustDeno(["bundle", ...options, entry], { cwd: root })];
    }),
  );
  return new Map(bundles as [string, string][]);
}

/** Files that are not what their sources give, of a project that has a page. */
export async function stalePage(root: string, files: readonly string[]): Promise<string> {
  if (!files.includes(ENTRIES["page.js"])) return "";
  const kept = (path: string) => Deno.readTextFile(join(root, path)).catch(() => "");
  const stale: string[] = [];
  for (const [path, script] of await bundlePage(root)) {
    if (await kept(path) !== script) {
      stale.push(`${path} is not up to date: run \`deno task page\``);
    }
  }
  return stale.join("\n");
}

async function main(): Promise<void> {
  await Deno.mkdir(join(PROJECT, ASSETS), { recursive: true });
  for (const [path, script] of await bundlePage()) {
    await Deno.writeTextFile(join(PROJECT, path), script);
    console.log(`${path} ${script.length}`);
  }
}

if (import.meta.main) {
  await main().catch((error) => {
    console.error(`page: ${reason(error)}`);
    Deno.exit(1);
  });
}
