/**
 * Kills this process at one of its changes to the file system, as a power failure would: for
 * scripts that then do what a program does. A change is every opening to write, write, sync, link,
 * renaming, removal and the like, whoever makes it.
 */
import { RegularFile, RegularFiles } from "../../platform/regular.ts";

/** Where to die: before a change, or in the middle of a write. Each is counted from 0. */
export interface Death {
  readonly point: "change" | "write";
  readonly number: number;
}

const CHANGES = [
  ...["linkSync", "link", "renameSync", "rename", "removeSync", "remove"],
  ...["openSync", "open", "mkdirSync", "mkdir", "chmodSync", "chmod", "utimeSync", "utime"],
] as const;
const FILE_CHANGES = [
  ...[
    "writeSync",
    "write",
    "syncSync",
    "sync",
    "syncDataSync",
    "syncData",
    "truncateSync",
    "truncate",
  ],
] as const;

const DESCRIPTOR_CHANGES = [
  ...["writeAt", "write", "sync", "truncate", "setOwner", "setMode", "setTimes"],
] as const;

type Call = (this: unknown, ...args: unknown[]) => unknown;

/** From now on this process dies there. */
export function dieAt({ point, number }: Death): void {
  let left = number;
  const isDue = (name: string, options: unknown) => {
    const counts = point === "write"
      ? name.startsWith("write")
      : !name.startsWith("open") || opensToWrite(options);
    return counts && left-- === 0;
  };
  const wrap = (target: object, name: string) => {
    const holder = target as Record<string, Call>;
    const original = holder[name]!;
    holder[name] = function (...args) {
      if (!isDue(name, args[1])) return original.apply(this, args);
      if (point === "change") die();
      return then(original.apply(this, [halfOf(args[0] as Uint8Array), ...args.slice(1)]), die);
    };
  };
  for (const name of CHANGES) wrap(Deno, name);
  for (const name of FILE_CHANGES) wrap(Deno.FsFile.prototype, name);
  for (const name of ["create", "exchange"]) wrap(RegularFiles.prototype, name);
  for (const name of DESCRIPTOR_CHANGES) wrap(RegularFile.prototype, name);
}

function die(): void {
  Deno.kill(Deno.pid, "SIGKILL");
}

function then(done: unknown, next: () => void): unknown {
  return done instanceof Promise ? done.then(next) : next();
}

function opensToWrite(options: unknown): boolean {
  const { write, append, create, createNew } = (options ?? {}) as Deno.OpenOptions;
  return Boolean(write || append || create || createNew);
}

function halfOf(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, bytes.length >> 1);
}
