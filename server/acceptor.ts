/** Accepting connections on one listening descriptor, of whatever kind. */
import { type EventLoop, Ready, type Watch } from "../platform/eventloop.ts";
import type { Sockets } from "../platform/sockets.ts";

/** Connections accepted in a row before others get their turn. */
const ACCEPT_BURST = 64;
/** How long none is accepted when no descriptor is left, in milliseconds. */
const REST = 50;

/** What accepting takes. */
export interface AcceptorParts {
  readonly sockets: Sockets;
  readonly loop: EventLoop;
}

/** Gives each connection's descriptor away, until it is told to stop. */
export class Acceptor {
  #watch: Watch | undefined;
  #resting: ReturnType<typeof setTimeout> | undefined;

  /** @param take owns the descriptor from then on */
  constructor(
    private readonly fd: number,
    private readonly parts: AcceptorParts,
    private readonly take: (fd: number) => void,
  ) {
    this.#accept();
  }

  /** Accepts no more. Those who connect wait in the kernel's queue. */
  stop(): void {
    clearTimeout(this.#resting);
    this.#acceptNone();
  }

  /** To be called after {@link stop}: from now on nobody can connect. */
  close(): void {
    this.parts.sockets.close(this.fd);
  }

  #accept(): void {
    this.#watch = this.parts.loop.watch(this.fd, Ready.READ, () => this.#acceptBurst());
  }

  #acceptNone(): void {
    this.#watch?.end();
    this.#watch = undefined;
  }

  #acceptBurst(): void {
    try {
      for (let i = 0; i < ACCEPT_BURST; i++) {
        const fd = this.parts.sockets.accept(this.fd);
        if (fd === undefined) return;
        this.take(fd);
      }
    } catch {
      // No descriptor is left. Those who wait stay in the queue until one is.
      this.#acceptNone();
      this.#resting = setTimeout(() => this.#accept(), REST);
    }
  }
}
