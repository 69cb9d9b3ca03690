/** The daemon: key store, log, socket and service put together. Runs in the worker. */
import { webCrypto } from "../core/engine.ts";
import { asCryptoError } from "../core/errors.ts";
import { EventLoop, Ready } from "../platform/eventloop.ts";
import { loadLibcrypto } from "../platform/libcrypto.ts";
import { forbidCoreDumps, forbidTracing } from "../platform/process.ts";
import { Sockets } from "../platform/sockets.ts";
import { ServiceManager, type Supervision } from "../platform/systemd.ts";
import { IntervalTimer } from "../platform/timer.ts";
import { type Owner, ownerAccess } from "./access.ts";
import { readConfig } from "./config.ts";
import type { OverflowIds } from "./identity.ts";
import { KeyStore } from "./keystore.ts";
import { Admission, type Limits } from "./limits.ts";
import { Listening } from "./listening.ts";
import { AccessLog, AppendedFile } from "./log.ts";
import type { NetworkPlaces } from "./network.ts";
import type { SealingPlaces } from "./sealing.ts";
import { type Circumstances, Service } from "./service.ts";
import { claimSocket, type DaemonSocket } from "./socket.ts";

/** The longest time between two signs of life, in milliseconds. */
const MAX_PULSE = 60_000;

/** What a daemon is told when it starts. It can be sent to a worker. */
export interface DaemonOptions extends SealingPlaces {
  readonly owner: Owner;
  readonly overflow: OverflowIds;
  /** What a service manager does for it. */
  readonly supervision: Supervision;
  /** Where it listens on the network, if it does. */
  readonly network?: NetworkPlaces | undefined;
  readonly version: string;
  readonly warnings: readonly string[];
  /** Instead of what the configuration file says. */
  readonly limits?: Limits | undefined;
}

/** What a daemon that runs is made of. */
interface Parts {
  readonly store: KeyStore;
  readonly manager: ServiceManager;
  readonly logFile: AppendedFile;
  readonly socket: DaemonSocket;
  readonly listening: Listening;
  readonly pulse: IntervalTimer | undefined;
  readonly readConfig: () => void;
}

/** A daemon that runs. */
export class Daemon {
  private constructor(private readonly parts: Parts) {}

  /**
   * Starts a daemon. When it returns, the socket accepts connections. It makes system calls by
   * libraries that it loads now, so `ffi` can be given up then.
   *
   * @throws {CryptoError} `already_running`, `ring_unreadable`, `config`, `unsafe_path`
   */
  static async start(options: DaemonOptions): Promise<Daemon> {
    forbidCoreDumps();
    forbidTracing();
    const { layout, owner, overflow, supervision } = options;
    const manager = new ServiceManager(supervision.notifySocket);
    const [sockets, loop] = [new Sockets(), new EventLoop()];
    const socket = claimSocket(sockets, layout, supervision);
    sockets.lock(`${layout.stateDirectory}/lock`);

    const engine = loadLibcrypto() ?? webCrypto;
    const store = await KeyStore.open(options, engine);
    let config = readConfig(layout.config, owner.uid);
    const admission = new Admission(options.limits ?? config.limits);
    const logFile = new AppendedFile(layout.accessLog);
    const log = new AccessLog(logFile);
    const access = ownerAccess(owner, () => config.network.clients);
    const circumstances = describe(options, admission);
    const service = new Service({ store, access, engine, circumstances });

    const shared = { sockets, loop, access, overflow, service, log, admission };
    const network = options.network && { places: options.network, uid: owner.uid };
    const listening = await Listening.start(() => socket.listen(), network, shared);
    const pulse = startPulse(manager, loop, supervision.watchdog);
    const readAgain = () => {
      config = readConfig(layout.config, owner.uid);
      admission.limits = config.limits;
    };
    const parts = { store, manager, logFile, socket, listening, pulse, readConfig: readAgain };
    return new Daemon(parts);
  }

  /** How many keys it has. Undefined while the ring is sealed. */
  get keys(): number | undefined {
    const { store } = this.parts;
    return store.sealed ? undefined : store.ring.keys.length;
  }

  /** Where it listens on the network: `ADDRESS:PORT`. */
  get listening(): string | undefined {
    return this.parts.listening.address;
  }

  /** Tells the service manager, if there is one, that connections are accepted. */
  ready(): void {
    this.#tellReady();
    this.parts.store.unsealed.then(() => this.#tellReady());
  }

  #tellReady(...problems: readonly string[]): void {
    const { store, manager } = this.parts;
    const state = store.sealed ? "sealed: waiting for `crypto unseal`" : "serving";
    manager.ready([state, ...problems.map((one) => `not reloaded: ${one}`)].join("; "));
  }

  /**
   * Reads the configuration and the certificates again and opens the access log again, under its
   * name.
   * @returns what could not be done, in sentences; there all stays as it was
   */
  reload(): readonly string[] {
    const { manager, logFile, readConfig, listening } = this.parts;
    manager.reloading();
    const problems = failuresOf(
      readConfig,
      () => logFile.reopen(),
      () => listening.reload(),
    );
    this.#tellReady(...problems);
    return problems;
  }

  /** Finishes what has begun, then removes the socket if the daemon made it. */
  async stop(): Promise<void> {
    const { manager, listening, socket, pulse } = this.parts;
    manager.stopping();
    await listening.stop();
    socket.remove();
    pulse?.close();
  }
}

/**
 * Signs of life, twice in the manager's time, told by the loop that serves: one that is stuck gives
 * none.
 */
function startPulse(
  manager: ServiceManager,
  loop: EventLoop,
  watchdog: number | undefined,
): IntervalTimer | undefined {
  if (watchdog === undefined) return undefined;
  const timer = new IntervalTimer(Math.min(watchdog / 2, MAX_PULSE));
  loop.watch(timer.fd, Ready.READ, () => {
    timer.take();
    manager.alive();
  });
  return timer;
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
