/** The Unix socket: accepting, learning who calls, admitting or refusing. */
import type { Socket } from "node:net";
import { utf8 } from "../core/bytes.ts";
import { asCryptoError, CryptoError } from "../core/errors.ts";
import { errorLine } from "../core/rpc.ts";
import type { Sockets } from "../platform/sockets.ts";
import type { Access } from "./access.ts";
import { Connection, type ConnectionParts } from "./connection.ts";
import { identify, type Identity, type OverflowIds } from "./identity.ts";

const SWEEP_INTERVAL = 1_000;
/** Connections accepted in a row before others get their turn. */
const ACCEPT_BURST = 64;

/** What a listener works with. */
export interface ListenerParts extends Omit<ConnectionParts, "closed"> {
  readonly sockets: Sockets;
  /** The class from `node:net`. Importing that costs every subcommand's start, so one does. */
  readonly SocketClass: typeof Socket;
  readonly access: Access;
  readonly overflow: OverflowIds;
}

/** Serves the connections of one listening descriptor until it is told to stop. */
export class Listener {
  readonly #connections = new Set<Connection>();
  readonly #waker: number;
  readonly #sweeper: ReturnType<typeof setInterval>;
  readonly #accepting: Promise<void>;
  #stopping = false;

  constructor(private readonly fd: number, private readonly parts: ListenerParts) {
    this.#waker = parts.sockets.createWaker();
    this.#accepting = this.#acceptAll();
    const interval = Math.min(SWEEP_INTERVAL, parts.admission.limits.line);
    this.#sweeper = setInterval(() => this.#sweep(), interval);
  }

  /** Accepts no more, finishes what has begun, and hangs up on those who take too long. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.parts.sockets.wake(this.#waker);
    await this.#accepting;
    const finished = Promise.all([...this.#connections].map((one) => one.stop()));
    await Promise.race([finished, delay(this.parts.admission.limits.stop)]);
    await this.#drained();
    clearInterval(this.#sweeper);
    for (const connection of this.#connections) connection.destroy();
    this.parts.sockets.close(this.fd);
    this.parts.sockets.close(this.#waker);
  }

  /** Until the peers have taken their answers, or the time is up. */
  async #drained(): Promise<void> {
    const deadline = Date.now() + this.parts.admission.limits.stop;
    while (this.#connections.size > 0 && Date.now() < deadline) await delay(5);
  }

  async #acceptAll(): Promise<void> {
    const { sockets } = this.parts;
    while (!this.#stopping) {
      await sockets.waitReadable(this.fd, this.#waker);
      await this.#acceptBurst();
    }
  }

  async #acceptBurst(): Promise<void> {
    try {
      for (let i = 0; i < ACCEPT_BURST && !this.#stopping; i++) {
        const fd = this.parts.sockets.accept(this.fd);
        if (fd === undefined) return;
        this.#admit(fd);
      }
    } catch {
      // No descriptor is left. Those who wait stay in the queue until one is.
      await delay(50);
    }
  }

  /** From here on the socket owns the descriptor. */
  #admit(fd: number): void {
    let who: Identity | undefined;
    let refused: CryptoError | undefined;
    try {
      who = this.#identify(fd);
      if (!this.parts.access.mayUse(who)) throw new CryptoError("denied");
      this.parts.admission.connect(who.uid);
    } catch (error) {
      refused = asCryptoError(error);
    }
    const socket = new this.parts.SocketClass({
      fd,
      allowHalfOpen: true,
      readable: true,
      writable: true,
    });
    if (who && !refused) this.#serve(socket, who);
    else this.#refuse(socket, who, refused ?? new CryptoError("no_identity"));
  }

  #identify(fd: number): Identity {
    try {
      return identify(this.parts.sockets.peerCredentials(fd), this.parts.overflow);
    } catch (cause) {
      throw new CryptoError("no_identity", { cause });
    }
  }

  #serve(socket: Socket, who: Identity): void {
    const closed = (connection: Connection) => {
      this.#connections.delete(connection);
      this.parts.admission.disconnect(who.uid);
    };
    this.#connections.add(new Connection(who, socket, { ...this.parts, closed }));
  }

  async #refuse(socket: Socket, who: Identity | undefined, error: CryptoError): Promise<void> {
    socket.on("error", () => {});
    const logged = await this.parts.log.write(who, [{ op: "connect", error: error.code }]);
    if (!logged) return void socket.destroy();
    socket.end(utf8(errorLine(null, error) + "\n"), () => socket.destroy());
  }

  #sweep(): void {
    const now = Date.now();
    for (const connection of this.#connections) connection.checkTimes(now);
  }
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
