/** Conversations with the daemon as the commands reach it. Deno only. */
import { CryptoError } from "../core/errors.ts";
import { UnixDialer } from "../platform/dial.ts";
import { type DaemonFlags, findServer, readIdentity } from "./identity.ts";
import type { ClientIdentity, ServerAddress } from "./network.ts";
import { locateSocket, requireDaemons } from "./locate.ts";
import { type Dial, Session } from "./session.ts";
import { unreachable } from "./transport.ts";

/** Where the daemon is, found and checked while that is allowed. It can be sent to a worker. */
export type Target =
  | { readonly socket: string }
  | { readonly server: ServerAddress; readonly identity: ClientIdentity };

/**
 * Connects to the daemon, and can do so again when every permission has been given up: to the one
 * socket that was checked, in directories that only those who are trusted can change, or to the one
 * server that was named.
 *
 * @throws {CryptoError} `unavailable`, `unsafe_path`, `config`, `usage`; over the network also
 * `untrusted_server`
 */
export async function reachBound(flags: DaemonFlags): Promise<Session> {
  return await reachTo(await findTarget(flags), async ({ server, identity }) => {
    const { startLink } = await import("./link.ts");
    return await startLink(Deno.mainModule, server, identity);
  });
}

/** The daemon that is to be asked. @throws {CryptoError} `unsafe_path`, `config`, `usage` */
export async function findTarget(flags: DaemonFlags): Promise<Target> {
  const server = findServer(flags);
  if (server === undefined) return { socket: locateSocket(flags.socket) };
  // What a local daemon is asked without is not loaded for it.
  const { readServer } = await import("./network.ts");
  return { server: readServer(server), identity: readIdentity(flags.identity) };
}

/**
 * Connects to what {@link findTarget} has found, which needs `ffi`.
 * @param withoutOpenSsl how to get to a server where there is no OpenSSL 3
 */
export async function reachTo(
  target: Target,
  withoutOpenSsl: (target: Extract<Target, { server: unknown }>) => Promise<Dial> = () => {
    const hint = "over the network this needs OpenSSL 3: install libssl3";
    throw new CryptoError("config", { subject: "libssl.so.3", hint });
  },
): Promise<Session> {
  if ("socket" in target) return await reachAt(target.socket);
  const { prepareTls } = await import("./tls_link.ts");
  const dial = prepareTls(target.server, target.identity) ?? await withoutOpenSsl(target);
  return await Session.open(dial);
}

/** The same for a path that {@link locateSocket} has given. */
export async function reachAt(path: string): Promise<Session> {
  requireDaemons();
  const dialer = new UnixDialer(path);
  const dial = () => {
    try {
      return Promise.resolve(dialer.connect());
    } catch (cause) {
      return Promise.reject(unreachable(path, cause));
    }
  };
  return await Session.open(dial);
}
