/** The daemon's sockets: handed over by a service manager, or made here. */
import { CryptoError } from "../core/errors.ts";
import type { Layout } from "../core/layout.ts";
import type { LoopbackAddress, MetricsAddress } from "./config.ts";
import type { Sockets } from "../platform/sockets.ts";
import { type AdoptedListener, adoptListener } from "../platform/listeners.ts";
import { formatAddress, type Tcp, TcpSockets } from "../platform/tcp.ts";
import type { Supervision } from "../platform/systemd.ts";

const BACKLOG = 4_096;
const METRICS_BACKLOG = 16;
/** What the unit of the socket for metrics calls it. */
const METRICS = "metrics";
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

/** Unix sockets, whose peers are known. */
export interface LocalSockets {
  readonly peers: Peers;
  readonly requests: DaemonSocket;
  /** Where units' credentials are asked for: a descriptor, if it was handed over. */
  readonly credentials?: number | undefined;
}

/** Tells who is at the other end of a connection. */
export type Peers = Pick<Sockets, "peerCredentials" | "peerName">;

/** The sockets of a daemon. */
export interface DaemonSockets {
  /** Undefined where there are none, and a certificate is the only identity. */
  readonly local?: LocalSockets | undefined;
  /** Where it tells how it is, if it does. */
  readonly metrics?: MetricsSocket | undefined;
}

/** A socket for metrics, listening. */
export interface MetricsSocket {
  readonly fd: number;
  /** For people: a path, or host and port. */
  readonly address: string;
  /** Removes its name, if it was made here. */
  remove(): void;
}

/** Which sockets there are to be. */
export interface SocketOptions {
  readonly layout: Layout;
  readonly supervision: Supervision;
  /** Where metrics are to be had, as the configuration says. */
  readonly metrics: MetricsAddress | undefined;
}

/**
 * Takes the sockets that are handed over, or locks the one to be made, for as long as the process
 * lives.
 * @throws {CryptoError} `already_running`; `config` for what is no such socket
 */
export function claimSockets(
  sockets: Sockets,
  { layout, supervision: { listeners }, metrics }: SocketOptions,
): DaemonSockets {
  if (listeners.length > 0) {
    if (metrics !== undefined) throw notHandedOver();
    return handedOver(listeners.map(adoptListener), layout, sockets);
  }
  const { socket } = layout;
  sockets.lock(`${socket}.lock`);
  const remove = () => sockets.unlink(socket);
  return {
    local: { peers: sockets, requests: { listen: () => bind(sockets, socket, layout), remove } },
    metrics: metrics && makeMetrics(sockets, layout, metrics),
  };
}

function makeMetrics(sockets: Sockets, layout: Layout, address: MetricsAddress): MetricsSocket {
  if (address !== "unix") {
    return listenForMetrics(address, new TcpSockets());
  }
  const path = layout.metricsSocket;
  const fd = bind(sockets, path, layout);
  return { fd, address: path, remove: () => sockets.unlink(path) };
}

/** @throws {CryptoError} `already_running`, `config` */
export function listenForMetrics({ host, port }: LoopbackAddress, tcp: Tcp): MetricsSocket {
  const at = { host: host === "[::1]" ? "::1" : host, port };
  try {
    const fd = tcp.listen(at, METRICS_BACKLOG);
    return { fd, address: formatAddress(tcp.localAddress(fd)), remove: () => {} };
  } catch (cause) {
    if (cause instanceof CryptoError && cause.code === "already_running") throw cause;
    const hint = "it cannot be listened on: in a sandbox, let the service manager hand it over";
    throw new CryptoError("config", { subject: formatAddress(at), hint, cause });
  }
}

function notHandedOver(): CryptoError {
  const hint =
    "a daemon that is handed its sockets is handed this one too: by a socket unit with " +
    `FileDescriptorName=${METRICS}`;
  return new CryptoError("config", { subject: "metrics.listen", hint });
}

/** What each socket is for: one is known by its path, one by the name that its unit gives it. */
function handedOver(
  listeners: readonly AdoptedListener[],
  layout: Layout,
  peers: Peers,
): DaemonSockets {
  const isForCredentials = ({ reach }: AdoptedListener) => {
    return typeof reach === "object" && nameOf(reach.path) === nameOf(layout.credentialsSocket);
  };
  const metrics = listeners.filter(({ name }) => name === METRICS).map(adoptedMetrics);
  const others = listeners.filter(({ name }) => name !== METRICS);
  const credentials = others.filter(isForCredentials);
  const requests = others.filter((one) => !credentials.includes(one));
  for (const { fd, name, reach } of requests) {
    if (typeof reach === "object") continue;
    const hint = "it is no Unix socket: the socket unit needs ListenStream= with a path";
    throw new CryptoError("config", { subject: `descriptor ${fd} (${name})`, hint });
  }
  if (requests.length !== 1 || credentials.length > 1 || metrics.length > 1) {
    const hint = "the socket unit is to have one ListenStream= for requests, and may have one " +
      `with the name ${nameOf(layout.credentialsSocket)}, and another unit one for metrics`;
    throw new CryptoError("config", { subject: "LISTEN_FDS", hint });
  }
  const { fd } = requests[0]!;
  const own = { listen: () => fd, remove: () => {} };
  return {
    local: { peers, requests: own, credentials: credentials[0]?.fd },
    metrics: metrics[0],
  };
}

/** Others than this machine's are none of those whom it tells. */
function adoptedMetrics({ fd, name, reach }: AdoptedListener): MetricsSocket {
  if (reach !== "network") {
    return { fd, address: typeof reach === "object" ? reach.path : reach, remove: () => {} };
  }
  const hint = "metrics are to be had by a Unix socket, or from 127.0.0.1 or ::1 alone";
  throw new CryptoError("config", { subject: `descriptor ${fd} (${name})`, hint });
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/**
 * Binds the socket. The lock is ours, so a socket that is there is a dead daemon's; but another
 * program's that answers is left alone.
 */
function bind(sockets: Sockets, socket: string, { mode }: Layout): number {
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
