/** The daemon's sockets: handed over by a service manager, or made here. */
import { CryptoError } from "../core/errors.ts";
import type { Layout } from "../core/layout.ts";
import type { Sockets } from "../platform/sockets.ts";
import { type AdoptedListener, adoptListener } from "../platform/listeners.ts";
import type { Supervision } from "../platform/systemd.ts";

const BACKLOG = 4_096;
const SOCKET_MODE = { system: 0o660, user: 0o600 } as const;

/** A socket that nobody else can have any more. */
export interface DaemonSocket {
  /**
   * Listens, if nobody does yet. Gives the descriptor.
   * @throws {CryptoError} `already_running`; `config` for what is in its place
   */
  listen(): number;
  /** Removes its name, if it was made here. */
  remove(): void;
}

/** The sockets of a daemon. */
export interface DaemonSockets {
  readonly requests: DaemonSocket;
  /** Where units' credentials are asked for: a descriptor, if it was handed over. */
  readonly credentials?: number | undefined;
}

/**
 * Takes the sockets that are handed over, or locks the one to be made, for as long as the process
 * lives.
 * @throws {CryptoError} `already_running`; `config` for what is no such socket
 */
export function claimSockets(
  sockets: Sockets,
  layout: Layout,
  { listeners }: Supervision,
): DaemonSockets {
  if (listeners.length > 0) return handedOver(listeners.map(adoptListener), layout);
  sockets.lock(`${layout.socket}.lock`);
  const remove = () => sockets.unlink(layout.socket);
  return { requests: { listen: () => bind(sockets, layout), remove } };
}

/** What each socket is for. The one for credentials is known by its path. */
function handedOver(listeners: readonly AdoptedListener[], layout: Layout): DaemonSockets {
  const isForCredentials = ({ reach }: AdoptedListener) => {
    return typeof reach === "object" && nameOf(reach.path) === nameOf(layout.credentialsSocket);
  };
  const credentials = listeners.filter(isForCredentials);
  const requests = listeners.filter((one) => !credentials.includes(one));
  for (const { fd, name, reach } of requests) {
    if (typeof reach === "object") continue;
    const hint = "it is no Unix socket: the socket unit needs ListenStream= with a path";
    throw new CryptoError("config", { subject: `descriptor ${fd} (${name})`, hint });
  }
  if (requests.length !== 1 || credentials.length > 1) {
    const hint = "the socket unit is to have one ListenStream= for requests, and may have one " +
      `with the name ${nameOf(layout.credentialsSocket)}`;
    throw new CryptoError("config", { subject: "LISTEN_FDS", hint });
  }
  const { fd } = requests[0]!;
  return { requests: { listen: () => fd, remove: () => {} }, credentials: credentials[0]?.fd };
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/**
 * Binds the socket. The lock is ours, so a socket that is there is a dead daemon's; but another
 * program's that answers is left alone.
 */
function bind(sockets: Sockets, { socket, mode }: Layout): number {
  requireNoOtherFile(socket);
  if (sockets.answers(socket)) throw new CryptoError("already_running", { subject: socket });
  sockets.unlink(socket);
  const fd = sockets.listenUnix(socket, BACKLOG);
  Deno.chmodSync(socket, SOCKET_MODE[mode]);
  return fd;
}

/** What is no socket was not left by a daemon. */
function requireNoOtherFile(path: string): void {
  try {
    if (Deno.lstatSync(path).isSocket) return;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  const hint = "there is a file that is no socket: move it away, or choose another --socket";
  throw new CryptoError("config", { subject: path, hint });
}
