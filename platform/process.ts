/** What a process forbids others to see of it. */
import { openLibc, SystemError } from "./libc.ts";

const RLIMIT_CORE = 4;
const PR_SET_DUMPABLE = 4;

/** Makes the kernel write no memory image of this process, neither to a file nor to a helper. */
export function forbidCoreDumps(): void {
  const { symbols, errno } = openLibc({
    setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  });
  // One byte, not zero: a limit of zero does not stop a dump to a helper program, core(5).
  const result = symbols.setrlimit(RLIMIT_CORE, new BigUint64Array([1n, 1n]));
  if (result < 0) throw new SystemError("setrlimit", errno());
}

/** Forbids other processes of the same user to trace this one or to read its memory. */
export function forbidTracing(): void {
  const { symbols, errno } = openLibc({
    prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
  });
  const result = symbols.prctl(PR_SET_DUMPABLE, 0n, 0n, 0n, 0n);
  if (result < 0) throw new SystemError("prctl", errno());
}
