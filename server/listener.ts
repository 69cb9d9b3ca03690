/** The Unix socket: accepting, learning who calls, admitting or refusing. */
import { utf8 } from "../core/bytes.ts";
import { asCryptoError, CryptoError } from "../core/errors.ts";
import { errorLine } from "../core/calls.ts";
import type { Work } from "../platform/eventloop.ts";
import { Acceptor } from "./acceptor.ts";
import type { Access } from "./access.ts";
import { Channel, type ChannelParts } from "./channel.ts";
import { Connection, type ConnectionParts } from "./connection.ts";
import { identify, type Identity, type OverflowIds } from "./identity.ts";

const SWEEP_INTERVAL = 1_000;

/** What a listener works with. */
export interface ListenerParts extends ChannelParts, Omit<ConnectionParts, "closed"> {
  readonly access: Access;
  readonly overflow: OverflowIds;
}

/** Serves the connections of one listening descriptor until it is told to stop. */
export class Listener {
  readonly #connections = new Set<Connection>();
  readonly #sweeper: ReturnType<typeof setInterval>;
  readonly #serving: Promise<void>;
  readonly #acceptor: Acceptor;

  constructor(private readonly fd: number, private readonly parts: ListenerParts) {
    this.#acceptor = new Acceptor(fd, parts, (accepted) => this.#admit(accepted));
    const interval = Math.min(SWEEP_INTERVAL, parts.admission.limits.line);
    this.#sweeper = setInterval(() => this.#sweep(), interval);
    this.#serving = parts.loop.run(workOf(parts));
  }

  /** Accepts no more, finishes what has begun, and hangs up on those who take too long. */
  async stop(): Promise<void> {
    this.#acceptor.stop();
    const finished = Promise.all([...this.#connections].map((one) => one.stop()));
    await Promise.race([finished, delay(this.parts.admission.limits.stop)]);
    await this.#drained();
    clearInterval(this.#sweeper);
    for (const connection of this.#connections) connection.destroy();
    this.parts.loop.stop();
    await this.#serving;
    this.parts.sockets.close(this.fd);
  }

  /** Until the peers have taken their answers, or the time is up. */
  async #drained(): Promise<void> {
    const deadline = Date.now() + this.parts.admission.limits.stop;
    while (this.#connections.size > 0 && Date.now() < deadline) await delay(5);
  }

  /** From here on the channel owns the descriptor. */
  #admit(fd: number): void {
    let who: Identity | undefined;
    let refused: CryptoError | undefined;
    try {
      who = this.#identify(fd);
      if (!this.parts.access.mayConnect(who)) throw new CryptoError("denied");
      this.parts.admission.connect(who.uid, this.parts.access.mayAdminister(who));
    } catch (error) {
      refused = asCryptoError(error);
    }
    const channel = new Channel(fd, this.parts);
    if (who && !refused) this.#serve(channel, who);
    else this.#refuse(channel, who, refused ?? new CryptoError("no_identity"));
  }

  #identify(fd: number): Identity {
    try {
      return identify(this.parts.sockets.peerCredentials(fd), this.parts.overflow);
    } catch (cause) {
      throw new CryptoError("no_identity", { cause });
    }
  }

  #serve(channel: Channel, who: Identity): void {
    const closed = (connection: Connection) => {
      this.#connections.delete(connection);
      this.parts.admission.disconnect(who.uid);
    };
    this.#connections.add(new Connection(who, channel, { ...this.parts, closed }));
  }

  async #refuse(channel: Channel, who: Identity | undefined, error: CryptoError): Promise<void> {
    const logged = await this.parts.log.write(who, [{ op: "connect", error: error.code }]);
    if (!logged) return channel.destroy();
    channel.send(utf8(errorLine(null, error) + "\n"));
    channel.end();
  }

  #sweep(): void {
    const now = Date.now();
    for (const connection of this.#connections) connection.checkTimes(now);
  }
}

function workOf({ turns, admission }: ListenerParts): Work {
  return {
    turn: () => turns.next(),
    get waiting() {
      return turns.waiting;
    },
    get working() {
      return admission.unanswered > 0;
    },
  };
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
