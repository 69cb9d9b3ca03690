/**
 * The daemon's worker: it alone holds the daemon's permissions, by list, and gives up the loading
 * of libraries once it runs.
 */
import { daemonPrivileges } from "../core/privileges.ts";
import { DAEMON_WORKER } from "../core/roles.ts";
import { IS_WINDOWS } from "../platform/library.ts";
import { dropLibraryPermission } from "../platform/permissions.ts";
import { RoleWorker, runRole } from "../platform/worker.ts";
import { Daemon, type DaemonOptions, describeReload, type Reloaded, type Say } from "./daemon.ts";
import { Changes } from "./changes.ts";
import { filesOf } from "./network.ts";

/** What the worker is asked. */
type Question =
  | { readonly type: "start"; readonly options: DaemonOptions }
  | { readonly type: "reload" }
  | { readonly type: "stop" };

/** How a daemon has started. */
export interface Started {
  /** How many keys it has. Undefined while they are sealed. */
  readonly keys: number | undefined;
  /** Where its metrics are to be had, if they are. */
  readonly metrics: string | undefined;
  /** Where it listens on the network: `ADDRESS:PORT`. */
  readonly listening: string | undefined;
  /** What people should know of its certificates, in sentences. */
  readonly warnings: readonly string[];
}

/** How it has started; how it was reloaded; undefined when it has stopped. */
type Answer = Started | Reloaded | undefined;

/** Runs in the worker. */
export function runDaemonRole(): void {
  let daemon: Daemon | undefined;
  let changes: Changes | undefined;
  runRole<Question, Answer, string>(async (question, tell) => {
    if (question.type === "stop") {
      changes?.stop();
      return await daemon?.stop() as undefined;
    }
    if (question.type === "reload") return daemon?.reload();
    // `ffi` is not by path: reading `errno` needs pointers, which a list of paths does not grant.
    daemon = await Daemon.start(question.options, tell);
    dropLibraryPermission();
    daemon.ready();
    if (IS_WINDOWS) changes = reloadOnChange(daemon, question.options, tell);
    const { keys, metrics, listening, warnings } = daemon;
    return { keys, metrics, listening, warnings };
  });
}

/** Windows has no signal for that: it looks at what it would read again then. */
function reloadOnChange(daemon: Daemon, { layout, network }: DaemonOptions, say: Say): Changes {
  const paths = [layout.config, layout.policy, ...network ? filesOf(network) : []];
  return new Changes(paths, () => describeReload(daemon.reload()).forEach(say));
}

/** A daemon in a worker, as the main thread sees it. */
export class DaemonWorker {
  private constructor(
    private readonly role: RoleWorker<Question, Answer, string>,
    private readonly options: DaemonOptions,
  ) {}

  /**
   * Loads the worker; from then on this thread holds no permission.
   * @param script the URL of the program's one script
   * @param say takes what the daemon says by itself
   */
  static async load(script: string, options: DaemonOptions, say: Say): Promise<DaemonWorker> {
    const { layout, credential, supervision, network } = options;
    const activated = supervision.listeners.length > 0;
    const certificates = network && filesOf(network);
    const passed = { activated, isRemote: IS_WINDOWS, credential, certificates };
    const permissions = daemonPrivileges(layout, passed).start;
    const role = { script, name: DAEMON_WORKER, permissions, onEvent: say };
    return new DaemonWorker(await RoleWorker.start<Question, Answer, string>(role), options);
  }

  /** Rejects if the worker dies by itself. */
  get died(): Promise<never> {
    return this.role.died;
  }

  /** Starts the daemon. @throws {CryptoError} what {@link Daemon.start} throws. */
  async start(): Promise<Started> {
    return await this.role.ask({ type: "start", options: this.options }) as Started;
  }

  /** Reads configuration, policy and certificates again. Undefined before the daemon has started. */
  async reload(): Promise<Reloaded | undefined> {
    return await this.role.ask({ type: "reload" }) as Reloaded | undefined;
  }

  /** Stops the daemon and ends the worker. */
  async stop(): Promise<void> {
    await this.role.ask({ type: "stop" });
    this.role.terminate();
  }
}
