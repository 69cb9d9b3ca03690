/**
 * Waiting for descriptors on macOS: kqueue(2), by the constants and structures of Darwin's header
 * (sys/event.h of xnu). Nobody has run this on a Mac: see docs/systems.md. No raw call leaves this
 * module.
 */
import type { Bytes } from "../core/bytes.ts";
import { Errno, type LoadedLibc, openEitherLibc, SystemError } from "./libc.ts";
import { type Poller, Ready, type Watched } from "./poller.ts";

const WAIT = {
  parameters: ["i32", "buffer", "i32", "buffer", "i32", "buffer"],
  result: "i32",
} as const;
/** What it calls. */
export const KQUEUE = {
  close: { parameters: ["i32"], result: "i32" },
  kevent: WAIT,
  kevent_elsewhere: { name: "kevent", ...WAIT, nonblocking: true },
  kqueue: { parameters: [], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Filters. They are negative numbers of 16 bits. */
const READ = -1;
const WRITE = -2;
const USER = -10;
const EV_ADD = 0x0001;
const EV_DELETE = 0x0002;
const EV_CLEAR = 0x0020;
const EV_EOF = 0x8000;
const NOTE_TRIGGER = 0x01000000;
/** struct kevent: its length, and where its members stand. */
const EVENT = { LENGTH: 32, IDENT: 0, FILTER: 8, FLAGS: 10, FFLAGS: 12, UDATA: 24 } as const;
const MAX_EVENTS = 128;
/** The waker's, which nobody is told of: ids begin at one. */
const NOBODY = 0;
const NONE: Bytes = new Uint8Array(0);

/** What a descriptor is registered for: filters, with the flags of each. */
type Filters = ReadonlyMap<number, number>;

/**
 * By {@link Ready.READ} and, twice that, {@link Ready.WRITE}. Where neither is asked for the end is,
 * by the filter that knows it: at each change (EV_CLEAR), not as long as something can be written.
 */
const FILTERS: readonly Filters[] = [
  new Map([[WRITE, EV_CLEAR]]),
  new Map([[READ, 0]]),
  new Map([[WRITE, 0]]),
  new Map([[READ, 0], [WRITE, 0]]),
];

/** As {@link Poller} says. A descriptor is told once for each filter. */
export class KqueuePoller implements Poller {
  readonly #kqueue: number;
  readonly #events: Bytes = new Uint8Array(MAX_EVENTS * EVENT.LENGTH);
  readonly #view = new DataView(this.#events.buffer);
  /** struct timespec: seconds and nanoseconds, of which a wait needs the lower halves. */
  readonly #time = new Int32Array(4);

  /** @param user the number of EVFILT_USER, where it is not Darwin's */
  constructor(
    private readonly libc: LoadedLibc<typeof KQUEUE> = openEitherLibc(KQUEUE),
    private readonly user: number = USER,
  ) {
    this.#kqueue = this.#check("kqueue", libc.symbols.kqueue());
    this.#register(kevent({ ident: 0, filter: user, flags: EV_ADD | EV_CLEAR }, NOBODY));
  }

  #check(call: string, result: number): number {
    if (result < 0) throw new SystemError(call, this.libc.errno());
    return result;
  }

  add({ fd, id, events }: Watched): void {
    this.#replace(fd, id, new Map(), filtersOf(events));
  }

  change({ fd, id, events }: Watched, before: number): void {
    this.#replace(fd, id, filtersOf(before), filtersOf(events));
  }

  remove({ fd, id, events }: Watched): void {
    this.#replace(fd, id, filtersOf(events), new Map());
  }

  /** The flags of a filter are settled when it is added: with others it is added anew. */
  #replace(fd: number, id: number, before: Filters, after: Filters): void {
    for (const [filter, flags] of before) {
      if (after.get(filter) === flags) continue;
      this.#register(kevent({ ident: fd, filter, flags: EV_DELETE }, id));
    }
    for (const [filter, flags] of after) {
      if (before.get(filter) === flags) continue;
      // Below zero, so that what only waits for the end is known for that.
      this.#register(kevent({ ident: fd, filter, flags: EV_ADD | flags }, flags ? -id : id));
    }
  }

  #register(change: Bytes): void {
    const { kevent } = this.libc.symbols;
    this.#check("kevent", kevent(this.#kqueue, change, 1, NONE, 0, null));
  }

  wait(milliseconds: number): number {
    const { symbols, errno } = this.libc;
    this.#time[0] = Math.trunc(milliseconds / 1_000);
    this.#time[2] = (milliseconds % 1_000) * 1_000_000;
    const count = symbols.kevent(this.#kqueue, NONE, 0, this.#events, MAX_EVENTS, this.#time);
    if (count < 0 && errno() !== Errno.EINTR) this.#check("kevent", count);
    return count;
  }

  async waitElsewhere(): Promise<number> {
    const { kevent_elsewhere } = this.libc.symbols;
    return await kevent_elsewhere(this.#kqueue, NONE, 0, this.#events, MAX_EVENTS, null);
  }

  tell(count: number, ready: (id: number, events: number) => void): void {
    for (let at = 0; at < count * EVENT.LENGTH; at += EVENT.LENGTH) {
      const id = this.#view.getFloat64(at + EVENT.UDATA, true);
      const filter = this.#view.getInt16(at + EVENT.FILTER, true);
      const isEnd = (this.#view.getUint16(at + EVENT.FLAGS, true) & EV_EOF) !== 0;
      if (id > 0) ready(id, eventsOf(filter, isEnd));
      else if (isEnd) ready(-id, Ready.HANGUP);
    }
  }

  wake(): void {
    const { user } = this;
    this.#register(kevent({ ident: 0, filter: user, flags: 0, fflags: NOTE_TRIGGER }, NOBODY));
  }

  close(): void {
    this.libc.symbols.close(this.#kqueue);
  }
}

function filtersOf(events: number): Filters {
  return FILTERS[(events & Ready.READ ? 1 : 0) | (events & Ready.WRITE ? 2 : 0)]!;
}

/**
 * What a filter says in the words of {@link Ready}. That the peer sends no more is for reading to
 * find out; but where nothing can be sent any more, it has gone.
 */
function eventsOf(filter: number, isEnd: boolean): number {
  if (filter === READ) return Ready.READ;
  return isEnd ? Ready.WRITE | Ready.HANGUP : Ready.WRITE;
}

/** What one change says. */
interface Change {
  readonly ident: number;
  readonly filter: number;
  readonly flags: number;
  readonly fflags?: number;
}

function kevent({ ident, filter, flags, fflags = 0 }: Change, id: number): Bytes {
  const bytes = new Uint8Array(EVENT.LENGTH);
  const view = new DataView(bytes.buffer);
  view.setUint32(EVENT.IDENT, ident, true);
  view.setInt16(EVENT.FILTER, filter, true);
  view.setUint16(EVENT.FLAGS, flags, true);
  view.setUint32(EVENT.FFLAGS, fflags, true);
  view.setFloat64(EVENT.UDATA, id, true);
  return bytes;
}
