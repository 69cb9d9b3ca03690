/** The daemon: key store, log, socket and service put together. Runs in the worker. */
import { webCrypto } from "../core/engine.ts";
import { asCryptoError, CryptoError } from "../core/errors.ts";
import type { Layout } from "../core/layout.ts";
import type { StatusResult } from "../core/rpc.ts";
import { EventLoop, Ready } from "../platform/eventloop.ts";
import { loadLibcrypto } from "../platform/libcrypto.ts";
import { forbidCoreDumps, forbidTracing } from "../platform/process.ts";
import { Sockets } from "../platform/sockets.ts";
import { adoptListener, ServiceManager, type Supervision } from "../platform/systemd.ts";
import { IntervalTimer } from "../platform/timer.ts";
import { type Owner, ownerAccess } from "./access.ts";
import { readConfig } from "./config.ts";
import type { OverflowIds } from "./identity.ts";
import { KeyStore } from "./keystore.ts";
import { Admission, type Limits } from "./limits.ts";
import { Listener } from "./listener.ts";
import { AccessLog, AppendedFile } from "./log.ts";
import { Service } from "./service.ts";

const BACKLOG = 4_096;
/** The longest time between two signs of life, in milliseconds. */
const MAX_PULSE = 60_000;
const SOCKET_MODE = { system: 0o660, user: 0o600 } as const;

/** What a daemon is told when it starts. It can be sent to a worker. */
export interface DaemonOptions {
  readonly layout: Layout;
  readonly owner: Owner;
  readonly overflow: OverflowIds;
  /** What a service manager does for it. */
  readonly supervision: Supervision;
  readonly version: string;
  readonly warnings: readonly string[];
  /** Instead of what the configuration file says. */
  readonly limits?: Limits | undefined;
}

/** A daemon that runs. */
export interface Daemon {
  readonly keys: number;
  /** Tells the service manager, if there is one, that connections are accepted. */
  ready(): void;
  /**
   * Reads the configuration again and opens the access log again, under its name.
   * @returns what could not be done, in sentences; there all stays as it was
   */
  reload(): readonly string[];
  /** Finishes what has begun, then removes the socket if the daemon made it. */
  stop(): Promise<void>;
}

/**
 * Starts a daemon. When it returns, the socket accepts connections.
 *
 * @throws {CryptoError} `already_running`, `ring_unreadable`, `config`, `unsafe_path`
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { layout, owner, overflow, supervision } = options;
  forbidCoreDumps();
  forbidTracing();
  const manager = new ServiceManager(supervision.notifySocket);
  const [sockets, loop] = [new Sockets(), new EventLoop()];
  const passed = supervision.listener && adoptListener(supervision.listener);
  if (passed === undefined) sockets.lock(`${layout.socket}.lock`);
  sockets.lock(`${layout.stateDirectory}/lock`);
  const readLimits = () => readConfig(layout.config, owner.uid).limits;

  const engine = loadLibcrypto() ?? webCrypto;
  const store = await KeyStore.open(layout, engine);
  const logFile = new AppendedFile(layout.accessLog);
  const log = new AccessLog(logFile);
  const admission = new Admission(options.limits ?? readLimits());
  const access = ownerAccess(owner);
  const circumstances = describe(options, admission);
  const service = new Service({ store, access, engine, circumstances });
  const fd = passed ?? listen(sockets, layout);
  const parts = { sockets, loop, access, overflow, service, log, admission };
  const listener = new Listener(fd, parts);
  const stopPulse = startPulse(manager, loop, supervision.watchdog);
  return {
    keys: store.ring.keys.length,
    ready: () => manager.ready("serving"),
    reload() {
      manager.reloading();
      const problems = failuresOf(
        () => admission.limits = readLimits(),
        () => logFile.reopen(),
      );
      manager.ready(
        ["serving", ...problems.map((problem) => `not reloaded: ${problem}`)].join("; "),
      );
      return problems;
    },
    async stop() {
      manager.stopping();
      await listener.stop();
      if (passed === undefined) sockets.unlink(layout.socket);
      stopPulse();
    },
  };
}

/**
 * Signs of life, twice in the manager's time, told by the loop that serves: one that is stuck gives
 * none. Gives what ends them.
 */
function startPulse(
  manager: ServiceManager,
  loop: EventLoop,
  watchdog: number | undefined,
): () => void {
  if (watchdog === undefined) return () => {};
  const timer = new IntervalTimer(Math.min(watchdog / 2, MAX_PULSE));
  loop.watch(timer.fd, Ready.READ, () => {
    timer.take();
    manager.alive();
  });
  return () => timer.close();
}

/** Does each of these and gives what went wrong, in sentences. */
function failuresOf(...actions: readonly (() => void)[]): string[] {
  return actions.flatMap((action) => {
    try {
      action();
      return [];
    } catch (thrown) {
      const { message, hint } = asCryptoError(thrown);
      return [`${message}: ${hint}`];
    }
  });
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
  return (): Omit<StatusResult, "protocol" | "engine" | "keys"> => ({
    version,
    mode: layout.mode,
    sealing: "file",
    connections: admission.connections,
    uptime: Math.floor((performance.now() - started) / 1000),
    warnings,
  });
}
