/** A timer that is a descriptor, for who waits for descriptors: timerfd_create(2). */
import { openLibc, SystemError } from "./libc.ts";

const SYMBOLS = {
  close: { parameters: ["i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  timerfd_create: { parameters: ["i32", "i32"], result: "i32" },
  timerfd_settime: { parameters: ["i32", "i32", "buffer", "pointer"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const CLOCK_MONOTONIC = 1;
/** TFD_NONBLOCK and TFD_CLOEXEC. */
const FLAGS = 0o4000 | 0o2000000;

/** Becomes readable once in each interval. Made before `ffi` is given up. */
export class IntervalTimer {
  readonly #libc = openLibc(SYMBOLS);
  readonly fd: number;

  /** @param milliseconds the interval, which is also the time until the first end of it */
  constructor(milliseconds: number) {
    const { timerfd_create, timerfd_settime } = this.#libc.symbols;
    this.fd = this.#check("timerfd_create", timerfd_create(CLOCK_MONOTONIC, FLAGS));
    const nanoseconds = BigInt(Math.max(Math.round(milliseconds * 1e6), 1));
    const time = [nanoseconds / 1_000_000_000n, nanoseconds % 1_000_000_000n];
    // struct itimerspec: the interval, then the first time.
    const specification = new BigInt64Array([...time, ...time]);
    this.#check("timerfd_settime", timerfd_settime(this.fd, 0, specification, null));
  }

  #check(call: string, result: number): number {
    if (result < 0) throw new SystemError(call, this.#libc.errno());
    return result;
  }

  /** Takes what has ended, so that it is readable again only when the next one has. */
  take(): void {
    this.#libc.symbols.read(this.fd, new BigUint64Array(1), 8n);
  }

  close(): void {
    this.#libc.symbols.close(this.fd);
  }
}
