/**
 * `deno task page`: bundles the scripts and the styles of the pages. They are kept with the sources, so that
 * all runs from source as it is; the gate bundles them anew and compares.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { mustDeno, PROJECT, reason } from "./process.ts";

/** The folders that pages are in. */
export const PAGES = ["share/page/", "client/gui/page/"];

/** Where a bundle starts, by where it is kept. */
const ENTRIES = {
  "share/assets/page.js": "share/page/main.ts",
  "share/assets/worker.js": "share/page/work/worker.ts",
  "share/assets/page.css": "share/page/page.css",
  "client/gui/assets/page.js": "client/gui/page/main.ts",
  "client/gui/assets/page.css": "client/gui/page/page.css",
};

/** Whether a file is a bundle. */
export function isAsset(path: string): boolean {
  return Object.hasOwn(ENTRIES, path);
}

/** The bundles of some entries, made anew. */
async function bundle(
  root: string,
  entries: readonly (readonly [path: string, entry: string])[],
): Promise<Map<string, string>> {
  const options = ["--quiet", "--platform", "browser", "--minify"];
  return new Map(
    await Promise.all(entries.map(async ([path, entry]) => {
      return [path, await mustDeno(["bundle", ...options, entry], { cwd: root })] as const;
    })),
  );
}

/** Files that are not what their sources give, of those whose sources a project has. */
export async function stalePages(root: string, files: readonly string[]): Promise<string> {
  const entries = Object.entries(ENTRIES).filter(([, entry]) => files.includes(entry));
  const kept = (path: string) => Deno.readTextFile(join(root, path)).catch(() => "");
  const stale: string[] = [];
  for (const [path, script] of await bundle(root, entries)) {
    if (await kept(path) !== script) {
      stale.push(`${path} is not up to date: run \`deno task page\``);
    }
  }
  return stale.join("\n");
}

async function main(): Promise<void> {
  for (const [path, script] of await bundle(PROJECT, Object.entries(ENTRIES))) {
    await Deno.mkdir(dirname(join(PROJECT, path)), { recursive: true });
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
