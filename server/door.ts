/** Whether a user can connect to a socket at all, whatever the daemon behind it would say. */
import { parent } from "../core/layout.ts";
import type { LocalCaller } from "./identity.ts";

const [WRITE, SEARCH] = [2, 1];

/** Looks at the modes of a socket and its directory. Undefined where they cannot be seen. */
export function mayReach(socket: string, who: LocalCaller): boolean | undefined {
  try {
    const [file, directory] = [socket, parent(socket)].map((path) => Deno.statSync(path));
    return allows(directory!, SEARCH, who) && allows(file!, WRITE, who);
  } catch {
    return undefined;
  }
}

/** As the kernel does it: the first class that somebody is of decides. */
function allows(file: Deno.FileInfo, right: number, { uid, gid, groups }: LocalCaller): boolean {
  if (uid === 0) return true;
  const isOfGroup = gid === file.gid || groups.includes(file.gid ?? -1);
  const shift = uid === file.uid ? 6 : isOfGroup ? 3 : 0;
  return ((file.mode ?? 0) >> shift & right) !== 0;
}
