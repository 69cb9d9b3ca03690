/** A connected socket: bytes in and out, without waiting. Knows nothing of what they say. */
import type { Bytes } from "../core/bytes.ts";
import { type EventLoop, Ready, type Watch } from "../platform/eventloop.ts";
import type { Sockets } from "../platform/sockets.ts";

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

/** What carries a connection: a Unix socket here. */
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
  readonly sockets: Sockets;
  readonly loop: EventLoop;
}

/** So few that the lines in it are soon read. */
const RECEIVE_LENGTH = 8_192;
/** Of all channels: what is received is dealt with before the next one receives. */
const received: Bytes = new Uint8Array(RECEIVE_LENGTH);

/** A socket as a transport. Owns its descriptor, and closes it once. */
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

  constructor(private readonly fd: number, private readonly parts: ChannelParts) {
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
    if (this.#waiting === 0) this.destroy();
  }

  destroy(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch.end();
    this.parts.sockets.close(this.fd);
    this.#unsent = [];
    this.#waiting = 0;
    this.#settle();
    this.#receiver?.closed();
  }

  #onReady(events: number): void {
    if (events & Ready.WRITE) this.#flush();
    if (this.#reads && !this.#closed && this.#receiver?.willing !== false) this.#receive();
    // The peer is gone: what it has sent is read by now, unless it sent more than is taken.
    const gone = (events & (Ready.HANGUP | Ready.ERROR)) !== 0;
    if (gone && !this.#reads) this.destroy();
  }

  get #reads(): boolean {
    return !this.#paused && !this.#readEnded;
  }

  #receive(): void {
    const count = this.#try(() => this.parts.sockets.receive(this.fd, received));
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
    if (this.#ending) this.destroy();
  }

  /** How many of the bytes the kernel takes. */
  #take(bytes: Bytes): number {
    const taken = this.#try(() => this.parts.sockets.send(this.fd, bytes)) ?? 0;
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
    this.#watch.change((this.#reads ? Ready.READ : 0) | (this.#waiting > 0 ? Ready.WRITE : 0));
  }

  #settle(): void {
    const settles = this.#whenSent;
    this.#whenSent = [];
    for (const settle of settles) settle();
  }
}
