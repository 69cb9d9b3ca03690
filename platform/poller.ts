/** What each system has to give an event loop: waiting for many descriptors at once. */

/**
 * What a descriptor is ready for. The numbers are those of poll(2) and epoll(7); a system with others
 * translates. The last two come whether or not they are asked for; but where {@link Ready.READ} is
 * asked for, a system may leave it to reading to find out that the peer has gone, and Windows leaves
 * that to whoever reads or sends next, whatever is asked for.
 */
export const Ready = { READ: 0x001, WRITE: 0x004, ERROR: 0x008, HANGUP: 0x010 } as const;

/** A descriptor that is watched. */
export interface Watched {
  readonly fd: number;
  /** Never used again: a descriptor's number is, even among events taken at once. */
  readonly id: number;
  /** What it is watched for: a sum of {@link Ready}. */
  readonly events: number;
}

/**
 * Waits for descriptors, each of which is told again and again as long as it is ready; that the peer
 * of one that is watched for nothing has gone may be told once. One wait lasts at a time; what is
 * watched may change meanwhile. Made before `ffi` is given up. It throws {@linkcode SystemError}.
 */
export interface Poller {
  /** Watches another descriptor. */
  add(watched: Watched): void;
  /** Watches it for other events. @param before what it was watched for until now */
  change(watched: Watched, before: number): void;
  /** Watches it no more. It is not closed yet. */
  remove(watched: Watched): void;
  /**
   * Takes what is ready, or will be.
   * @param milliseconds how long it waits at most
   * @returns how many there are, for {@link tell}, a {@link wake} among them; none if the time is up
   */
  wait(milliseconds: number): number;
  /** The same without end, on a thread of the runtime's. */
  waitElsewhere(): Promise<number>;
  /** Tells what the last wait has taken. A descriptor may be told twice, once for each event. */
  tell(count: number, ready: (id: number, events: number) => void): void;
  /** Ends the wait that lasts on another thread, or else the next. */
  wake(): void;
  /** Gives up what it has of the system's. What is watched is not closed. */
  close(): void;
}
