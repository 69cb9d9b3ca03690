/** The network: TLS connections, whose callers are known by their certificates before they ask. */
import { type Bytes, utf8 } from "../core/bytes.ts";
import { errorLine } from "../core/calls.ts";
import { CryptoError } from "../core/errors.ts";
import type { CertifiedPeer } from "../platform/certificate.ts";
import type { Watch } from "../platform/eventloop.ts";
import { Ready } from "../platform/poller.ts";
import { formatAddress, type Tcp, type TcpAddress } from "../platform/tcp.ts";
import {
  type Tls,
  type TlsConnection,
  type TlsContext,
  type TlsMaterial,
  type TlsProblem,
  TlsRefusal,
} from "../platform/tls.ts";
import type { Access } from "./access.ts";
import { Acceptor } from "./acceptor.ts";
import { Channel, type ChannelParts, type Link } from "./channel.ts";
import type { Identity } from "./identity.ts";
import type { Admission } from "./limits.ts";
import type { Reception } from "./reception.ts";
import type { Refusals } from "./refusals.ts";

const BACKLOG = 1_024;
/** Handshakes that are not finished. Where there are more, the oldest is given up. */
const MAX_HANDSHAKES = 256;

const REFUSAL = utf8(`${errorLine(null, new CryptoError("tls_refused"))}\n`);

/** What a listener works with. */
export interface TlsListenerParts extends ChannelParts {
  readonly tcp: Tcp;
  readonly tls: Tls;
  readonly reception: Reception;
  readonly access: Access;
  readonly admission: Admission;
  readonly refusals: Refusals;
}

/** A handshake that is not finished, or a connection that is open. */
interface Peer {
  readonly fd: number;
  readonly connection: TlsConnection;
  readonly address: string;
  /** What its handshake began with. */
  readonly context: TlsContext;
}

/** What a handshake waits for. */
interface Shaking {
  readonly watch: Watch;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** Accepts the connections of one address. */
export class TlsListener {
  readonly address: TcpAddress;
  readonly #acceptor: Acceptor;
  readonly #shaking = new Map<Peer, Shaking>();
  readonly #open = new Map<Identity, Peer>();
  #context: TlsContext;

  /** @throws {CryptoError} `config`, `already_running` */
  constructor(at: TcpAddress, material: TlsMaterial, private readonly parts: TlsListenerParts) {
    this.#context = parts.tls.context(material);
    const fd = parts.tcp.listen(at, BACKLOG);
    this.address = parts.tcp.localAddress(fd);
    this.#acceptor = new Acceptor(fd, parts, (fd) => this.#begin(fd));
  }

  /**
   * Goes by other certificates and lists from now on, for the connections that are open, too.
   * @throws {CryptoError} `config`; then all stays as it was
   */
  reload(material: TlsMaterial): void {
    const context = this.parts.tls.context(material);
    this.#context.free();
    this.#context = context;
    this.parts.reception.review((who) => {
      const peer = this.#open.get(who);
      if (!peer) return undefined;
      if (context.judge(peer.connection)) return new CryptoError("tls_refused");
      return this.parts.access.mayConnect(who) ? undefined : new CryptoError("denied");
    });
  }

  /** Accepts no more, and gives up what has not been let in yet. */
  stop(): void {
    this.#acceptor.stop();
    for (const peer of this.#shaking.keys()) this.#giveUp(peer);
    this.parts.refusals.close();
  }

  /** To be called after {@link stop}, when no connection is left. */
  close(): void {
    this.#acceptor.close();
    this.#context.free();
  }

  /** What people have reason to do about the certificates and lists, in sentences. */
  warnings(): string[] {
    return this.#context.warnings();
  }

  #begin(fd: number): void {
    const { loop, admission } = this.parts;
    const peer = this.#greet(fd);
    if (!peer) return this.parts.sockets.close(fd);
    const [oldest] = this.#shaking.keys();
    if (oldest && this.#shaking.size >= MAX_HANDSHAKES) this.#refuse(oldest, "too_many_handshakes");
    const watch = loop.watch(fd, Ready.READ, () => this.#goOn(peer));
    const timer = setTimeout(() => this.#refuse(peer, "timeout"), admission.limits.line);
    this.#shaking.set(peer, { watch, timer });
  }

  /** Undefined for a peer that has gone already. */
  #greet(fd: number): Peer | undefined {
    const { tcp } = this.parts;
    const context = this.#context;
    try {
      tcp.sendAtOnce(fd);
      const address = formatAddress(tcp.peerAddress(fd));
      return { fd, address, context, connection: context.open(fd) };
    } catch {
      return undefined;
    }
  }

  #goOn(peer: Peer): void {
    try {
      const result = peer.connection.handshake();
      if (typeof result === "number") this.#shaking.get(peer)?.watch.change(result);
      else this.#letIn(peer, result);
    } catch (error) {
      const [problem, line] = error instanceof TlsRefusal
        ? [error.problem, error.isDone ? REFUSAL : undefined] as const
        : ["handshake"] as const;
      this.#refuse(peer, problem, line);
    }
  }

  #letIn(peer: Peer, certified: CertifiedPeer): void {
    const problem = this.#judge(peer);
    if (problem) return this.#refuse(peer, problem, REFUSAL);
    this.#forget(peer);
    const who: Identity = { ...certified, address: peer.address };
    this.#open.set(who, peer);
    const link = this.#link(peer, () => this.#open.delete(who));
    this.parts.reception.receive(new Channel(peer.fd, this.parts, link), who);
  }

  /** What its handshake has not settled, perhaps because of a reload while it lasted. */
  #judge({ connection, context }: Peer): TlsProblem | undefined {
    const isSettled = context === this.#context && connection.isDirect;
    return isSettled ? undefined : this.#context.judge(connection);
  }

  /**
   * OpenSSL has told the peer what can be told, which it has a moment to read.
   * @param line for a peer whose handshake is done: OpenSSL has told it nothing
   */
  #refuse(peer: Peer, reason: string, line?: Bytes): void {
    this.#forget(peer);
    const channel = new Channel(peer.fd, this.parts, this.#link(peer, () => {}));
    this.parts.refusals.note(peer.address, reason);
    if (line) channel.send(line);
    channel.end();
  }

  #giveUp(peer: Peer): void {
    this.#forget(peer);
    peer.connection.free();
    this.parts.sockets.close(peer.fd);
  }

  #forget(peer: Peer): void {
    const shaking = this.#shaking.get(peer);
    clearTimeout(shaking?.timer);
    shaking?.watch.end();
    this.#shaking.delete(peer);
  }

  #link({ fd, connection }: Peer, closed: () => void): Link {
    const { tcp, sockets } = this.parts;
    return {
      receive: (buffer) => connection.receive(buffer),
      get hasMore() {
        return connection.hasMore;
      },
      get isHeldUp() {
        return connection.isHeldUp;
      },
      send: (bytes) => connection.send(bytes),
      leave: {
        begin() {
          connection.finish();
          tcp.finish(fd);
        },
        discard: () => tcp.discard(fd),
      },
      close() {
        closed();
        connection.free();
        sockets.close(fd);
      },
    };
  }
}
