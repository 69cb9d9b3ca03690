/**
 * Loading parts of libc: each module of this folder loads the few functions it is for, since
 * every symbol costs a start. Here is what they share: the error number, and paths.
 */
import { type Bytes, concat, utf8 } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { isDeno, openLibrary } from "./library.ts";

/**
 * An `int` for functions that are called a few times: a structure of one is passed as it is itself,
 * by the calling conventions of x86-64, Windows' too, and arm64. For a function that takes none the
 * runtime compiles a way in when it is loaded (2.9.4), which costs a million instructions, and calls
 * take 1 µs less.
 */
export const INT = { struct: ["i32"] } as const;

/** An argument of type {@link INT}. */
export function int(value: number): Bytes {
  return new Uint8Array(Int32Array.of(value).buffer);
}

/** It takes no argument, and so cares for none. */
const ERRNO = { parameters: [INT], result: "pointer" } as const;
/** The C libraries, and where each has the error number. */
const GLIBC = { file: "libc.so.6", location: "__errno_location" } as const;
const LIBSYSTEM = { file: "libSystem.B.dylib", location: "__error" } as const;

/** Whether this is macOS. The client library also runs where there is no `Deno` to tell. */
export const IS_DARWIN = isDeno() && Deno.build.os === "darwin";

/** A refusal of the kernel: its `errno`, for those who decide by it. */
export class SystemError extends Error {
  constructor(readonly call: string, readonly errno: number) {
    super(`${call} failed with errno ${errno}`);
  }
}

/** Functions of libc, and what they last failed with on this thread. */
export interface LoadedLibc<S extends Deno.ForeignLibraryInterface> {
  readonly symbols: Deno.DynamicLibrary<S>["symbols"];
  /** The number of the last failure of a call that was not `nonblocking`. */
  readonly errno: () => number;
}

/** Where this thread's error number is; reading it needs no permission later. */
let errnoView: Int32Array | undefined;

/**
 * Loads functions of glibc. It needs the permission `ffi`, so a process calls this before it gives
 * that up.
 * @throws {CryptoError} `config` where there is no glibc.
 */
export function openLibc<S extends Deno.ForeignLibraryInterface>(wanted: S): LoadedLibc<S> {
  const loaded = IS_DARWIN ? undefined : open(GLIBC, wanted);
  if (loaded) return loaded;
  throw new CryptoError("config", { hint: "this needs Linux with glibc on x86-64 or arm64" });
}

/**
 * The same of glibc or of macOS, for those who go by the numbers and structures of either.
 * @throws {CryptoError} `config` where there is neither.
 */
export function openEitherLibc<S extends Deno.ForeignLibraryInterface>(wanted: S): LoadedLibc<S> {
  const loaded = open(IS_DARWIN ? LIBSYSTEM : GLIBC, wanted);
  if (loaded) return loaded;
  throw new CryptoError("config", { hint: "this needs Linux with glibc, or macOS" });
}

function open<S extends Deno.ForeignLibraryInterface>(
  { file, location }: typeof GLIBC | typeof LIBSYSTEM,
  wanted: S,
): LoadedLibc<S> | undefined {
  const symbols = openLibrary(file, wanted);
  const errno = errnoView ??= findErrno(file, location);
  return symbols && errno && { symbols, errno: () => errno[0]! };
}

/** The address is this thread's own and stays. */
function findErrno(file: string, name: string): Int32Array | undefined {
  const location = openLibrary(file, { location: { name, ...ERRNO } })?.location(int(0));
  return location ? new Int32Array(Deno.UnsafePointerView.getArrayBuffer(location, 4)) : undefined;
}

/**
 * The third argument of a function that takes any number of them, such as open(2) and ioctl(2). On
 * Apple's arm64 it is passed on the stack, where a ninth of a fixed number is, too; elsewhere it is
 * passed as any third one: so it is given in both places. (Apple: "Writing ARM64 code for Apple
 * platforms"; System V and AAPCS64 for the others.)
 */
export const THIRD = ["u64", "u64", "u64", "u64", "u64", "u64", "u64"] as const;

/** What is passed for {@link THIRD}. */
export function third(value: bigint) {
  return [value, 0n, 0n, 0n, 0n, 0n, value] as const;
}

/** A path as C takes it. @throws {CryptoError} `io` for what is no path. */
export function cPath(path: string): Bytes {
  if (path === "" || path.includes("\0")) {
    throw new CryptoError("io", { subject: JSON.stringify(path), hint: "this is no path" });
  }
  return concat(utf8(path), new Uint8Array(1));
}

/** Numbers of Linux, the same on x86-64 and arm64 (asm-generic). */
const LINUX_ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  EAGAIN: 11,
  EACCES: 13,
  EEXIST: 17,
  ENOTDIR: 20,
  EISDIR: 21,
  EINVAL: 22,
  EMFILE: 24,
  EFBIG: 27,
  ENOSPC: 28,
  EROFS: 30,
  EPIPE: 32,
  ERANGE: 34,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ELOOP: 40,
  EADDRINUSE: 98,
  ECONNABORTED: 103,
  ECONNRESET: 104,
  ETIMEDOUT: 110,
  ECONNREFUSED: 111,
  EINPROGRESS: 115,
  EDQUOT: 122,
};

/** Those of Darwin that differ (sys/errno.h of xnu). */
const DARWIN_ERRNO = {
  ...LINUX_ERRNO,
  EAGAIN: 35,
  EINPROGRESS: 36,
  EADDRINUSE: 48,
  ECONNABORTED: 53,
  ECONNRESET: 54,
  ETIMEDOUT: 60,
  ECONNREFUSED: 61,
  ELOOP: 62,
  ENAMETOOLONG: 63,
  EDQUOT: 69,
  ENOSYS: 78,
};

/** Numbers of this system's failures. */
export const Errno: Readonly<typeof LINUX_ERRNO> = IS_DARWIN ? DARWIN_ERRNO : LINUX_ERRNO;

/** Events of poll(2). */
export const Poll = { IN: 1, OUT: 4 } as const;

/** The symbol of poll(2), for those who wait. It runs on a thread of its own. */
export const POLL = {
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32", nonblocking: true },
} as const;

/** The same on this thread, which then stands still. */
export const POLL_HERE = {
  poll: { parameters: ["buffer", "usize", INT], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** {@link pollHere} that waits as long as it takes. */
export const FOREVER = -1;

/**
 * Waits on this thread for an event on a descriptor, at most so many milliseconds. Gives the events
 * that there were: of a hang-up it is told unasked.
 */
export function pollHere(
  { poll }: Deno.DynamicLibrary<typeof POLL_HERE>["symbols"],
  event: number,
  fd: number,
  timeout: number,
): number {
  // A struct pollfd.
  const polled = new Int32Array([fd, event]);
  poll(polled, 1n, int(timeout));
  return polled[1]! >>> 16;
}

/** Waits for an event on one of some descriptors. Says whether the first one had any. */
export async function waitFor(
  { poll }: Deno.DynamicLibrary<typeof POLL>["symbols"],
  event: number,
  ...fds: readonly number[]
): Promise<boolean> {
  // An array of struct pollfd. Reading it afterwards also keeps it alive while the kernel writes.
  const polled = new Int32Array(fds.flatMap((fd) => [fd, event]));
  await poll(polled, BigInt(fds.length), -1);
  return polled[1]! >>> 16 !== 0;
}
