/** Daemons that are handed their socket, by systemd's own tool and by what only claims to be it. */
import { DaemonProcess, Place, type StartOptions } from "./daemon.ts";
import { eventually } from "./wait.ts";

/** A command that listens on a path and, at the first connection, becomes the daemon. */
export function activate(
  socket: string,
  env: Readonly<Record<string, string>>,
  ...options: readonly string[]
): string[] {
  const variables = Object.entries(env).flatMap(([name, value]) => ["-E", `${name}=${value}`]);
  return ["systemd-socket-activate", "--listen", socket, ...variables, ...options];
}

/** Where a daemon that is handed its socket is asked. */
export function socketOf(place: Place): string {
  return `${place.directory}/handed.sock`;
}

/** Starts what becomes a daemon when somebody connects to {@link socketOf} its place. */
export async function startActivated(
  place: Place,
  env: Readonly<Record<string, string>> = {},
  options: StartOptions = {},
): Promise<DaemonProcess> {
  const wrapper = activate(socketOf(place), { ...place.env, ...env });
  return await listening(new DaemonProcess({ wrapper, ...options, place }));
}

async function listening(daemon: DaemonProcess): Promise<DaemonProcess> {
  await eventually("the socket is there", () => daemon.stderr.includes("Listening on"));
  return daemon;
}

const FOREVER = `while [ ! -e "$0" ]; do
  sh -c 'LISTEN_PID=$$; export LISTEN_PID; echo "daemon $$" >&2; exec setpriv --pdeathsig KILL "$@"' sh "$@"
done`;

/**
 * A daemon that is started again whenever it ends, on the same socket: what a service manager
 * does. Its place is given up with it.
 */
export class Supervised implements AsyncDisposable {
  private constructor(
    readonly place: Place,
    private readonly shell: DaemonProcess,
    private readonly end: string,
  ) {}

  static async start(
    args: readonly string[] = [],
    options: Pick<StartOptions, "lifetime"> = {},
  ): Promise<Supervised> {
    const place = new Place();
    const end = `${place.directory}/end`;
    const wrapper = [...activate(socketOf(place), place.env), "sh", "-c", FOREVER, end];
    const shell = await listening(new DaemonProcess({ ...options, place, wrapper, args }));
    return new Supervised(place, shell, end);
  }

  get socket(): string {
    return socketOf(this.place);
  }

  /** How many daemons there have been. */
  get starts(): number {
    return this.#pids.length;
  }

  get #pids(): number[] {
    return [...this.shell.stderr.matchAll(/^daemon (\d+)$/gm)].map(([, pid]) => Number(pid));
  }

  /** Sends the newest daemon a signal. */
  signal(name: Deno.Signal): void {
    Deno.kill(this.#pids.at(-1)!, name);
  }

  /** Bytes of memory that the newest daemon has. */
  memory(): number {
    const status = Deno.readTextFileSync(`/proc/${this.#pids.at(-1)!}/status`);
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
  }

  /** Ends the daemon there is, once it serves, and waits until the next one has been started. */
  async restart(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    await this.serving();
    const { starts } = this;
    this.signal(signal);
    await eventually("the next daemon is started", () => this.starts > starts);
  }

  /** Waits until the newest daemon serves. */
  async serving(): Promise<void> {
    await eventually("it serves", () => {
      const { stderr } = this.shell;
      return stderr.lastIndexOf("crypto: serving ") > stderr.lastIndexOf("\ndaemon ");
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    Deno.writeTextFileSync(this.end, "");
    await this.shell[Symbol.asyncDispose]();
    await eventually("the daemon is gone", () => this.#pids.every(hasEnded));
    this.place[Symbol.dispose]();
  }
}

/** Whether a process is no more, or nothing of it but its status. */
function hasEnded(pid: number): boolean {
  try {
    return /\) [ZX] /.test(Deno.readTextFileSync(`/proc/${pid}/stat`));
  } catch {
    return true;
  }
}
