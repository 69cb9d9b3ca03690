/**
 * The daemon's worker: it alone holds the daemon's permissions, by list, and gives up the loading
 * of libraries once it runs. The main thread keeps none.
 */
import { asCryptoError, CryptoError, type ErrorCode } from "../core/errors.ts";
import { DAEMON_WORKER, daemonPrivileges } from "../core/privileges.ts";
import { dropLibraryPermission } from "../platform/permissions.ts";
import { type Daemon, type DaemonOptions, startDaemon } from "./daemon.ts";

/** What the main thread is told. */
export type WorkerReport =
  | { readonly type: "loaded" }
  | { readonly type: "ready"; readonly keys: number }
  | { readonly type: "stopped" }
  | {
    readonly type: "failed";
    readonly code: ErrorCode;
    readonly subject: string | undefined;
    readonly hint: string;
    readonly stack: string | undefined;
  };

/**
 * The permissions that the worker starts with. `ffi` is not by path: reading `errno` needs
 * pointers, which a list of paths does not grant. Run from source it also reads the program's
 * modules; a compiled program has them inside.
 */
export function workerPermissions(
  script: string,
  { layout }: DaemonOptions,
): Deno.PermissionOptionsObject {
  const { read, write, ffi } = daemonPrivileges(layout).start;
  const modules = Deno.build.standalone ? [] : [new URL(".", script)];
  const none = { net: false, env: false, sys: false, run: false, import: false } as const;
  return { ...none, read: [...read, ...modules], write: [...write], ffi };
}

/** The part of a worker's global scope that is used here. */
interface WorkerScope {
  onmessage: ((event: MessageEvent) => void) | null;
  postMessage(message: WorkerReport): void;
}

/** Runs in the worker: starts with the first message, stops with the second. */
export function runWorker(): void {
  const scope = globalThis as unknown as WorkerScope;
  let daemon: Daemon | undefined;
  scope.onmessage = async ({ data }) => {
    try {
      if (daemon) {
        await daemon.stop();
        scope.postMessage({ type: "stopped" });
      } else {
        daemon = await startDaemon(data as DaemonOptions);
        dropLibraryPermission();
        scope.postMessage({ type: "ready", keys: daemon.keys });
      }
    } catch (thrown) {
      scope.postMessage(failure(thrown));
    }
  };
  scope.postMessage({ type: "loaded" });
}

function failure(thrown: unknown): WorkerReport {
  const { code, subject, hint, cause } = asCryptoError(thrown);
  const stack = code === "internal" && cause instanceof Error ? cause.stack : undefined;
  return { type: "failed", code, subject, hint, stack };
}

/** A daemon in a worker, as the main thread sees it. */
export class DaemonWorker {
  readonly #worker: Worker;
  /** Rejects if the worker dies by itself, which it never should. */
  readonly died: Promise<never>;

  /**
   * @param script the URL of the program's one script, which starts {@link runWorker} when it
   * finds itself in a worker of this name
   */
  constructor(script: string, private readonly options: DaemonOptions) {
    const permissions = workerPermissions(script, options);
    this.#worker = new Worker(script, {
      type: "module",
      name: DAEMON_WORKER,
      deno: { permissions },
    });
    this.died = new Promise((_, reject) => {
      this.#worker.onerror = (event) => {
        event.preventDefault();
        reject(new CryptoError("internal", { subject: "daemon", cause: event.message }));
      };
    });
  }

  /** Settles when the worker has read its modules, which it does with this thread's permissions. */
  async loaded(): Promise<void> {
    await this.#next();
  }

  /** Starts the daemon. @throws {CryptoError} what {@link startDaemon} throws. */
  async start(): Promise<{ keys: number }> {
    const report = await this.#ask(this.options);
    return { keys: report.type === "ready" ? report.keys : 0 };
  }

  /** Stops the daemon and ends the worker. */
  async stop(): Promise<void> {
    await this.#ask("stop");
    this.#worker.terminate();
  }

  #ask(message: DaemonOptions | "stop"): Promise<WorkerReport> {
    const answer = this.#next();
    this.#worker.postMessage(message);
    return answer;
  }

  #next(): Promise<WorkerReport> {
    const report = new Promise<WorkerReport>((resolve, reject) => {
      this.#worker.onmessage = ({ data }: MessageEvent<WorkerReport>) => {
        if (data.type === "failed") {
          reject(new CryptoError(data.code, { ...data, cause: data.stack }));
        } else resolve(data);
      };
    });
    return Promise.race([report, this.died]);
  }
}
