/** The daemon's socket: handed over by a service manager, or made here. */
import { CryptoError } from "../core/errors.ts";
import type { Layout } from "../core/layout.ts";
import type { Sockets } from "../platform/sockets.ts";
import { adoptListener, type Supervision } from "../platform/systemd.ts";

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

/**
 * Takes the socket that is handed over, or locks the one to be made, for as long as the process
 * lives.
 * @throws {CryptoError} `already_running`; `config` for what is no such socket
 */
export function claimSocket(
  sockets: Sockets,
  layout: Layout,
  { listener }: Supervision,
): DaemonSocket {
  if (listener) {
    const fd = adoptListener(listener);
    return { listen: () => fd, remove: () => {} };
  }
  sockets.lock(`${layout.socket}.lock`);
  return { listen: () => bind(sockets, layout), remove: () => sockets.unlink(layout.socket) };
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
