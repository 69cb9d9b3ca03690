/** The Unix socket: accepting, and learning who calls. */
import { asCryptoError, CryptoError } from "../core/errors.ts";
import type { Sockets } from "../platform/sockets.ts";
import { Acceptor } from "./acceptor.ts";
import { Channel, type ChannelParts } from "./channel.ts";
import { identify, type Identity, type OverflowIds } from "./identity.ts";
import type { Reception } from "./reception.ts";

/** What a listener works with. */
export interface ListenerParts extends ChannelParts {
  readonly overflow: OverflowIds;
  readonly reception: Reception;
}

/** Accepts the connections of one listening descriptor. */
export function listenLocally(fd: number, parts: ListenerParts): Acceptor {
  const { sockets, reception, overflow } = parts;
  return new Acceptor(fd, parts, (fd) => {
    const who = identifyPeer(sockets, fd, overflow);
    const channel = new Channel(fd, parts);
    if (who instanceof CryptoError) void reception.refuse(channel, who);
    else reception.receive(channel, who);
  });
}

function identifyPeer(sockets: Sockets, fd: number, overflow: OverflowIds): Identity | CryptoError {
  try {
    return identify(sockets.peerCredentials(fd), overflow);
  } catch (cause) {
    const { code } = asCryptoError(cause);
    return new CryptoError(code === "internal" ? "no_identity" : code, { cause });
  }
}
