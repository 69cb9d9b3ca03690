/**
 * Waiting for many descriptors at once. It stands beside the runtime's own event loop and takes
 * turns with it, because a read or write through that one costs several times the system call.
 */
import { EpollPoller } from "./epoll.ts";
import { KqueuePoller } from "./kqueue.ts";
import { IS_DARWIN } from "./libc.ts";
import type { Poller, Watched } from "./poller.ts";

/**
 * How long this thread asks again and again after there was something, in milliseconds: a client
 * that asks, waits and asks again is then answered without waking a thread, which takes longer.
 */
const SPIN = 0.1;
/** How long it then waits for more, in milliseconds, before it leaves the waiting to another. */
const LINGER = 1;
/** How long the runtime's own loop waits for its turn while there is always something: milliseconds. */
const TURN_INTERVAL = 1;
/**
 * Promises that may wait for each other between a request and its task, and between the task and
 * the answer, each for a step. Where there are more, who waits goes on in a turn of the runtime's.
 */
const STEPS = { toTask: 32, toAnswer: 4 } as const;

/** What the loop does besides watching, between one look at the descriptors and the next. */
export interface Work {
  /**
   * Goes on with what waits, after what was ready has been told and answered. Where something
   * waits, that is all of it, unless it waits for something else itself.
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

/** Told what its descriptor is ready for: a sum of {@linkcode Ready}. */
export type OnReady = (events: number) => void;

/** A descriptor that is being watched. */
export class Watch implements Watched {
  #events: number;

  constructor(
    readonly fd: number,
    readonly id: number,
    events: number,
    private readonly poller: Poller,
    private readonly listeners: Map<number, OnReady>,
  ) {
    this.#events = events;
  }

  get events(): number {
    return this.#events;
  }

  /** Asks for other events than before. */
  change(events: number): void {
    const before = this.#events;
    this.#events = events;
    this.poller.change(this, before);
  }

  /** Asks for none any more. To be called before the descriptor is closed. */
  end(): void {
    this.listeners.delete(this.id);
    this.poller.remove(this);
  }
}

/** Tells who watches a descriptor that it is ready. Made before `ffi` is given up. */
export class EventLoop {
  readonly #listeners = new Map<number, OnReady>();
  #lastId = 0;
  #running = false;
  #stopped = false;
  /** Whether another thread waits for descriptors now. */
  #away = false;
  #tasks: (() => void)[] = [];
  #lastTurn = 0;

  constructor(
    private readonly poller: Poller = IS_DARWIN ? new KqueuePoller() : new EpollPoller(),
  ) {}

  /** Watches a descriptor; what is ready is told again and again until it is dealt with. */
  watch(fd: number, events: number, onReady: OnReady): Watch {
    const watch = new Watch(fd, ++this.#lastId, events, this.poller, this.#listeners);
    this.poller.add(watch);
    this.#listeners.set(watch.id, onReady);
    return watch;
  }

  /** Tells what is ready until {@link stop} is called. */
  async run(work: Work): Promise<void> {
    this.#running = true;
    try {
      for (let last = 0; !this.#stopped;) {
        last = await this.#wait(last, work);
        this.poller.tell(last, this.#tell);
        // Promises get no turn of the runtime's here: it takes as long as half a request.
        await this.#settleUntilTask();
        await this.#doTasks();
        if (work.waiting) {
          // Those before them are done first, however many steps that takes.
          await this.#turn();
          await this.#doTasks();
        }
        if (work.turn()) await this.#turn();
      }
    } finally {
      this.#running = false;
      await this.#doTasks();
      this.poller.close();
    }
  }

  /** Ends {@link run}. What is still watched is forgotten, not closed. */
  stop(): void {
    this.#stopped = true;
    this.poller.wake();
  }

  /** Has {@link run} look at its work again, if it waits for descriptors. */
  wake(): void {
    if (this.#away) this.poller.wake();
  }

  /**
   * Does something once, when all that is ready has been told: what came in one go is dealt with in
   * one go. While the loop does not run, in the next turn of the runtime's. It must not throw.
   */
  soon(task: () => void): void {
    if (!this.#running) return void setImmediate(task);
    this.#tasks.push(task);
    this.wake();
  }

  /** Does them, and lets those go on who waited for them. */
  async #doTasks(): Promise<void> {
    await settle();
    const tasks = this.#tasks;
    this.#tasks = [];
    for (const task of tasks) task();
    await settle();
  }

  /** Who was told goes on. All who were told together come to their tasks within a few steps. */
  async #settleUntilTask(): Promise<void> {
    for (let i = 0; i < STEPS.toTask && this.#tasks.length === 0; i++) await undefined;
  }

  /** How many descriptors are ready. If there is something else to do, it waits for none. */
  async #wait(last: number, work: Work): Promise<number> {
    // Under load there is something at once, and the runtime's loop can wait a little.
    const count = this.poller.wait(0);
    const isBusy = count > 0 && !work.working;
    if (isBusy && performance.now() - this.#lastTurn < TURN_INTERVAL) return count;
    await this.#turn();
    if (count > 0 || work.waiting || this.#tasks.length > 0) return count;
    return (last > 0 && !work.working ? this.#linger() : 0) || await this.#waitElsewhere();
  }

  /** Lets the runtime do what waits: promises, timers, messages. */
  async #turn(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#lastTurn = performance.now();
  }

  #linger(): number {
    const until = performance.now() + SPIN;
    while (performance.now() < until) {
      const count = this.poller.wait(0);
      if (count > 0) return count;
    }
    return this.poller.wait(LINGER);
  }

  /** Waits on a thread of the runtime's, without end, while this one does other things. */
  async #waitElsewhere(): Promise<number> {
    this.#away = true;
    const count = await this.poller.waitElsewhere();
    this.#away = false;
    return count;
  }

  readonly #tell = (id: number, events: number): void => {
    this.#listeners.get(id)?.(events);
  };
}

/**
 * Lets those go on who wait for what is there by now. What came together goes on together, step by
 * step: that is faster than one after the other, since the code of a step is then at hand.
 */
async function settle(): Promise<void> {
  for (let i = 0; i < STEPS.toAnswer; i++) await undefined;
}
