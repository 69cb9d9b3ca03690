/** Accepting connections, in turns with all else that the loop has to do. */
import type { Watch } from "../platform/eventloop.ts";
import { Ready } from "../platform/poller.ts";
import type { ChannelParts } from "./channel.ts";

/** Connections accepted in a row before others get their turn. */
const ACCEPT_BURST = 64;
/** How long none is accepted when no descriptor is left, in milliseconds. */
const REST = 50;

/** Accepts the connections of one listening descriptor until it is told to stop. */
export class Acceptor {
  #accepting: Watch | undefined;
  #resting: ReturnType<typeof setTimeout> | undefined;

  /** @param onAccepted is given each connection's descriptor, which it then owns */
  constructor(
    private readonly fd: number,
    private readonly parts: ChannelParts,
    private readonly onAccepted: (fd: number) => void,
  ) {
    this.#accept();
  }

  /** Accepts no more. */
  stop(): void {
    clearTimeout(this.#resting);
    this.#acceptNone();
  }

  /** To be called after {@link stop}: from now on nobody can connect. */
  close(): void {
    this.parts.sockets.close(this.fd);
  }

  #accept(): void {
    this.#accepting = this.parts.loop.watch(this.fd, Ready.READ, () => this.#acceptBurst());
  }

  #acceptNone(): void {
    this.#accepting?.end();
    this.#accepting = undefined;
  }

  #acceptBurst(): void {
    try {
      for (let i = 0; i < ACCEPT_BURST; i++) {
        const fd = this.parts.sockets.accept(this.fd);
        if (fd === undefined) return;
        this.onAccepted(fd);
      }
    } catch {
      // No descriptor is left. Those who wait stay in the queue until one is.
      this.#acceptNone();
      this.#resting = setTimeout(() => this.#accept(), REST);
    }
  }
}
