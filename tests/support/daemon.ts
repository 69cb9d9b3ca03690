/**
 * The compiled daemon, started in an environment of its own: nothing of the machine's is touched.
 */
import { compiledProgram, kill, plainEnvironment, publicProgram } from "./process.ts";
import { eventually, soon } from "./wait.ts";

export { ask, codeOf, Peer, request, resultOf, rpc, type WireAnswer } from "./peer.ts";

/** A user by numbers; nobody need know them. */
export interface User {
  readonly uid: number;
  readonly gid: number;
  readonly groups?: readonly number[] | undefined;
}

/** How a daemon is started. */
export interface StartOptions {
  /** Arguments after `serve`. */
  readonly args?: readonly string[] | undefined;
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Another user than the one who runs the tests. Needs root and setpriv. */
  readonly user?: User | undefined;
  /** A command that the daemon's is added to, such as `["unshare", "--user"]`. It must `exec`. */
  readonly wrapper?: readonly string[] | undefined;
  /** Where it runs; a new one unless given, and then removed at the end. */
  readonly place?: Place | undefined;
  /** Milliseconds, after which the daemon is killed, whatever happens. */
  readonly lifetime?: number | undefined;
}

const LIFETIME = 120_000;

/** A temporary directory that holds the XDG directories of one daemon. */
export class Place implements Disposable {
  readonly directory: string;
  /** All of a child's environment. */
  readonly env: Readonly<Record<string, string>>;

  constructor(readonly user?: User) {
    // Short: the path of a socket has at most 107 bytes.
    const directory = this.directory = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "ct-" }));
    this.env = {
      ...plainEnvironment(),
      HOME: `${directory}/home`,
      XDG_CONFIG_HOME: `${directory}/config`,
      XDG_STATE_HOME: `${directory}/state`,
      XDG_RUNTIME_DIR: `${directory}/run`,
    };
    for (const name of ["home", "config", "state", "run"]) this.#make(`${directory}/${name}`);
    this.own(directory);
  }

  get config(): string {
    return `${this.directory}/config/crypto`;
  }

  get state(): string {
    return `${this.directory}/state/crypto`;
  }

  get runtime(): string {
    return `${this.directory}/run/crypto`;
  }

  get socket(): string {
    return `${this.runtime}/crypto.sock`;
  }

  get sealingKey(): string {
    return `${this.config}/sealing.key`;
  }

  get ring(): string {
    return `${this.state}/ring`;
  }

  get auditLog(): string {
    return `${this.state}/audit.log`;
  }

  /** Makes the directories that hold the daemon's files, which it would make itself. */
  makeOwn(): void {
    for (const path of [this.config, this.state, this.runtime]) this.#make(path);
  }

  #make(path: string): void {
    Deno.mkdirSync(path, { mode: 0o700 });
    this.own(path);
  }

  /** Gives a path to this place's user. */
  own(path: string): void {
    if (this.user) Deno.chownSync(path, this.user.uid, this.user.gid);
  }

  /** The lines of the audit log about requests that were done or refused. */
  log(): LogLine[] {
    return this.audit().filter(({ event, stage }) => !event && stage !== "intent");
  }

  /** All lines of the audit log. */
  audit(): LogLine[] {
    const lines = Deno.readTextFileSync(this.auditLog).split("\n");
    return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as LogLine);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.directory, { recursive: true });
  }
}

/** One line of the audit log. */
export interface LogLine {
  readonly seq: number;
  readonly prev: string;
  readonly event?: string;
  readonly log?: string;
  readonly first?: number;
  readonly stage?: "intent" | "result";
  readonly context?: string;
  readonly missing?: number;
  readonly refused?: number;
  readonly time: string;
  readonly pid?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly groups?: readonly number[];
  readonly certificate?: string;
  readonly fingerprint?: string;
  readonly address?: string;
  readonly reason?: string;
  readonly op: string;
  readonly key?: string;
  readonly version?: number;
  readonly rotateAfter?: number;
  readonly minVersion?: number;
  readonly grace?: number;
  readonly bytes?: number;
  readonly declaredBytes?: number;
  readonly error?: string;
  readonly requests?: number;
  readonly unit?: string;
  readonly credential?: string;
}

/** Arguments that run a command as another user. */
export function asUser(user: User | undefined): string[] {
  if (!user) return [];
  const { uid, gid, groups = [] } = user;
  const given = groups.length > 0 ? ["--groups", groups.join(",")] : ["--clear-groups"];
  return ["setpriv", "--reuid", `${uid}`, "--regid", `${gid}`, ...given];
}

/** A daemon that has been started, and may have ended since. */
export class DaemonProcess {
  readonly pid: number;
  readonly place: Place;
  readonly socket: string;
  readonly env: Readonly<Record<string, string>>;
  readonly directory: string;
  readonly status: Promise<Deno.CommandStatus>;
  readonly #child: Deno.ChildProcess;
  readonly #ownPlace: boolean;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #collected: Promise<void>;
  #stderr = "";
  #ended = false;

  constructor(options: StartOptions = {}) {
    const { args = [], user, wrapper = [], lifetime = LIFETIME } = options;
    const program = compiledProgram();
    const place = this.place = options.place ?? new Place(user);
    this.#ownPlace = !options.place;
    this.env = { ...place.env, ...options.env };
    this.directory = place.directory;
    const at = args.indexOf("--socket");
    this.socket = at < 0 ? place.socket : args[at + 1]!;
    const own = [...asUser(user), user ? publicProgram(program) : program, "serve", ...args];
    const [first = "", ...rest] = [...wrapper, ...own];
    const child = this.#child = new Deno.Command(first, {
      args: rest,
      env: { ...this.env },
      clearEnv: true,
      cwd: "/",
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.pid = child.pid;
    this.#timer = setTimeout(() => kill(child, "SIGKILL"), lifetime);
    this.#collected = this.#collect(child.stderr);
    this.status = this.#end();
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const bytes of stream) this.#stderr += decoder.decode(bytes, { stream: true });
  }

  async #end(): Promise<Deno.CommandStatus> {
    const status = await this.#child.status;
    this.#ended = true;
    clearTimeout(this.#timer);
    await this.#collected;
    return status;
  }

  /** What it has said on standard error so far. */
  get stderr(): string {
    return this.#stderr;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Waits until the daemon serves. Throws, with what the daemon said, if it ends before. */
  async ready(): Promise<this> {
    await eventually("the daemon serves", () => {
      if (this.#ended) throw new Error(`the daemon did not start: ${this.#stderr}`);
      // It says so when the socket accepts; trying would leave a connection to be counted.
      return /^crypto: serving /m.test(this.#stderr);
    });
    return this;
  }

  /** Sends SIGTERM and waits for the end. */
  async stop(): Promise<Deno.CommandStatus> {
    kill(this.#child, "SIGTERM");
    return await soon("the daemon's end", this.status);
  }

  /** Sends SIGKILL and waits for the end. */
  async kill(): Promise<Deno.CommandStatus> {
    kill(this.#child, "SIGKILL");
    return await soon("the daemon's end", this.status);
  }

  /** Sends a signal. */
  signal(name: Deno.Signal): void {
    kill(this.#child, name);
  }

  /** What {@link Place.log} gives. */
  log(): LogLine[] {
    return this.place.log();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#ended) await this.kill();
    if (this.#ownPlace) this.place[Symbol.dispose]();
  }
}

/** Starts the compiled daemon and waits until its socket answers. */
export async function startDaemon(options: StartOptions = {}): Promise<DaemonProcess> {
  const daemon = new DaemonProcess(options);
  try {
    return await daemon.ready();
  } catch (error) {
    await daemon[Symbol.asyncDispose]();
    throw error;
  }
}

/** How a daemon that should not start ended. */
export interface Refused {
  readonly code: number;
  readonly stderr: string;
}

/** Starts a daemon that is expected to end by itself. */
export async function serveToEnd(options: StartOptions = {}): Promise<Refused> {
  await using daemon = new DaemonProcess(options);
  const { code } = await soon("the daemon's refusal", daemon.status);
  return { code, stderr: daemon.stderr };
}
