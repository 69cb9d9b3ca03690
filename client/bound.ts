/** The daemon as the commands reach it. Deno only. */
import { UnixDialer } from "../platform/dial.ts";
import { KeyService } from "./keyservice.ts";
import { locateSocket } from "./locate.ts";
import { Session } from "./session.ts";
import { unreachable } from "./transport.ts";

/**
 * Connects to the daemon, and can do so again when every permission has been given up: to the one
 * socket that was checked, in directories that only those who are trusted can change.
 *
 * @param socket as told by the command line
 * @throws {CryptoError} `unavailable`, `unsafe_path`, `config`
 */
export function connectBound(socket: string | undefined): Promise<KeyService> {
  return connectAt(locateSocket(socket));
}

/** The same for a path that {@link locateSocket} has given. */
export async function connectAt(path: string): Promise<KeyService> {
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
