/** Waiting for descriptors on Linux: epoll(7). No raw call leaves this module. */
import type { Bytes } from "../core/bytes.ts";
import { Errno, openLibc, SystemError } from "./libc.ts";
import { type Poller, Ready, type Watched } from "./poller.ts";

const WAIT = { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" } as const;
const SYMBOLS = {
  close: { parameters: ["i32"], result: "i32" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: WAIT,
  epoll_wait_elsewhere: { name: "epoll_wait", ...WAIT, nonblocking: true },
  eventfd: { parameters: ["u32", "i32"], result: "i32" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
} as const satisfies Deno.ForeignLibraryInterface;

const CLOEXEC = 0o2000000;
const Control = { ADD: 1, REMOVE: 2, MODIFY: 3 } as const;
/** Told once for each change, EPOLLET: so nobody has to read what {@link EpollPoller.wake} wrote. */
const ON_CHANGE = 0x80000000;
/** The waker's, which nobody is told of: ids begin at one. */
const NOBODY = 0;
const MAX_EVENTS = 128;

/** struct epoll_event: packed on x86-64, aligned elsewhere. */
const EVENT = Deno.build.arch === "x86_64" ? { size: 12, data: 4 } : { size: 16, data: 8 };

/** As {@link Poller} says. Its events are those of {@link Ready}. */
export class EpollPoller implements Poller {
  readonly #libc = openLibc(SYMBOLS);
  readonly #epoll: number;
  readonly #waker: number;
  readonly #events: Bytes = new Uint8Array(MAX_EVENTS * EVENT.size);
  readonly #view = new DataView(this.#events.buffer);

  constructor() {
    const { epoll_create1, eventfd } = this.#libc.symbols;
    this.#epoll = this.#check("epoll_create1", epoll_create1(CLOEXEC));
    this.#waker = this.#check("eventfd", eventfd(0, CLOEXEC));
    this.add({ fd: this.#waker, id: NOBODY, events: Ready.READ | ON_CHANGE });
  }

  #check(call: string, result: number): number {
    if (result < 0) throw new SystemError(call, this.#libc.errno());
    return result;
  }

  add(watched: Watched): void {
    this.#control(Control.ADD, watched);
  }

  change(watched: Watched): void {
    this.#control(Control.MODIFY, watched);
  }

  remove(watched: Watched): void {
    this.#control(Control.REMOVE, watched);
  }

  #control(operation: number, { fd, id, events }: Watched): void {
    const event = new DataView(new ArrayBuffer(EVENT.size));
    event.setUint32(0, events, true);
    event.setFloat64(EVENT.data, id, true);
    const bytes = new Uint8Array(event.buffer);
    this.#check("epoll_ctl", this.#libc.symbols.epoll_ctl(this.#epoll, operation, fd, bytes));
  }

  wait(milliseconds: number): number {
    const { symbols, errno } = this.#libc;
    const count = symbols.epoll_wait(this.#epoll, this.#events, MAX_EVENTS, milliseconds);
    if (count < 0 && errno() !== Errno.EINTR) this.#check("epoll_wait", count);
    return count;
  }

  async waitElsewhere(): Promise<number> {
    const { epoll_wait_elsewhere } = this.#libc.symbols;
    return await epoll_wait_elsewhere(this.#epoll, this.#events, MAX_EVENTS, -1);
  }

  tell(count: number, ready: (id: number, events: number) => void): void {
    for (let at = 0; at < count * EVENT.size; at += EVENT.size) {
      const id = this.#view.getFloat64(at + EVENT.data, true);
      if (id !== NOBODY) ready(id, this.#view.getUint32(at, true));
    }
  }

  wake(): void {
    this.#libc.symbols.write(this.#waker, new BigUint64Array([1n]), 8n);
  }

  close(): void {
    this.#libc.symbols.close(this.#epoll);
    this.#libc.symbols.close(this.#waker);
  }
}
