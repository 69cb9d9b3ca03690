/** Random bytes of the kernel's own: getrandom(2). Lengths are checked here. */
import { type Bytes, randomBytes } from "../core/bytes.ts";
import { Errno, openLibc, SystemError } from "./libc.ts";

const SYMBOLS = {
  getrandom: { parameters: ["buffer", "usize", "u32"], result: "isize" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Gives that many random bytes. */
export type Random = (length: number) => Bytes;

/**
 * Prepares {@link Random}, which needs no permission then. (The runtime's `getRandomValues` gives
 * the bytes of a generator in this process, which the kernel has seeded. Elsewhere than on Linux it
 * is that generator.)
 */
export function kernelRandom(): Random {
  if (Deno.build.os !== "linux") return randomBytes;
  const { symbols, errno } = openLibc(SYMBOLS);
  return (length) => {
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length;) {
      const rest = bytes.subarray(done);
      const count = Number(symbols.getrandom(rest, BigInt(rest.length), 0));
      if (count >= 0) done += count;
      else if (errno() !== Errno.EINTR) throw new SystemError("getrandom", errno());
    }
    return bytes;
  };
}
