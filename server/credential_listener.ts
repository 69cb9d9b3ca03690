/** The socket that systemd asks for credentials at: who asks is known, told, and answered at once. */
import type { Bytes } from "../core/bytes.ts";
import { asCryptoError, CryptoError } from "../core/errors.ts";
import { Acceptor } from "./acceptor.ts";
import { Channel, type ChannelParts } from "./channel.ts";
import { type Credential, type Credentials, readAddress } from "./credentials.ts";
import { identify, type LocalCaller, type OverflowIds } from "./identity.ts";
import type { Admission } from "./limits.ts";
import type { DecisionLog } from "./audit/log.ts";
import type { Peers } from "./socket.ts";

/** What such a listener works with. */
export interface CredentialListenerParts extends ChannelParts {
  readonly credentials: Credentials;
  readonly overflow: OverflowIds;
  readonly admission: Admission;
  readonly log: DecisionLog;
  readonly peers: Peers;
}

const ROOT = 0;
/**
 * What systemd is sent when it shall have nothing: more than it takes. It then does not start the
 * unit, which it would do with an empty secret if it were sent nothing (tried: systemd 252).
 */
const TOO_MUCH: Bytes = new Uint8Array(2_097_152);

/** Serves one listening descriptor until it is told to stop. */
export class CredentialListener {
  readonly #acceptor: Acceptor;
  /** One for each connection that is open; it settles when that is closed. */
  readonly #open = new Set<Promise<void>>();

  constructor(private readonly fd: number, private readonly parts: CredentialListenerParts) {
    this.#acceptor = new Acceptor(fd, parts, (accepted) => this.#answer(accepted));
  }

  /**
   * Accepts no more, and answers those who have come: systemd would take what was sent until then
   * for the secret, be it nothing. Each of them has its time, after which nobody is waited for.
   */
  async stop(): Promise<void> {
    this.#acceptor.stop();
    await Promise.all(this.#open);
    this.parts.sockets.close(this.fd);
  }

  /** No answer leaves before its line is in the log, and none but to root's systemd. */
  async #answer(fd: number): Promise<void> {
    const { channel, closed } = this.#own(fd);
    let who: LocalCaller | undefined;
    let credential: Credential;
    try {
      who = identify(this.parts.peers.peerCredentials(fd), this.parts.overflow);
      credential = await this.#get(who, fd);
    } catch (thrown) {
      credential = { decision: { op: "credential", error: asCryptoError(thrown).code } };
    }
    const logged = await this.parts.log.write(who, [credential.decision]);
    const secret = logged ? credential.secret : undefined;
    if (who?.uid === ROOT) channel.send(secret ?? TOO_MUCH);
    channel.end();
    // Its time begins now, not when it came: hung up on before, it would have nothing for a secret.
    const timer = setTimeout(() => channel.destroy(), this.parts.admission.limits.write);
    await closed;
    clearTimeout(timer);
  }

  async #get(who: LocalCaller, fd: number): Promise<Credential> {
    // Everybody can bind to any name: of root's processes alone it says anything.
    if (who.uid !== ROOT) throw new CryptoError("denied");
    return await this.parts.credentials.get(who, readAddress(this.parts.peers.peerName(fd)));
  }

  /** The channel owns the descriptor. */
  #own(fd: number) {
    const channel = new Channel(fd, this.parts);
    const { promise, resolve } = Promise.withResolvers<void>();
    const closed = () => {
      this.#open.delete(promise);
      resolve();
    };
    channel.tell({ willing: true, data: () => {}, end: () => {}, closed });
    this.#open.add(promise);
    return { channel, closed: promise };
  }
}
