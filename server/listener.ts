/** The Unix socket: accepting, and learning who calls. */
import { asCryptoError, CryptoError } from "../core/errors.ts";
import { Acceptor } from "./acceptor.ts";
import { Channel, type ChannelParts } from "./channel.ts";
import { identify, type Identity, type OverflowIds } from "./identity.ts";
import type { Reception } from "./reception.ts";
import type { LocalSockets, Peers } from "./socket.ts";

/** What a listener works with. */
export interface ListenerParts extends ChannelParts {
  readonly overflow: OverflowIds;
  readonly reception: Reception;
}

/** Listens, and accepts the connections. @throws {CryptoError} what listening throws */
export function listenLocally({ peers, requests }: LocalSockets, parts: ListenerParts): Acceptor {
  const { reception, overflow } = parts;
  return new Acceptor(requests.listen(), parts, (fd) => {
    const who = identifyPeer(peers, fd, overflow);
    const channel = new Channel(fd, parts);
    if (who instanceof CryptoError) void reception.refuse(channel, who);
    else reception.receive(channel, who);
  });
}

function identifyPeer(peers: Peers, fd: number, overflow: OverflowIds): Identity | CryptoError {
  try {
    return identify(peers.peerCredentials(fd), overflow);
  } catch (cause) {
    const { code } = asCryptoError(cause);
    return new CryptoError(code === "internal" ? "no_identity" : code, { cause });
  }
}
