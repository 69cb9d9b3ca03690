/** Conversations with the daemon as the commands reach it. Deno only. */
import { CryptoError } from "../core/errors.ts";
import { UnixCaller } from "../platform/call.ts";
import { Exchange } from "./exchange.ts";
import { type DaemonFlags, findServer, readIdentity } from "./identity.ts";
import type { ClientIdentity, ServerAddress } from "./network.ts";
import { locateSocket, requireDaemons } from "./locate.ts";
import { Session } from "./session.ts";
import { type Dial, unreachable } from "./transport.ts";

/** Where the daemon is, found and checked while that is allowed. It can be sent to a worker. */
export type Target = { readonly socket: string } | Server;

interface Server {
  readonly server: ServerAddress;
  readonly identity: ClientIdentity;
}

/**
 * Connects to the daemon, and can do so again when every permission has been given up: to the one
 * socket that was checked, in directories that only those who are trusted can change, or to the one
 * server that was named. Of the daemon of this machine one thing is asked after the other, and this
 * thread waits for it; see {@link reachMany} for other needs.
 *
 * @throws {CryptoError} `unavailable`, `unsafe_path`, `config`, `usage`; over the network also
 * `untrusted_server`
 */
export async function reachBound(flags: DaemonFlags): Promise<Session> {
  const target = await findTarget(flags);
  return "socket" in target ? await reachAt(target.socket) : await reachTo(target, byWorker);
}

/** The same for many questions at once, and for who does something else meanwhile. */
export async function reachMany(flags: DaemonFlags): Promise<Session> {
  return await reachTo(await findTarget(flags), byWorker);
}

async function byWorker({ server, identity }: Server): Promise<Dial> {
  const { startLink } = await import("./link.ts");
  return await startLink(Deno.mainModule, server, identity);
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
 * Connects to what {@link findTarget} has found, for many questions at once. It needs `ffi`.
 * @param withoutOpenSsl how to get to a server where there is no OpenSSL 3
 */
export async function reachTo(
  target: Target,
  withoutOpenSsl: (target: Server) => Promise<Dial> = () => {
    const hint = "over the network this needs OpenSSL 3: install libssl3";
    throw new CryptoError("config", { subject: "libssl.so.3", hint });
  },
): Promise<Session> {
  const { over } = await import("./connection.ts");
  if ("socket" in target) return await Session.open(over(await dialAt(target.socket)));
  const { prepareTls } = await import("./tls_link.ts");
  const dial = prepareTls(target.server, target.identity) ?? await withoutOpenSsl(target);
  return await Session.open(over(dial));
}

async function dialAt(path: string): Promise<Dial> {
  requireDaemons();
  const { UnixDialer } = await import("../platform/dial.ts");
  const dialer = new UnixDialer(path);
  return () => connecting(path, () => dialer.connect());
}

/** Connects to a path that {@link locateSocket} has given, to ask one thing after the other. */
export async function reachAt(path: string): Promise<Session> {
  requireDaemons();
  const caller = new UnixCaller(path);
  return await Session.open(() => connecting(path, () => new Exchange(caller.connect())));
}

// deno-lint-ignore require-await -- what it throws is to come as the promise's failure
async function connecting<T>(path: string, connect: () => T): Promise<T> {
  try {
    return connect();
  } catch (cause) {
    throw unreachable(path, cause);
  }
}
