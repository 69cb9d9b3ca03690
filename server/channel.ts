/** A connected socket: bytes in and out, without waiting. Knows nothing of what they say. */
import type { Bytes } from "../core/bytes.ts";
import type { EventLoop, Watch } from "../platform/eventloop.ts";
import { Ready } from "../platform/poller.ts";
import type { Streams } from "../platform/sockets.ts";

/** What a channel tells its user. */
export interface Receiver {
  /** Whether it takes what has come now. If not, it is asked again in the loop's next turn. */
  readonly willing: boolean;
  /** Bytes that have come. Their buffer is used again after the call. */
  data(bytes: Bytes): void;
  /** The peer sends no more. It may still read. */
  end(): void;
  /** Nothing comes or goes any more, for whatever reason. The last call. */
  closed(): void;
}

/** What carries a connection. */
export interface Transport {
  /** Starts telling `receiver`, once. Nothing is lost before. */
  tell(receiver: Receiver): void;
  /** Bytes that have not left yet. */
  readonly waiting: number;
  /** Bytes that have left so far: whether the peer takes any. */
  readonly taken: number;
  readonly paused: boolean;
  /** Tells nothing of what comes until {@link resume}. */
  pause(): void;
  resume(): void;
  /** Sends after what waits already. The buffer may be used again after the call. */
  send(bytes: Bytes): void;
  /** Settles when nothing waits, or never will. */
  sent(): Promise<void>;
  /** Hangs up once everything is sent. What still comes is thrown away. */
  end(): void;
  /** Hangs up at once. */
  destroy(): void;
}

/** What channels are made with. */
export interface ChannelParts {
  readonly sockets: Streams;
  readonly loop: EventLoop;
}

/** A socket as one kind or another uses it. None of these waits, and what is broken throws. */
export interface Link {
  /** Reads what has come: how many bytes; 0 at the end; undefined if nothing has come. */
  receive(buffer: Bytes): number | undefined;
  /** Whether more has come than was read, of which the kernel tells no more. */
  readonly hasMore?: boolean;
  /** Whether nothing is read before the kernel takes something again. */
  readonly isHeldUp?: boolean;
  /** Sends as much as the kernel takes now: how many bytes it took. */
  send(bytes: Bytes): number;
  /**
   * Says that nothing more will be sent, where closing would lose what the peer has not read yet.
   * From then on what comes is thrown away: false when that, too, has ended.
   */
  readonly leave?: { begin(): void; discard(): boolean } | undefined;
  /** Closes the descriptor. */
  close(): void;
}

/** A Unix socket as a link. */
function unixLink(sockets: Streams, fd: number): Link {
  return {
    receive: (buffer) => sockets.receive(fd, buffer),
    send: (bytes) => sockets.send(fd, bytes),
    close: () => sockets.close(fd),
  };
}

/** So few that the lines in it are soon read. */
const RECEIVE_LENGTH = 8_192;
/** How long a peer has to hang up, too, where {@link Link.leave} waits for that; milliseconds. */
const LEAVE_TIME = 1_000;
/** Of all channels: what is received is dealt with before the next one receives. */
const received: Bytes = new Uint8Array(RECEIVE_LENGTH);

/** A socket as a transport. Owns its link, and closes it once. */
export class Channel implements Transport {
  readonly #watch: Watch;
  #receiver: Receiver | undefined;
  /** What the kernel has not taken yet. */
  #unsent: Bytes[] = [];
  #waiting = 0;
  #taken = 0;
  #whenSent: (() => void)[] = [];
  #paused = false;
  #readEnded = false;
  #ending = false;
  #closed = false;
  #leaving: ReturnType<typeof setTimeout> | undefined;

  constructor(
    fd: number,
    private readonly parts: ChannelParts,
    private readonly link: Link = unixLink(parts.sockets, fd),
  ) {
    this.#watch = parts.loop.watch(fd, Ready.READ, (events) => this.#onReady(events));
  }

  tell(receiver: Receiver): void {
    this.#receiver = receiver;
  }

  get waiting(): number {
    return this.#waiting;
  }

  get taken(): number {
    return this.#taken;
  }

  get paused(): boolean {
    return this.#paused;
  }

  pause(): void {
    this.#paused = true;
    this.#rewatch();
  }

  resume(): void {
    this.#paused = false;
    this.#rewatch();
    this.#readMore();
  }

  send(bytes: Bytes): void {
    if (this.#closed || this.#ending) return;
    const taken = this.#waiting > 0 ? 0 : this.#take(bytes);
    if (taken === bytes.length || this.#closed) return;
    this.#unsent.push(bytes.slice(taken));
    this.#waiting += bytes.length - taken;
    this.#rewatch();
  }

  sent(): Promise<void> {
    if (this.#waiting === 0 || this.#closed) return Promise.resolve();
    return new Promise((resolve) => this.#whenSent.push(resolve));
  }

  end(): void {
    this.#ending = true;
    if (this.#waiting === 0) this.#leave();
  }

  /** Everything is sent. */
  #leave(): void {
    if (this.#closed || this.#leaving !== undefined) return;
    if (!this.link.leave || this.#readEnded) return this.destroy();
    this.link.leave.begin();
    this.#leaving = setTimeout(() => this.destroy(), LEAVE_TIME);
    this.#rewatch();
  }

  destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#leaving);
    this.#watch.end();
    this.link.close();
    this.#unsent = [];
    this.#waiting = 0;
    this.#settle();
    this.#receiver?.closed();
  }

  #onReady(events: number): void {
    if (this.#leaving !== undefined) {
      if (!this.#closed && !this.link.leave?.discard()) this.destroy();
      return;
    }
    if (events & Ready.WRITE) this.#flush();
    if (this.#reads && !this.#closed && this.#receiver?.willing !== false) this.#receive();
    // The peer is gone: what it has sent is read by now, unless it sent more than is taken.
    const gone = (events & (Ready.HANGUP | Ready.ERROR)) !== 0;
    if (gone && !this.#reads) this.destroy();
    this.#readMore();
  }

  /** Reads on where the kernel does not say that there is more. */
  #readMore(): void {
    if (this.#closed || !this.#reads || !this.link.hasMore) return;
    this.parts.loop.soon(() => this.#onReady(Ready.READ));
  }

  get #reads(): boolean {
    return this.#leaving !== undefined || !this.#paused && !this.#readEnded;
  }

  #receive(): void {
    const wasHeldUp = this.link.isHeldUp;
    const count = this.#try(() => this.link.receive(received));
    if (this.link.isHeldUp !== wasHeldUp) this.#rewatch();
    if (count === undefined || this.#closed) return;
    if (count > 0) {
      if (!this.#ending) this.#receiver?.data(received.subarray(0, count));
    } else {
      this.#readEnded = true;
      this.#rewatch();
      this.#receiver?.end();
    }
  }

  #flush(): void {
    while (this.#unsent.length > 0 && !this.#closed) {
      const [first] = this.#unsent as [Bytes];
      const taken = this.#take(first);
      if (this.#closed) return;
      this.#waiting -= taken;
      if (taken < first.length) {
        this.#unsent[0] = first.subarray(taken);
        return;
      }
      this.#unsent.shift();
    }
    this.#rewatch();
    this.#settle();
    if (this.#ending) this.#leave();
  }

  /** How many of the bytes the kernel takes. */
  #take(bytes: Bytes): number {
    const taken = this.#try(() => this.link.send(bytes)) ?? 0;
    this.#taken += taken;
    return taken;
  }

  /** A broken connection is gone, and there is nobody to tell. */
  #try(transfer: () => number | undefined): number | undefined {
    try {
      return transfer();
    } catch {
      this.destroy();
      return undefined;
    }
  }

  #rewatch(): void {
    if (this.#closed) return;
    const isHeldUp = this.link.isHeldUp && this.#leaving === undefined;
    const reading = isHeldUp ? Ready.WRITE : Ready.READ;
    this.#watch.change((this.#reads ? reading : 0) | (this.#waiting > 0 ? Ready.WRITE : 0));
  }

  #settle(): void {
    const settles = this.#whenSent;
    this.#whenSent = [];
    for (const settle of settles) settle();
  }
}
