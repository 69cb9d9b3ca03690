/**
 * Waiting for many descriptors at once: epoll(7). It stands beside the runtime's own event loop
 * and takes turns with it, because a read or write through that one costs several times the
 * system call.
 */
import type { Bytes } from "../core/bytes.ts";
import { Errno, openLibc, SystemError } from "./libc.ts";

const WAIT = { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" } as const;
const SYMBOLS = {
  close: { parameters: ["i32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: WAIT,
  epoll_wait_elsewhere: { name: "epoll_wait", ...WAIT, nonblocking: true },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
} as const satisfies Deno.ForeignLibraryInterface;

const CLOEXEC = 0o2000000;
const Control = { ADD: 1, REMOVE: 2, MODIFY: 3 } as const;
const MAX_EVENTS = 128;
/**
 * How long this thread asks again and again after there was something, in milliseconds: a client
 * that asks, waits and asks again is then answered without waking a thread, which takes longer.
 */
const SPIN = 0.1;
/** How long it then waits for more, in milliseconds, before it leaves the waiting to another. */
const LINGER = 1;

/** Events of epoll_ctl(2). The last two come whether or not they are asked for. */
export const Ready = { READ: 0x001, WRITE: 0x004, ERROR: 0x008, HANGUP: 0x010 } as const;

/** What the loop does besides watching, between one look at the descriptors and the next. */
export interface Work {
  /**
   * Goes on with what waits, after what was ready has been told and answered.
   * @returns whether there was any
   */
  turn(): boolean;
  /** Whether more is to be done at once: then nothing is waited for. */
  readonly waiting: boolean;
  /**
   * Whether something is being done for which the runtime's own loop is needed; if not, this thread
   * may wait a moment for what comes next, which is faster than being woken.
   */
  readonly working: boolean;
}

/** Told what its descriptor is ready for: a sum of {@link Ready}. */
export type OnReady = (events: number) => void;

/** struct epoll_event: packed on x86-64, aligned elsewhere. */
const EVENT = Deno.build.arch === "x86_64" ? { size: 12, data: 4 } : { size: 16, data: 8 };

/** A descriptor that is being watched. */
export class Watch {
  constructor(
    readonly fd: number,
    readonly id: number,
    private readonly control: (watch: Watch, operation: number, events: number) => void,
  ) {}

  /** Asks for other events than before. */
  change(events: number): void {
    this.control(this, Control.MODIFY, events);
  }

  /** Asks for none any more. To be called before the descriptor is closed. */
  end(): void {
    this.control(this, Control.REMOVE, 0);
  }
}

/** Tells who watches a descriptor that it is ready. Made before `ffi` is given up. */
export class EventLoop {
  readonly #lib;
  readonly #errno;
  readonly #epoll: number;
  readonly #waker: number;
  /** By a number that is never used again: a descriptor's is, even among events taken at once. */
  readonly #listeners = new Map<number, OnReady>();
  readonly #events: Bytes = new Uint8Array(MAX_EVENTS * EVENT.size);
  readonly #view = new DataView(this.#events.buffer);
  #lastId = 0;
  #stopped = false;
  /** Whether another thread waits for descriptors now. */
  #away = false;

  constructor() {
    const { symbols, errno } = openLibc(SYMBOLS);
    this.#lib = symbols;
    this.#errno = errno;
    this.#epoll = this.#check("epoll_create1", symbols.epoll_create1(CLOEXEC));
    this.#waker = this.#check("eventfd", symbols.eventfd(0, CLOEXEC));
    this.watch(this.#waker, Ready.READ, () => this.#lib.read(this.#waker, new Uint8Array(8), 8n));
  }

  #check(call: string, result: number): number {
    if (result < 0) throw new SystemError(call, this.#errno());
    return result;
  }

  /** Watches a descriptor; what is ready is told again and again until it is dealt with. */
  watch(fd: number, events: number, onReady: OnReady): Watch {
    const watch = new Watch(fd, ++this.#lastId, this.#control);
    this.#control(watch, Control.ADD, events);
    this.#listeners.set(watch.id, onReady);
    return watch;
  }

  readonly #control = ({ fd, id }: Watch, operation: number, events: number): void => {
    if (operation === Control.REMOVE) this.#listeners.delete(id);
    const event = new DataView(new ArrayBuffer(EVENT.size));
    event.setUint32(0, events, true);
    event.setFloat64(EVENT.data, id, true);
    const bytes = new Uint8Array(event.buffer);
    this.#check("epoll_ctl", this.#lib.epoll_ctl(this.#epoll, operation, fd, bytes));
  };

  /** Tells what is ready until {@link stop} is called. */
  async run(work: Work): Promise<void> {
    for (let last = 0; !this.#stopped;) {
      last = work.waiting ? this.#wait(0) : await this.#waitForMore(last, work);
      this.#tell(last);
      // What was told takes two turns: one to decide and log, one to answer.
      await turn();
      await turn();
      if (work.turn()) await turn();
    }
    this.#lib.close(this.#epoll);
    this.#lib.close(this.#waker);
  }

  /** Ends {@link run}. What is still watched is forgotten, not closed. */
  stop(): void {
    this.#stopped = true;
    this.#signal();
  }

  /** Has {@link run} look at its work again, if it waits for descriptors. */
  wake(): void {
    if (this.#away) this.#signal();
  }

  #signal(): void {
    this.#lib.write(this.#waker, new BigUint64Array([1n]), 8n);
  }

  async #waitForMore(last: number, work: Work): Promise<number> {
    return (last > 0 && !work.working ? this.#linger() : 0) || await this.#waitElsewhere();
  }

  #linger(): number {
    // Under load there is something at once, and the time need not be asked for.
    let count = this.#wait(0);
    if (count > 0) return count;
    const until = performance.now() + SPIN;
    while (performance.now() < until) {
      count = this.#wait(0);
      if (count > 0) return count;
    }
    return this.#wait(LINGER);
  }

  #wait(milliseconds: number): number {
    const count = this.#lib.epoll_wait(this.#epoll, this.#events, MAX_EVENTS, milliseconds);
    if (count < 0 && this.#errno() !== Errno.EINTR) this.#check("epoll_wait", count);
    return count;
  }

  /** Waits on a thread of the runtime's, without end, while this one does other things. */
  async #waitElsewhere(): Promise<number> {
    this.#away = true;
    const count = await this.#lib.epoll_wait_elsewhere(
      this.#epoll,
      this.#events,
      MAX_EVENTS,
      -1,
    );
    this.#away = false;
    return count;
  }

  #tell(count: number): void {
    for (let at = 0; at < count * EVENT.size; at += EVENT.size) {
      const events = this.#view.getUint32(at, true);
      this.#listeners.get(this.#view.getFloat64(at + EVENT.data, true))?.(events);
    }
  }
}

/** Lets the runtime do what waits: promises, timers, messages. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
