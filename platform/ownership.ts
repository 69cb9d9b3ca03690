/** Giving files to another user, and with which modes files are made. */
import { cPath, openEitherLibc, openLibc, SystemError } from "./libc.ts";

/** Gives a file to a user and a group. A symbolic link is given itself, not what it leads to. */
export type GiveAway = (path: string, uid: number, gid: number) => void;

/**
 * Loads what it takes. `Deno.chown` follows links: in a directory of the service's, the service
 * could put one to another's file there, and root would give that away.
 */
export function loadGiveAway(): GiveAway {
  const { symbols, errno } = openEitherLibc({
    lchown: { parameters: ["buffer", "u32", "u32"], result: "i32" },
  });
  return (path, uid, gid) => {
    if (symbols.lchown(cPath(path), uid, gid) < 0) throw new SystemError("lchown", errno());
  };
}

/**
 * Sets the file mode creation mask of this process and of those that it starts: a file is made
 * with its final mode, so that no `chmod`, which follows links, has to mend it.
 */
export function setCreationMask(mask: number): void {
  openLibc({ umask: { parameters: ["u32"], result: "u32" } }).symbols.umask(mask);
}
