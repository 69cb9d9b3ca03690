/** What waits in a pipe. No raw call leaves this module. */
import { INT, int, openLibc, Poll } from "./libc.ts";

const SYMBOLS = {
  ioctl: { parameters: [INT, "usize", "buffer"], result: "i32" },
  poll: { parameters: ["buffer", "usize", INT], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const POLLHUP = 0x10;
/** Linux's (asm-generic/ioctls.h). */
const FIONREAD = 0x541bn;

/**
 * How many bytes wait in a pipe that nobody can write to any more: all that will ever come.
 * Undefined where somebody can, for what is no pipe, and on other systems than Linux.
 */
export function bytesInEndedPipe(fd: number): number | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const { ioctl, poll } = openLibc(SYMBOLS).symbols;
  // A struct pollfd. A hang-up is told unasked.
  const polled = new Int32Array([fd, Poll.IN]);
  poll(polled, 1n, int(0));
  if ((polled[1]! >>> 16 & POLLHUP) === 0) return undefined;
  const waiting = new Int32Array(1);
  return ioctl(int(fd), FIONREAD, waiting) === 0 ? waiting[0] : undefined;
}
