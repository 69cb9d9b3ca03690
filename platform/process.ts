/** What a process forbids others to see of it. */
import { CryptoError } from "../core/errors.ts";
import { INT, int, openLibc, SystemError } from "./libc.ts";
import { openLibrary } from "./library.ts";

/** The same number on Linux and on macOS. */
const RLIMIT_CORE = 4;
const SET_LIMIT = { setrlimit: { parameters: [INT, "buffer"], result: "i32" } } as const;
/** SEM_FAILCRITICALERRORS, NOGPFAULTERRORBOX and NOOPENFILEERRORBOX. */
const NO_REPORTS = 0x1 | 0x2 | 0x8000;
const PR_SET_DUMPABLE = 4;

/**
 * Makes the kernel write no memory image of this process, neither to a file nor to a helper. On
 * Windows it only keeps Windows Error Reporting, which makes such images, from dealing with a crash.
 * @throws {CryptoError} `config` on a system that it cannot be asked of
 */
export function forbidCoreDumps(): void {
  if (Deno.build.os === "windows") return forbidReports();
  if (Deno.build.os === "darwin") return limitOnMac();
  const { symbols, errno } = openLibc(SET_LIMIT);
  // One byte, not zero: a limit of zero does not stop a dump to a helper program, core(5).
  const result = symbols.setrlimit(int(RLIMIT_CORE), new BigUint64Array([1n, 1n]));
  if (result < 0) throw new SystemError("setrlimit", errno());
}

function limitOnMac(): void {
  const system = openLibrary("libSystem.B.dylib", SET_LIMIT);
  if (system?.setrlimit(int(RLIMIT_CORE), new BigUint64Array([0n, 0n])) !== 0) throw unlimited();
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

/** Forbids other processes of the same user to trace this one or to read its memory. */
export function forbidTracing(): void {
  const { symbols, errno } = openLibc({
    prctl: { parameters: ["i32", "u64", "u64", "u64", "u64"], result: "i32" },
  });
  const result = symbols.prctl(PR_SET_DUMPABLE, 0n, 0n, 0n, 0n);
  if (result < 0) throw new SystemError("prctl", errno());
}
