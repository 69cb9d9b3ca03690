/**
 * Pipes of this process as its main thread uses them, which stands still where it has to wait. No raw
 * call leaves this module.
 */
import type { Bytes } from "../core/bytes.ts";
import {
  Errno,
  FOREVER,
  INT,
  int,
  openEitherLibc,
  openLibc,
  Poll,
  POLL_HERE,
  pollHere,
  SystemError,
} from "./libc.ts";

const READING = {
  ...POLL_HERE,
  fcntl: { parameters: [INT, "i32"], result: "i32" },
  ioctl: { parameters: [INT, "usize", "buffer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const WRITING = {
  ...POLL_HERE,
  write: { parameters: [INT, "buffer", "usize"], result: "isize" },
} as const satisfies Deno.ForeignLibraryInterface;

const POLLHUP = 0x10;
/** Linux's (asm-generic/fcntl.h, asm-generic/ioctls.h). */
const F_GETPIPE_SZ = 1032;
const FIONREAD = 0x541bn;

/**
 * How many bytes wait in a pipe that nobody can write to: all that comes, as far as it can be known.
 * Undefined where somebody can, for what is no pipe (a connection may have been broken off), and on
 * other systems than Linux.
 */
export function bytesInEndedPipe(fd: number): number | undefined {
  if (Deno.build.os !== "linux") return undefined;
  const { fcntl, ioctl, ...poll } = openLibc(READING).symbols;
  if (fcntl(int(fd), F_GETPIPE_SZ) < 0) return undefined;
  if ((pollHere(poll, Poll.IN, fd, 0) & POLLHUP) === 0) return undefined;
  const waiting = new Int32Array(1);
  return ioctl(int(fd), FIONREAD, waiting) === 0 ? waiting[0] : undefined;
}

/**
 * Loads what writes all of some bytes, however long their reader takes. The runtime's own writing
 * keeps a part where a descriptor does not block, so that nobody knows what went out, and is silent
 * about one that cannot be written to.
 */
export function loadWriteAll(): (fd: number, data: Bytes) => void {
  const { symbols: { write, ...poll }, errno } = openEitherLibc(WRITING);
  return (fd, data) => {
    for (let done = 0; done < data.length;) {
      const rest = data.subarray(done);
      const written = Number(write(int(fd), rest, BigInt(rest.length)));
      if (written >= 0) done += written;
      else if (errno() === Errno.EAGAIN) pollHere(poll, Poll.OUT, fd, FOREVER);
      else if (errno() !== Errno.EINTR) throw new SystemError("write", errno());
    }
  };
}
