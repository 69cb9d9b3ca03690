/** Exchanging what two paths name, at one moment. No raw call leaves this module. */
import { CryptoError } from "../core/errors.ts";
import { parent } from "../core/layout.ts";
import { syncDirectory } from "./durable.ts";
import { cPath, Errno, IS_DARWIN, openEitherLibc, openLibc, SystemError } from "./libc.ts";

const ON_LINUX = {
  renameat2: { parameters: ["i32", "buffer", "i32", "buffer", "u32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const ON_DARWIN = {
  renamex_np: { parameters: ["buffer", "buffer", "u32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const AT_FDCWD = -100;
/** RENAME_EXCHANGE, which macOS calls RENAME_SWAP. */
const EXCHANGE = 2;

/** Loads what it takes, before `ffi` is given up. The result gives an error number, or 0. */
function loadRename(): (one: string, other: string) => number {
  if (IS_DARWIN) return loadRenameOnMac();
  const { symbols, errno } = openLibc(ON_LINUX);
  return (one, other) => {
    const [first, second] = [cPath(one), cPath(other)];
    const result = symbols.renameat2(AT_FDCWD, first, AT_FDCWD, second, EXCHANGE);
    return result < 0 ? errno() : 0;
  };
}

function loadRenameOnMac(): (one: string, other: string) => number {
  const { symbols, errno } = openEitherLibc(ON_DARWIN);
  return (one, other) => symbols.renamex_np(cPath(one), cPath(other), EXCHANGE) < 0 ? errno() : 0;
}

/**
 * What gives each of two paths what the other has: false where the file system cannot do that.
 * It throws {@link SystemError}.
 */
export function loadExchange(): (one: string, other: string) => boolean {
  const rename = loadRename();
  return (one, other) => {
    const errno = rename(one, other);
    if (errno === 0) return true;
    if (errno === Errno.EINVAL || errno === Errno.ENOSYS) return false;
    throw new SystemError("renameat2", errno);
  };
}

/** Gives each of two directories in one directory the other's name. */
export type DurableExchange = (one: string, other: string) => void;

/**
 * What waits until the exchange is on the disk, and throws {@link CryptoError} `io` where nothing
 * was exchanged.
 */
export function loadDurableExchange(): DurableExchange {
  const rename = loadRename();
  return (one, other) => {
    const errno = rename(one, other);
    if (errno !== 0) {
      const hint =
        "this file system cannot exchange two directories: move this one away, and repeat";
      const cause = new SystemError("renameat2", errno);
      throw new CryptoError("io", { subject: other, hint, cause });
    }
    syncDirectory(parent(other));
  };
}
