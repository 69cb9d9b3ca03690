/** What a process forbids others to see of it. */
import { CryptoError } from "../core/errors.ts";
import { Errno, INT, int, IS_DARWIN, openEitherLibc, openLibc, SystemError } from "./libc.ts";
import { IS_WINDOWS, openLibrary } from "./library.ts";

/** The same number on Linux and on macOS. */
const RLIMIT_CORE = 4;
const SET_LIMIT = { setrlimit: { parameters: [INT, "buffer"], result: "i32" } } as const;
/** SEM_FAILCRITICALERRORS, NOGPFAULTERRORBOX and NOOPENFILEERRORBOX. */
const NO_REPORTS = 0x1 | 0x2 | 0x8000;
const PR_SET_DUMPABLE = 4;
const PT_DENY_ATTACH = 31;

/**
 * Makes the kernel write no memory image of this process, neither to a file nor to a helper. On
 * Windows it only keeps Windows Error Reporting, which makes such images, from dealing with a crash.
 * @throws {CryptoError} `config` on a system that it cannot be asked of
 */
export function forbidCoreDumps(): void {
  if (IS_WINDOWS) return forbidReports();
  if (IS_DARWIN) return limitOnMac();
  const { symbols, errno } = openLibc(SET_LIMIT);
  // One byte, not zero: a limit of zero does not stop a dump to a helper program, core(5).
  const result = symbols.setrlimit(int(RLIMIT_CORE), new BigUint64Array([1n, 1n]));
  if (result === 0) return;
  if (errno() !== Errno.EPERM) throw new SystemError("setrlimit", errno());
  // The administrator forbids dumps by a hard limit of zero, which only root may raise.
  forbidTracing();
}

function limitOnMac(): void {
  const { symbols } = openEitherLibc(SET_LIMIT);
  if (symbols.setrlimit(int(RLIMIT_CORE), new BigUint64Array([0n, 0n])) !== 0) throw unlimited();
}

function forbidReports(): void {
  const symbols = { SetErrorMode: { parameters: ["u32"], result: "u32" } } as const;
  const kernel = openLibrary("kernel32.dll", symbols);
  if (!kernel) throw unlimited();
  kernel.SetErrorMode(NO_REPORTS);
}

function unlimited(): CryptoError {
  const hint = "this system does not let the program forbid images of its memory";
  return new CryptoError("config", { subject: Deno.build.os, hint });
}

/**
 * Forbids other processes of the same user to trace this one or to read its memory, and on Linux
 * the kernel to write an image of it. On Windows nothing does: whoever owns a process may change what
 * its access list says.
 */
export function forbidTracing(): void {
  if (IS_WINDOWS) return;
  if (IS_DARWIN) return denyAttaching();
  const { symbols, errno } = openLibc({
    prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
  });
  const result = symbols.prctl(PR_SET_DUMPABLE, 0n, 0n, 0n, 0n);
  if (result < 0) throw new SystemError("prctl", errno());
}

/** A debugger that is there already ends the process by this. */
function denyAttaching(): void {
  const { symbols, errno } = openEitherLibc({
    ptrace: { parameters: ["i32", "i32", "pointer", "i32"], result: "i32" },
  });
  if (symbols.ptrace(PT_DENY_ATTACH, 0, null, 0) < 0) throw new SystemError("ptrace", errno());
}
