/** What tests make once and keep: in the user's cache directory, outside of the project. */
import { join } from "node:path";

/** Why a part of a test is not there. */
export interface Skip {
  readonly skip: string;
}

/**
 * The path of a directory that is made when it is first needed, and stays. Several may be making
 * it at once: each makes one under a name of its own and renames it when it is complete, so that
 * nobody sees half of one, and the first stays.
 *
 * @param fill puts into a fresh directory what belongs there; gives what went wrong
 */
export async function cached(
  name: string,
  fill: (directory: string) => Promise<Skip | undefined>,
): Promise<string | Skip> {
  const cache = cacheDirectory();
  if (cache === undefined) return { skip: "neither XDG_CACHE_HOME nor HOME is set" };
  const path = join(cache, name);
  if (await isThere(path)) return path;
  await Deno.mkdir(cache, { recursive: true });
  const fresh = await Deno.makeTempDir({ dir: cache, prefix: "new-" });
  const problem = await fill(fresh);
  if (problem === undefined) await Deno.rename(fresh, path).catch(() => {});
  await Deno.remove(fresh, { recursive: true }).catch(() => {});
  return problem ?? (await isThere(path) ? path : { skip: `${path} cannot be made` });
}

function cacheDirectory(): string | undefined {
  const home = Deno.env.get("HOME");
  const cache = Deno.env.get("XDG_CACHE_HOME") || (home && join(home, ".cache"));
  return cache ? join(cache, "crypto-tests") : undefined;
}

async function isThere(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
