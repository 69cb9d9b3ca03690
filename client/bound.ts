/** The daemon as the commands reach it. Deno only. */
import { UnixDialer } from "../platform/dial.ts";
import { type DaemonFlags, findServer, readIdentity } from "./identity.ts";
import { KeyService } from "./keyservice.ts";
import { locateSocket } from "./locate.ts";
import { type Dial, Session } from "./session.ts";
import { unreachable } from "./transport.ts";

/** A daemon, and the program that asks it. */
export interface DaemonPlace extends DaemonFlags {
  /** URL of the program's script. */
  readonly script: string;
}

/**
 * Connects to the daemon, and can do so again when every permission has been given up: to the one
 * socket that was checked, in directories that only those who are trusted can change, or to the one
 * server that was named.
 *
 * @throws {CryptoError} `unavailable`, `unsafe_path`, `config`, `usage`; over the network also
 * `untrusted_server`
 */
export async function connectBound(place: DaemonPlace): Promise<KeyService> {
  const server = findServer(place);
  const dial = server === undefined ? dialSocket(place.socket) : await dialServer(server, place);
  return new KeyService(await Session.open(dial));
}

/**
 * The same for the daemon of this machine alone.
 * @throws {CryptoError} `unavailable`, `unsafe_path`, `config`
 */
export async function connectHere(socket: string | undefined): Promise<KeyService> {
  return new KeyService(await Session.open(dialSocket(socket)));
}

function dialSocket(socket: string | undefined): Dial {
  const path = locateSocket(socket);
  const dialer = new UnixDialer(path);
  return () => {
    try {
      return Promise.resolve(dialer.connect());
    } catch (cause) {
      return Promise.reject(unreachable(path, cause));
    }
  };
}

/** Loads what a local daemon is asked without. */
async function dialServer(server: string, { identity, script }: DaemonPlace): Promise<Dial> {
  const [{ startLink }, { readServer }] = await Promise.all([
    import("./link.ts"),
    import("./network.ts"),
  ]);
  return await startLink(script, readServer(server), readIdentity(identity));
}
