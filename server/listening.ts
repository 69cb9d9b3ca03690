/** Where the daemon is reached: its Unix socket, and the network where that is asked for. */
import type { EventLoop, Work } from "../platform/eventloop.ts";
import type { Streams } from "../platform/sockets.ts";
import { formatAddress, type Tcp } from "../platform/tcp.ts";
import type { Acceptor } from "./acceptor.ts";
import type { OverflowIds } from "./identity.ts";
import { listenLocally } from "./listener.ts";
import { type NetworkPlaces, readMaterial } from "./network.ts";
import { Reception, type ReceptionParts } from "./reception.ts";
import type { LocalSockets } from "./socket.ts";
import type { TlsListener } from "./tls_listener.ts";

/** What listening takes. */
export interface ListeningParts extends ReceptionParts {
  readonly sockets: Streams;
  readonly openTcp: () => Tcp;
  readonly loop: EventLoop;
  readonly overflow: OverflowIds;
}

/** The network, and who may own its files besides root. */
export interface Network {
  readonly places: NetworkPlaces;
  readonly uid: number;
}

/** Serves until it is told to stop. */
export class Listening {
  readonly #serving: Promise<void>;

  private constructor(
    private readonly parts: ListeningParts,
    private readonly reception: Reception,
    private readonly local: Acceptor | undefined,
    private readonly remote: { listener: TlsListener; network: Network } | undefined,
  ) {
    this.#serving = parts.loop.run(workOf(parts));
  }

  /**
   * Starts.
   * @param sockets those of this machine, if there are any
   * @throws {CryptoError} `config`, `unsafe_path`, `already_running`
   */
  static async start(
    sockets: LocalSockets | undefined,
    network: Network | undefined,
    parts: ListeningParts,
  ): Promise<Listening> {
    const reception = new Reception(parts);
    try {
      const remote = network && await listenRemotely(network, reception, parts);
      const local = sockets && listenLocally(sockets, { ...parts, reception });
      return new Listening(parts, reception, local, remote);
    } catch (error) {
      await reception.stop();
      throw error;
    }
  }

  /** Where it listens on the network: `ADDRESS:PORT`. */
  get address(): string | undefined {
    return this.remote && formatAddress(this.remote.listener.address);
  }

  /** What people have reason to do about the network's certificates, in sentences. */
  warnings(): string[] {
    return this.remote?.listener.warnings() ?? [];
  }

  /**
   * Reads certificates and lists again, and hangs up on who may no longer be here.
   * @throws {CryptoError} `config`, `unsafe_path`; then all stays as it was
   */
  reload(): void {
    if (!this.remote) return;
    const { listener, network } = this.remote;
    listener.reload(readMaterial(network.places, network.uid));
  }

  /** Accepts no more, finishes what has begun, and hangs up on those who take too long. */
  async stop(): Promise<void> {
    const { reception, local, remote, parts } = this;
    local?.stop();
    remote?.listener.stop();
    await reception.stop();
    parts.loop.stop();
    await this.#serving;
    local?.close();
    remote?.listener.close();
  }
}

function workOf({ turns, admission }: ListeningParts): Work {
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

/** Loads what a daemon without network does without. */
async function listenRemotely(network: Network, reception: Reception, parts: ListeningParts) {
  const [{ TlsListener }, { Tls }, { Refusals }] = await Promise.all([
    import("./tls_listener.ts"),
    import("../platform/tls.ts"),
    import("./refusals.ts"),
  ]);
  const material = readMaterial(network.places, network.uid);
  const refusals = new Refusals(parts.log);
  const means = { tls: new Tls(), tcp: parts.openTcp(), reception, refusals };
  return {
    network,
    listener: new TlsListener(network.places.listen, material, { ...parts, ...means }),
  };
}
