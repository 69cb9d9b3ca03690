/** The daemon: key store, log, socket and service put together. Runs in the worker. */
import { webCrypto } from "../core/engine.ts";
import { CryptoError } from "../core/errors.ts";
import type { Layout } from "../core/layout.ts";
import { ownsConfiguration } from "../core/privileges.ts";
import type { EventLoop } from "../platform/eventloop.ts";
import { loadLibcrypto } from "../platform/libcrypto.ts";
import { Ready } from "../platform/poller.ts";
import { IS_WINDOWS } from "../platform/library.ts";
import { forbidCoreDumps, forbidTracing } from "../platform/process.ts";
import { kernelRandom } from "../platform/random.ts";
import { ServiceManager } from "../platform/systemd.ts";
import { IntervalTimer } from "../platform/timer.ts";
import type { Owner } from "./access.ts";
import { GroupDatabase } from "./accounts.ts";
import { ContextTags } from "./audit/contexts.ts";
import { HeadPublisher } from "./audit/heads.ts";
import { AuditLog } from "./audit/log.ts";
import { type Beside, listenBesides } from "./besides.ts";
import { readConfig } from "./config.ts";
import type { Circumstances, ServiceParts } from "./handlers.ts";
import type { OverflowIds } from "./identity.ts";
import { Keeper } from "./keeper.ts";
import { KeyStore } from "./keystore.ts";
import { Admission, type Limits } from "./limits.ts";
import { Listening } from "./listening.ts";
import { countedLog, Metrics } from "./metrics.ts";
import type { NetworkPlaces } from "./network.ts";
import { PolicyInForce } from "./policy_file.ts";
import { Reloads } from "./reloads.ts";
import { Service } from "./service.ts";
import { Settings } from "./settings.ts";
import type { DaemonSockets } from "./socket.ts";
import { type System, type SystemOptions, unixSystem } from "./system.ts";
import { Turns } from "./turns.ts";
import { Usage } from "./usage.ts";

/** The longest time between two signs of life, in milliseconds. */
const MAX_PULSE = 60_000;

/** What a daemon is told when it starts. It can be sent to a worker. */
export interface DaemonOptions extends SystemOptions {
  readonly owner: Owner;
  readonly overflow: OverflowIds;
  /** Where it listens on the network, if it does. */
  readonly network?: NetworkPlaces | undefined;
  readonly version: string;
  readonly warnings: readonly string[];
  /** Instead of what the configuration file says. */
  readonly limits?: Limits | undefined;
}

/** How a reload has gone, in sentences. */
export interface Reloaded {
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

/** The same in lines for people. */
export function describeReload({ problems, warnings }: Reloaded): string[] {
  const failed = problems.map((problem) => `not reloaded: ${problem}`);
  return [...failed, ...warnings, ...problems.length === 0 ? ["reloaded"] : []];
}

/** Takes a line for whoever looks at the daemon's standard error. */
export type Say = (line: string) => void;

/** What a daemon that runs is made of. */
interface Parts {
  readonly store: KeyStore;
  readonly keeper: Keeper;
  readonly manager: ServiceManager;
  readonly admission: Admission;
  readonly log: AuditLog;
  readonly heads: HeadPublisher;
  readonly sockets: DaemonSockets;
  readonly listening: Listening;
  /** What listens for other things than requests. */
  readonly besides: readonly Beside[];
  readonly pulse: IntervalTimer | undefined;
  readonly settings: Settings;
  readonly policy: PolicyInForce;
  readonly reloads: Reloads;
}

/** A daemon that runs. */
export class Daemon {
  private constructor(private readonly parts: Parts) {}

  /**
   * Starts a daemon. When it returns, the socket accepts connections. It makes system calls by
   * libraries that it loads now, so `ffi` can be given up then.
   *
   * @throws {CryptoError} `already_running`, `ring_unreadable`, `config`, `unsafe_path`, `io`
   */
  static async start(options: DaemonOptions, say: Say): Promise<Daemon> {
    forbidCoreDumps();
    forbidTracing();
    const { layout, owner, overflow, supervision, version } = options;
    const manager = new ServiceManager(supervision.notifySocket);
    const system = await systemOf(options);
    const { sockets, loop, credential, openTcp } = system;
    const settings = new Settings(() => readConfig(layout.config, owner.uid));
    const { metrics: address } = settings.current;
    const claimed = system.claim(address);
    system.lock(`${layout.stateDirectory}/lock`);

    const engine = loadLibcrypto() ?? webCrypto;
    const activated = supervision.listeners.length > 0;
    const owns = ownsConfiguration(layout, activated);
    const store = await KeyStore.open({ layout, credential, engine, ownsConfiguration: owns });
    const usage = Usage.open(layout.usage);
    const { limits, audit } = settings.current;
    const admission = new Admission(options.limits ?? limits);
    const policy = readPolicyOf(options, settings);
    const { access, quotas } = policy;
    const soon = (task: () => void) => loop.soon(task);
    const log = AuditLog.open(layout.auditLog, { limits: audit, soon, complain: say });
    await begin(log, version);
    const metrics = new Metrics();
    const counted = countedLog(log, metrics);
    const reloads = new Reloads();
    // Nobody asks before it listens.
    const circumstances = describe(options, admission, {
      warnings: () => listening.warnings(),
      reloads,
    });
    const contexts = tagContexts(layout, { store, engine, log });
    const random = kernelRandom();
    const parts = { store, usage, access, quotas, engine, circumstances, random, log, contexts };
    const service = new Service(parts);

    const turns = new Turns(() => loop.wake());
    const serving = { service, access, overflow, admission, turns, metrics, log: counted };
    const shared = { ...serving, sockets, loop, openTcp };
    const network = options.network && { places: options.network, uid: owner.uid };
    const listening = await Listening.start(claimed.local, network, shared);
    const besides = listenBesides(claimed, {
      ...shared,
      ...options,
      engine,
      store,
      settings,
      reloads,
    });
    const pulse = startPulse(manager, loop, supervision.watchdog);
    const keeper = new Keeper({ store, usage, log: counted, engine });
    const heads = new HeadPublisher(log, say);
    const told = { store, keeper, manager, admission, log, heads, settings, policy, reloads };
    return new Daemon({ ...told, sockets: claimed, listening, besides, pulse });
  }

  /** Where it listens on the network: `ADDRESS:PORT`. */
  get listening(): string | undefined {
    return this.parts.listening.address;
  }

  /** Where its metrics are to be had, if they are. */
  get metrics(): string | undefined {
    return this.parts.sockets.metrics?.address;
  }

  /** What people have reason to do about the network's certificates, in sentences. */
  get warnings(): readonly string[] {
    return this.parts.listening.warnings();
  }

  /** How many keys it has. Undefined while the ring is sealed. */
  get keys(): number | undefined {
    const { store } = this.parts;
    return store.sealed ? undefined : store.ring.keys.length;
  }

  /** Tells the service manager, if there is one, that connections are accepted. */
  ready(): void {
    // Nobody waits for the disk that a head waits for.
    void this.parts.heads.publishNow();
    this.#tellReady();
    this.parts.store.unsealed.then(() => this.#tellReady());
  }

  #tellReady(...problems: readonly string[]): void {
    const { store, manager } = this.parts;
    const state = store.sealed ? "sealed: waiting for `crypto unseal`" : "serving";
    manager.ready([state, ...problems.map((one) => `not reloaded: ${one}`)].join("; "));
  }

  /**
   * Reads configuration, policy and certificates again.
   * @returns what could not be done, where all stays as it was, and what people should know
   */
  reload(): Reloaded {
    const { manager, admission, log, settings, policy, listening, reloads } = this.parts;
    manager.reloading();
    const configure = () => {
      const { limits, audit } = settings.reload();
      admission.limits = limits;
      log.limits = audit;
    };
    const problems = reloads.perform([
      ["configuration", configure],
      ["policy", () => policy.load()],
      ["certificates", () => listening.reload()],
    ]);
    this.#tellReady(...problems);
    return { problems, warnings: this.warnings };
  }

  /** Finishes what has begun, then removes the socket if the daemon made it. */
  async stop(): Promise<void> {
    const { manager, listening, besides, keeper, sockets, pulse, log, heads } = this.parts;
    manager.stopping();
    await Promise.all(besides.map((one) => one.stop()));
    await listening.stop();
    await keeper.stop();
    await log.note({ event: "stop" });
    await heads.stop();
    log.close();
    sockets.local?.requests.remove();
    sockets.metrics?.remove();
    pulse?.close();
  }
}

async function systemOf(options: SystemOptions): Promise<System> {
  if (!IS_WINDOWS) return unixSystem(options);
  const { windowsSystem } = await import("./windows.ts");
  return windowsSystem(options);
}

function readPolicyOf({ layout, owner }: DaemonOptions, settings: Settings): PolicyInForce {
  const groups = new GroupDatabase();
  const isMember = (uid: number, gid: number) => groups.isMember(uid, gid);
  const clients = () => settings.current.network.clients;
  return new PolicyInForce({ path: layout.policy, owner, isMember, clients });
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

/** Nothing is served before the log says that it is. @throws {CryptoError} `io` */
async function begin(log: AuditLog, version: string): Promise<void> {
  if (await log.note({ event: "start", version, pid: Deno.pid })) return;
  const hint = "the audit log cannot be written: make room for it, and see that nobody removes it";
  throw new CryptoError("io", { subject: "audit.log", hint });
}

function tagContexts(
  layout: Layout,
  { store, engine, log }: Pick<ServiceParts, "store" | "engine"> & { readonly log: AuditLog },
): ContextTags {
  return new ContextTags({
    path: layout.contextKey,
    engine,
    sealingKey: () => store.sealingKey,
    onNew: () => log.note({ event: "context-key" }),
  });
}

function describe(
  { layout, version, warnings }: DaemonOptions,
  admission: Admission,
  more: { readonly warnings: () => readonly string[]; readonly reloads: Reloads },
) {
  const started = performance.now();
  return (): ReturnType<Circumstances> => ({
    version,
    mode: layout.mode,
    connections: admission.connections,
    uptime: Math.floor((performance.now() - started) / 1000),
    warnings: [...warnings, ...more.warnings()],
    stale: more.reloads.stale,
  });
}
