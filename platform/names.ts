/**
 * Giving and taking names of files where there is no glibc, by functions of macOS or Windows that
 * are bound before the permissions are given up. Lengths are checked here, and no raw call leaves
 * this module.
 */
import type { Bytes } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { cPath } from "./libc.ts";
import { openLibrary } from "./library.ts";

const PATH = { parameters: ["buffer"], result: "i32" } as const;
const PATHS = { parameters: ["buffer", "buffer"], result: "i32" } as const;

/** Of POSIX; none of them is variadic, which Apple's arm64 would pass differently. */
const POSIX = {
  access: { parameters: ["buffer", "i32"], result: "i32" },
  link: PATHS,
  rename: PATHS,
  unlink: PATH,
} as const satisfies Deno.ForeignLibraryInterface;

const WINDOWS = {
  DeleteFileW: PATH,
  GetFileAttributesW: { parameters: ["buffer"], result: "u32" },
  MoveFileExW: { parameters: ["buffer", "buffer", "u32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** MOVEFILE_REPLACE_EXISTING and MOVEFILE_WRITE_THROUGH. */
const REPLACE = 0x1;
const WRITE_THROUGH = 0x8;
/** INVALID_FILE_ATTRIBUTES, and F_OK of access(2). */
const NOT_THERE = 0xffffffff;
const IS_THERE = 0;

/** What is done with names. Both paths are on one file system. */
export interface Names {
  /** Gives a file another name. @throws {CryptoError} `file_exists` if that is taken; `io` */
  publish(from: string, to: string): void;
  /** Gives a file another name, in place of what has it. @throws {CryptoError} `io` */
  replace(from: string, to: string): void;
  /** Removes a name, if it is there. */
  remove(path: string): void;
}

/** Loads them, which needs `ffi`. @throws {CryptoError} `config` */
export function loadNames(): Names {
  const posix = openLibrary("libSystem.B.dylib", POSIX);
  if (posix) return posixNames(posix);
  const windows = openLibrary("kernel32.dll", WINDOWS);
  if (windows) return windowsNames(windows);
  throw new CryptoError("config", { hint: "output files need Linux with glibc, macOS or Windows" });
}

function failed(path: string): never {
  throw new CryptoError("io", { subject: path, hint: "it cannot be given its name" });
}

/** It was tried at once; that what is there now was there then only decides what is said. */
function notPublished(path: string, taken: boolean): never {
  if (taken) throw new CryptoError("file_exists", { subject: path });
  failed(path);
}

function posixNames(system: Deno.DynamicLibrary<typeof POSIX>["symbols"]): Names {
  const { access, link, rename, unlink } = system;
  return {
    publish(from, to) {
      if (link(cPath(from), cPath(to)) !== 0) notPublished(to, access(cPath(to), IS_THERE) === 0);
      unlink(cPath(from));
    },
    replace(from, to) {
      if (rename(cPath(from), cPath(to)) !== 0) failed(to);
    },
    remove: (path) => void unlink(cPath(path)),
  };
}

function windowsNames(kernel: Deno.DynamicLibrary<typeof WINDOWS>["symbols"]): Names {
  const { DeleteFileW, GetFileAttributesW, MoveFileExW } = kernel;
  return {
    publish(from, to) {
      if (MoveFileExW(wide(from), wide(to), WRITE_THROUGH) !== 0) return;
      notPublished(to, GetFileAttributesW(wide(to)) !== NOT_THERE);
    },
    replace(from, to) {
      if (MoveFileExW(wide(from), wide(to), REPLACE | WRITE_THROUGH) === 0) failed(to);
    },
    remove: (path) => void DeleteFileW(wide(path)),
  };
}

/** A path as Windows takes it: UTF-16, with a zero at its end. @throws {CryptoError} `io` for none */
export function wide(path: string): Bytes {
  cPath(path);
  const units = new Uint16Array(path.length + 1);
  for (let i = 0; i < path.length; i++) units[i] = path.charCodeAt(i);
  return new Uint8Array(units.buffer);
}
