/** Paths as each system writes them. */
import { IS_WINDOWS } from "./library.ts";

const IS_ABSOLUTE = IS_WINDOWS ? /^[A-Za-z]:\// : /^\//;

/** A path from the root, with `/` between names also on Windows, whose begin with a drive. */
export function absolutePath(path: string, directory: string): string {
  const [own, base] = [path, directory].map(withSlashes) as [string, string];
  return IS_ABSOLUTE.test(own) ? own : `${base}/${own}`;
}

/** Windows takes either. */
function withSlashes(path: string): string {
  return IS_WINDOWS ? path.replaceAll("\\", "/") : path;
}
