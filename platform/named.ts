/**
 * Which file has a name now: on Linux by statx(2), the one call whose answer has the same form on
 * every processor, and cheaper than `Deno.lstatSync`, as the log asks after each write. Lengths are
 * checked here, and no raw call leaves this module.
 */
import { cPath, openLibc } from "./libc.ts";

const SYMBOLS = {
  statx: { parameters: ["i32", "buffer", "i32", "u32", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const STATX_INO = 0x100;
/** Of struct statx, in units of four bytes: its length, and where inode and device are. */
const LENGTH = 64;
const IDENTITY = [8, 9, 34, 35] as const;

/** A name, and the file that had it when that was last remembered. */
export interface WatchedName {
  /** Remembers which file has the name now. */
  remember(): void;
  /** Whether that file still has it. */
  isSame(): boolean;
}

/** Prepares to ask for one path, again and again, also when `ffi` has been given up. */
export function watchName(path: string): WatchedName {
  return Deno.build.os === "linux" ? watchByStatx(path) : watchByRuntime(path);
}

function watchByStatx(path: string): WatchedName {
  const { statx } = openLibc(SYMBOLS).symbols;
  const name = cPath(path);
  const now = new Uint32Array(LENGTH);
  const before = new Uint32Array(LENGTH);
  const ask = (answer: Uint32Array<ArrayBuffer>) => {
    return statx(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, STATX_INO, answer) === 0;
  };
  return {
    remember() {
      if (!ask(before)) before.fill(0);
    },
    isSame: () => ask(now) && IDENTITY.every((at) => now[at] === before[at]),
  };
}

/** By the runtime, which takes the permission to read there for as long as it is asked. */
export function watchByRuntime(path: string): WatchedName {
  const ask = () => {
    try {
      return Deno.lstatSync(path);
    } catch {
      return undefined;
    }
  };
  let before: Deno.FileInfo | undefined;
  return {
    remember() {
      before = ask();
    },
    isSame() {
      const now = ask();
      return now !== undefined && now.dev === before?.dev && now.ino === before.ino;
    },
  };
}
