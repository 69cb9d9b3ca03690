/** Exchanging two directories at one moment. No raw call leaves this module. */
import { CryptoError } from "../core/errors.ts";
import { parent } from "../core/layout.ts";
import { syncDirectory } from "./durable.ts";
import { cPath, openLibc, SystemError } from "./libc.ts";

const SYMBOLS = {
  renameat2: { parameters: ["i32", "buffer", "i32", "buffer", "u32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const AT_FDCWD = -100;
const RENAME_EXCHANGE = 2;

/** Gives each of two paths of one directory what the other has. */
export type Exchange = (one: string, other: string) => void;

/**
 * Loads what it takes, before `ffi` is given up. What it gives waits until the exchange is on the
 * disk, and throws {@link CryptoError} `io`; then nothing was exchanged.
 */
export function loadExchange(): Exchange {
  const { symbols, errno } = openLibc(SYMBOLS);
  return (one, other) => {
    const [first, second] = [cPath(one), cPath(other)];
    if (symbols.renameat2(AT_FDCWD, first, AT_FDCWD, second, RENAME_EXCHANGE) < 0) {
      const hint =
        "this file system cannot exchange two directories: move this one away, and repeat";
      const cause = new SystemError("renameat2", errno());
      throw new CryptoError("io", { subject: other, hint, cause });
    }
    syncDirectory(parent(other));
  };
}
