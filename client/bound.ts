/** The daemon as the commands reach it. Deno only. */
import { UnixDialer } from "../platform/dial.ts";
import { type DaemonFlags, findServer, readIdentity } from "./identity.ts";
import { KeyService } from "./keyservice.ts";
import { locateSocket, requireDaemons } from "./locate.ts";
import { type Dial, Session } from "./session.ts";
import { unreachable } from "./transport.ts";

/**
 * Connects to the daemon, and can do so again when every permission has been given up: to the one
 * socket that was checked, in directories that only those who are trusted can change, or to the one
 * server that was named.
 *
 * @throws {CryptoError} `unavailable`, `unsafe_path`, `config`, `usage`; over the network also
 * `untrusted_server`
 */
export async function connectBound(flags: DaemonFlags): Promise<KeyService> {
  const server = findServer(flags);
  if (server === undefined) return await connectAt(locateSocket(flags.socket));
  return new KeyService(await Session.open(await dialServer(server, flags)));
}

/** The same for a path that {@link locateSocket} has given. */
export async function connectAt(path: string): Promise<KeyService> {
  requireDaemons();
  const dialer = new UnixDialer(path);
  const dial = () => {
    try {
      return Promise.resolve(dialer.connect());
    } catch (cause) {
      return Promise.reject(unreachable(path, cause));
    }
  };
  return new KeyService(await Session.open(dial));
}

/** Loads what a local daemon is asked without. */
async function dialServer(server: string, { identity }: DaemonFlags): Promise<Dial> {
  const [{ prepareTls }, { readServer }] = await Promise.all([
    import("./tls_link.ts"),
    import("./network.ts"),
  ]);
  const [address, texts] = [readServer(server), readIdentity(identity)];
  const dial = prepareTls(address, texts);
  if (dial) return dial;
  const { startLink } = await import("./link.ts");
  return await startLink(Deno.mainModule, address, texts);
}
