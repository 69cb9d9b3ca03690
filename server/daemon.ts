/** The daemon: key store, log, socket and service put together. Runs in the worker. */
import { webCrypto } from "../core/engine.ts";
import { CryptoError } from "../core/errors.ts";
import type { Layout } from "../core/layout.ts";
import { EventLoop } from "../platform/eventloop.ts";
import { loadLibcrypto } from "../platform/libcrypto.ts";
import { forbidCoreDumps, forbidTracing } from "../platform/process.ts";
import { Sockets } from "../platform/sockets.ts";
import { type Owner, ownerAccess } from "./access.ts";
import type { OverflowIds } from "./identity.ts";
import { KeyStore } from "./keystore.ts";
import { Admission, type Limits } from "./limits.ts";
import { Listener } from "./listener.ts";
import { AccessLog, openLogFile } from "./log.ts";
import type { SealingPlaces } from "./sealing.ts";
import { type Circumstances, Service } from "./service.ts";

const BACKLOG = 4_096;
const SOCKET_MODE = { system: 0o660, user: 0o600 } as const;

/** What a daemon is told when it starts. It can be sent to a worker. */
export interface DaemonOptions extends SealingPlaces {
  readonly owner: Owner;
  readonly overflow: OverflowIds;
  readonly version: string;
  readonly warnings: readonly string[];
  readonly limits?: Limits | undefined;
}

/** A daemon that runs. */
export interface Daemon {
  /** Undefined while the ring is sealed. */
  readonly keys: number | undefined;
  /** Finishes what has begun, then removes the socket. */
  stop(): Promise<void>;
}

/**
 * Starts a daemon. When it returns, the socket accepts connections.
 *
 * @throws {CryptoError} `already_running`, `ring_unreadable`, `config`
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { layout, owner, overflow, limits } = options;
  forbidCoreDumps();
  forbidTracing();
  const [sockets, loop] = [new Sockets(), new EventLoop()];
  sockets.lock(`${layout.socket}.lock`);
  sockets.lock(`${layout.stateDirectory}/lock`);

  const engine = loadLibcrypto() ?? webCrypto;
  const store = await KeyStore.open(options, engine);
  const log = new AccessLog(openLogFile(layout.accessLog));
  const admission = new Admission(limits);
  const access = ownerAccess(owner);
  const circumstances = describe(options, admission);
  const service = new Service({ store, access, engine, circumstances });
  const fd = listen(sockets, layout);
  const parts = { sockets, loop, access, overflow, service, log, admission };
  const listener = new Listener(fd, parts);
  return {
    keys: store.sealed ? undefined : store.ring.keys.length,
    async stop() {
      await listener.stop();
      sockets.unlink(layout.socket);
    },
  };
}

/**
 * Binds the socket. The lock is ours, so a socket that is there is a dead daemon's; but another
 * program's that answers is left alone.
 */
function listen(sockets: Sockets, { socket, mode }: Layout): number {
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

function describe({ layout, version, warnings }: DaemonOptions, admission: Admission) {
  const started = performance.now();
  return (): ReturnType<Circumstances> => ({
    version,
    mode: layout.mode,
    connections: admission.connections,
    uptime: Math.floor((performance.now() - started) / 1000),
    warnings,
  });
}
