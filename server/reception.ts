/** All connections that are open, whichever way they came: admitting, watching the time, ending. */
import { utf8 } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { errorLine } from "../core/calls.ts";
import type { Access } from "./access.ts";
import type { Transport } from "./channel.ts";
import { Connection, type ConnectionParts } from "./connection.ts";
import { accountOf, type Identity, isNetworkCaller } from "./identity.ts";
import type { Decision } from "./audit/log.ts";

const SWEEP_INTERVAL = 1_000;

/** What a reception works with. */
export interface ReceptionParts extends Omit<ConnectionParts, "closed"> {
  readonly access: Access;
}

/** Who is let in, and who is not. */
export class Reception {
  readonly #connections = new Set<Connection>();
  readonly #sweeper: ReturnType<typeof setInterval>;

  constructor(private readonly parts: ReceptionParts) {
    const interval = Math.min(SWEEP_INTERVAL, parts.admission.limits.line);
    this.#sweeper = setInterval(() => this.#sweep(), interval);
  }

  /**
   * Lets a caller in, or tells it why not and hangs up. The transport is the reception's from now
   * on: nothing of what came over it has been read.
   */
  receive(transport: Transport, who: Identity): void {
    const { access, admission } = this.parts;
    try {
      if (!access.mayConnect(who)) throw new CryptoError("denied");
      admission.connect(accountOf(who), access.mayAdminister(who));
    } catch (error) {
      return void this.refuse(transport, error as CryptoError, { who });
    }
    const closed = (connection: Connection) => {
      this.#connections.delete(connection);
      admission.disconnect(accountOf(who));
    };
    this.#connections.add(new Connection(who, transport, { ...this.parts, closed }));
  }

  /** Says why, once that is in the log, and hangs up. */
  async refuse(
    transport: Transport,
    error: CryptoError,
    { who, ...about }: Partial<Decision> & { readonly who?: Identity | undefined } = {},
  ): Promise<void> {
    const logged = await this.parts.log.write(who, [{
      op: "connect",
      ...about,
      error: error.code,
    }]);
    if (!logged) return transport.destroy();
    transport.send(utf8(errorLine(null, error) + "\n"));
    transport.end();
  }

  /** Cuts off everybody who is no longer to be here. @param judge gives the reason */
  review(judge: (who: Identity) => CryptoError | undefined): void {
    for (const connection of this.#connections) {
      const reason = judge(connection.who);
      if (reason) void connection.cut(reason);
    }
  }

  /** Finishes what has begun, and hangs up on those who take too long. */
  async stop(): Promise<void> {
    const finished = Promise.all([...this.#connections].map((one) => one.stop()));
    await Promise.race([finished, delay(this.parts.admission.limits.stop)]);
    await this.#drained();
    clearInterval(this.#sweeper);
    for (const connection of this.#connections) connection.destroy();
  }

  /** Until the peers have taken their answers, or the time is up. */
  async #drained(): Promise<void> {
    const deadline = Date.now() + this.parts.admission.limits.stop;
    while (this.#connections.size > 0 && Date.now() < deadline) await delay(5);
  }

  #sweep(): void {
    for (const connection of this.#connections) connection.checkTimes(performance.now());
    this.review((who) => {
      const isOver = isNetworkCaller(who) && Date.now() > who.expires;
      return isOver ? new CryptoError("tls_refused") : undefined;
    });
  }
}

function delay(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
