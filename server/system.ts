/** What a daemon takes of the system that it runs on. Made before `ffi` is given up. */
import { SEALING_KEY_LENGTH } from "../core/rungs.ts";
import { EventLoop } from "../platform/eventloop.ts";
import { Sockets, type Streams } from "../platform/sockets.ts";
import type { Supervision } from "../platform/systemd.ts";
import { type Tcp, TcpSockets } from "../platform/tcp.ts";
import type { Layout } from "../core/layout.ts";
import type { MetricsAddress } from "./config.ts";
import { readSecret } from "./durable.ts";
import type { Credential } from "./sealing.ts";
import { claimSockets, type DaemonSockets } from "./socket.ts";

/** The parts of a daemon that each system has of its own. */
export interface System {
  readonly sockets: Streams;
  readonly loop: EventLoop;
  /** Where the sealing key may be besides the daemon's own directories. */
  readonly credential: Credential | undefined;
  /** Takes the sockets, as {@linkcode claimSockets} does. */
  claim(metrics: MetricsAddress | undefined): DaemonSockets;
  /** Locks a file for as long as this process lives. @throws {CryptoError} `already_running` */
  lock(path: string): void;
  openTcp(): Tcp;
}

/** What a system is made for. */
export interface SystemOptions {
  readonly layout: Layout;
  readonly supervision: Supervision;
  /** The path of the sealing key's credential, if there is one. */
  readonly credential?: string | undefined;
}

/** Linux', and whichever has Unix sockets that tell who connects. */
export function unixSystem({ layout, supervision, credential }: SystemOptions): System {
  const sockets = new Sockets();
  return {
    sockets,
    loop: new EventLoop(),
    credential: credential === undefined ? undefined : passedCredential(credential),
    claim: (metrics) => claimSockets(sockets, { layout, supervision, metrics }),
    lock: (path) => void sockets.lock(path),
    openTcp: () => new TcpSockets(),
  };
}

/** The one that the service manager has opened already. */
function passedCredential(path: string): Credential {
  return { path, decrypt: () => Promise.resolve(readSecret(path, SEALING_KEY_LENGTH)) };
}
