/**
 * Bundles what AWS Lambda runs into `share/assets/lambda.mjs`, which the program holds. Unlike the
 * page's scripts it isn't kept with the sources: most of it is AWS's SDK, and only the binary needs it.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { mustDeno, type Place } from "./process.ts";

/** Where the function starts. */
const ENTRY = "share/lambda/main.ts";
/** Where the bundle goes. */
export const BUNDLE = "share/assets/lambda.mjs";
/** Bytes that the bundle may have. */
const LARGEST = 1_000_000;

/** Makes it, in a project that has one; in one step, since others may be reading it. */
export async function bundleLambda(root: string, place: Place = {}): Promise<void> {
  if (!await isThere(join(root, ENTRY))) return;
  const path = join(root, BUNDLE);
  // By its name Deno knows that it is a module, whose CommonJS parts need a `require` made for them.
  const fresh = path.replace(/mjs$/, `${crypto.randomUUID()}.mjs`);
  await Deno.mkdir(dirname(path), { recursive: true });
  try {
    const options = ["--quiet", "--platform", "deno", "--minify", "--output", fresh];
    await mustDeno(["bundle", ...options, join(root, ENTRY)], { ...place, cwd: root });
    await requireFit(fresh);
    await Deno.rename(fresh, path);
  } catch (error) {
    await Deno.remove(fresh).catch(() => {});
    throw error;
  }
}

/** Node has no Deno: it runs what Deno bundles as long as nothing of that asks for it. */
async function requireFit(path: string): Promise<void> {
  const text = await Deno.readTextFile(path);
  if (text.length > LARGEST) throw new Error(`the Lambda bundle has ${text.length} bytes`);
  if (/(?<![\w$.])Deno\./.test(text)) throw new Error("the Lambda bundle needs Deno");
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
