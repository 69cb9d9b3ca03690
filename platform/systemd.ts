/**
 * What a service manager tells a process by its environment, and what the process tells it:
 * sd_listen_fds(3), sd_watchdog_enabled(3), sd_notify(3). Lengths are checked here, and no raw call
 * leaves this module.
 */
import { type Bytes, concat, EMPTY, utf8 } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import type { Env } from "../core/layout.ts";
import { Errno, openLibc, SystemError } from "./libc.ts";

const NOTIFIER = {
  clock_gettime: { parameters: ["i32", "buffer"], result: "i32" },
  sendto: { parameters: ["i32", "buffer", "usize", "i32", "buffer", "u32"], result: "isize" },
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** The first descriptor that is passed in: SD_LISTEN_FDS_START. */
const FIRST_DESCRIPTOR = 3;
/** One for requests, one for credentials, one for metrics: `server/socket.ts`. */
const MAX_DESCRIPTORS = 3;
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const CLOCK_MONOTONIC = 1;
/** A manager that takes nothing must not hold up the daemon, and one that is gone not kill it. */
const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000;
const MAX_ADDRESS = 107;
const SLASH = 0x2f;
const AT = 0x40;

/** A descriptor that was passed in, and what its unit calls it. */
export interface PassedDescriptor {
  readonly fd: number;
  readonly name: string;
}

/** What a service manager does for this process. It can be sent to a worker. */
export interface Supervision {
  /** The sockets that are listened on already; none: the daemon makes its own. */
  readonly listeners: readonly PassedDescriptor[];
  /** Where it wants to be told of readiness: a path, or an abstract name after `@`. */
  readonly notifySocket?: string | undefined;
  /** Milliseconds in which it wants a sign of life, again and again. */
  readonly watchdog?: number | undefined;
}

/**
 * Reads what a service manager says in the environment. What is meant for another process is none
 * of ours.
 * @throws {CryptoError} `config` for what cannot be meant so, and for more descriptors than can be.
 */
export function readSupervision(env: Env, pid: number): Supervision {
  return {
    listeners: readListeners(env, pid),
    notifySocket: env("NOTIFY_SOCKET") || undefined,
    watchdog: readWatchdog(env, pid),
  };
}

function readListeners(env: Env, pid: number): PassedDescriptor[] {
  if (env("LISTEN_PID") !== `${pid}`) return [];
  const count = readNumber("LISTEN_FDS", env("LISTEN_FDS") ?? "0");
  if (count > MAX_DESCRIPTORS) {
    const hint = `${count} sockets were passed in, which are more than there is a use for`;
    throw new CryptoError("config", { subject: "LISTEN_FDS", hint });
  }
  const names = (env("LISTEN_FDNAMES") ?? "").split(":");
  return Array.from({ length: count }, (_, i) => {
    return { fd: FIRST_DESCRIPTOR + i, name: names[i] || "unknown" };
  });
}

function readWatchdog(env: Env, pid: number): number | undefined {
  const microseconds = env("WATCHDOG_USEC");
  if (microseconds === undefined || (env("WATCHDOG_PID") ?? `${pid}`) !== `${pid}`) {
    return undefined;
  }
  const milliseconds = readNumber("WATCHDOG_USEC", microseconds) / 1_000;
  if (milliseconds >= 1) return milliseconds;
  throw new CryptoError("config", { subject: "WATCHDOG_USEC", hint: "give it a millisecond" });
}

function readNumber(name: string, text: string): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
  if (!Number.isNaN(value)) return value;
  throw new CryptoError("config", { subject: name, hint: "the service manager sets it wrongly" });
}

/** Tells the service manager how the daemon is. Where there is none, nobody is told. */
export class ServiceManager {
  readonly #send: (state: string) => boolean;
  readonly #now: () => bigint;

  /**
   * Prepares everything, so that `ffi` can be given up afterwards.
   * @param notifySocket a path, or an abstract name after `@`; undefined where nobody listens
   * @throws {CryptoError} `config` for what is neither
   */
  constructor(notifySocket: string | undefined) {
    const sender = notifySocket === undefined ? undefined : createSender(notifySocket);
    this.#send = sender?.send ?? (() => true);
    this.#now = sender?.now ?? (() => 0n);
  }

  /**
   * It serves, for the first time or again after {@link reloading}. `status` is for people.
   * @throws {CryptoError} `io` if the manager cannot be told: it would wait in vain.
   */
  ready(status: string): void {
    // deno-lint-ignore no-control-regex -- a line break would begin another assignment
    if (this.#send(`READY=1\nSTATUS=${status.replaceAll(/[\0-\x1f\x7f]+/g, " ")}`)) return;
    const hint = "the service manager cannot be told that the daemon is ready";
    throw new CryptoError("io", { subject: "NOTIFY_SOCKET", hint });
  }

  /** It reads its configuration again; {@link ready} follows. */
  reloading(): void {
    this.#send(`RELOADING=1\nMONOTONIC_USEC=${this.#now()}`);
  }

  /** It has begun to stop. */
  stopping(): void {
    this.#send("STOPPING=1");
  }

  /** A sign of life, for the watchdog. */
  alive(): void {
    this.#send("WATCHDOG=1");
  }
}

function createSender(notifySocket: string) {
  const address = notifyAddress(notifySocket);
  const { symbols, errno } = openLibc(NOTIFIER);
  const fd = symbols.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw new SystemError("socket", errno());

  const trySend = (message: Bytes) => {
    const length = BigInt(message.length);
    const flags = MSG_DONTWAIT_NOSIGNAL;
    return symbols.sendto(fd, message, length, flags, address, address.length) === length;
  };
  return {
    send(state: string): boolean {
      const message = utf8(state);
      for (;;) {
        if (trySend(message)) return true;
        if (errno() !== Errno.EINTR) return false;
      }
    },

    /** Microseconds of the clock that the manager compares with. */
    now(): bigint {
      const time = new BigInt64Array(2);
      symbols.clock_gettime(CLOCK_MONOTONIC, time);
      return time[0]! * 1_000_000n + time[1]! / 1_000n;
    },
  };
}

/** struct sockaddr_un. An abstract name begins with a zero byte and has none at its end. */
function notifyAddress(text: string): Bytes {
  const name = utf8(text);
  const abstract = name[0] === AT;
  const known = (abstract || name[0] === SLASH) && !name.includes(0);
  if (!known || name.length < 2 || name.length > MAX_ADDRESS) {
    const hint = `give an absolute path, or @ and a name, of at most ${MAX_ADDRESS} bytes`;
    throw new CryptoError("config", { subject: "NOTIFY_SOCKET", hint });
  }
  if (abstract) name[0] = 0;
  const family = new Uint8Array(new Uint16Array([AF_UNIX]).buffer);
  return concat(family, name, abstract ? EMPTY : new Uint8Array(1));
}
