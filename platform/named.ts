/**
 * Which file has a name now: statx(2), the one call whose answer has the same form on every
 * processor, and cheaper than `Deno.lstatSync`, as the log asks after each write; elsewhere than on
 * Linux that. Lengths are checked here, and no raw call leaves this module.
 */
import { ifThere } from "./durable.ts";
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

function watchByRuntime(path: string): WatchedName {
  let before: string | undefined;
  const identity = () => {
    const { dev, ino } = ifThere(() => Deno.lstatSync(path)) ?? {};
    return ino ? `${dev} ${ino}` : undefined;
  };
  return {
    remember: () => void (before = identity()),
    isSame: () => before !== undefined && identity() === before,
  };
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
