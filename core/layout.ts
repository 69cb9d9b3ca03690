/**
 * Where things are: the two ways to run, and how a client finds the daemon. Pure: the environment
 * comes in as an argument.
 */
import { CryptoError } from "./errors.ts";

/** The name of the service's user and group. */
export const SERVICE_USER = "crypto-service";

/** The name of the credential that is the sealing key, for systemd and `systemd-creds`. */
export const CREDENTIAL = "crypto-sealing-key";
/** Where systemd looks for encrypted credentials that a unit names without a path. */
export const CREDENTIAL_STORE = "/etc/credstore.encrypted";

/** The directories and files of one daemon. */
export interface Layout {
  readonly mode: "system" | "user";
  /** Holds the configuration and the sealing key. */
  readonly configDirectory: string;
  /** Holds the ring, the audit log and the counts of use. */
  readonly stateDirectory: string;
  /** Holds the socket and its lock. Others may use it too. */
  readonly runtimeDirectory: string;
  readonly socket: string;
  /** Where systemd asks for the credentials of units; the name it has, too, if it is handed over. */
  readonly credentialsSocket: string;
  /** Where the daemon's counters are read, where it is to make such a socket. */
  readonly metricsSocket: string;
  /** Holds those credentials, as encrypted messages. It need not be there. */
  readonly credentials: string;
  /** What the administrator sets. It need not be there. */
  readonly config: string;
  /** Who may do what, as the administrator says. It need not be there. */
  readonly policy: string;
  readonly sealingKey: string;
  /** The sealing key under DPAPI, where Windows keeps it. */
  readonly dpapiSealingKey: string;
  /** The sealing key under a passphrase, where that is how the ring is sealed. */
  readonly lockedSealingKey: string;
  readonly ring: string;
  /** How often each key version was used. */
  readonly usage: string;
  /** The audit log that is being written. Older ones have its name and an ending. */
  readonly auditLog: string;
  /** The key under which the log names contexts, sealed as the ring is. */
  readonly contextKey: string;
}

/** Reads an environment variable. */
export type Env = (name: string) => string | undefined;

function layout(mode: Layout["mode"], config: string, state: string, runtime: string): Layout {
  return {
    mode,
    configDirectory: config,
    stateDirectory: state,
    runtimeDirectory: runtime,
    socket: `${runtime}/crypto.sock`,
    credentialsSocket: `${runtime}/credentials.sock`,
    metricsSocket: `${runtime}/metrics.sock`,
    credentials: `${config}/credentials`,
    config: `${config}/crypto.toml`,
    policy: `${config}/policy.toml`,
    sealingKey: `${config}/sealing.key`,
    dpapiSealingKey: `${config}/sealing.dpapi`,
    lockedSealingKey: `${config}/sealing.crypto`,
    ring: `${state}/ring`,
    usage: `${state}/usage`,
    auditLog: `${state}/audit.log`,
    contextKey: `${state}/audit.key`,
  };
}

/** The system service's layout. */
export const SYSTEM_LAYOUT: Layout = layout(
  "system",
  "/etc/crypto",
  "/var/lib/crypto",
  "/run/crypto",
);

/** An absolute path from the environment; the XDG specification says to ignore relative ones. */
function absolute(env: Env, name: string): string | undefined {
  const path = env(name);
  return path?.startsWith("/") ? path.replace(/(?<=.)\/+$/, "") : undefined;
}

function needHome(env: Env): string {
  const home = absolute(env, "HOME");
  if (home) return home;
  throw new CryptoError("config", { subject: "HOME", hint: "set it to your home directory" });
}

/** The directory of a user's sockets and the like. @throws {CryptoError} `config` without one */
export function runtimeDirectory(env: Env): string {
  const runtime = absolute(env, "XDG_RUNTIME_DIR");
  if (runtime) return runtime;
  throw new CryptoError("config", {
    subject: "XDG_RUNTIME_DIR",
    hint: "there is no runtime directory: log in by a session manager, set it to a directory of " +
      "yours with mode 0700, or name a socket with --socket",
  });
}

/** Where a user's configuration is. */
export function configHome(env: Env): string {
  return absolute(env, "XDG_CONFIG_HOME") ?? `${needHome(env)}/.config`;
}

function userRuntime(env: Env): string {
  return `${runtimeDirectory(env)}/crypto`;
}

/** The layout of a daemon that one user runs (XDG Base Directory Specification 0.8). */
export function userLayout(env: Env, socket?: string): Layout {
  const config = configHome(env);
  const state = absolute(env, "XDG_STATE_HOME") ?? `${needHome(env)}/.local/state`;
  const runtime = socket ? parent(socket) : userRuntime(env);
  return withSocket(layout("user", `${config}/crypto`, `${state}/crypto`, runtime), socket);
}

/**
 * The layout of a daemon that a user of Windows runs: in the part of the profile that stays on this
 * machine, with `/` between names. It has no socket.
 */
export function windowsLayout(env: Env): Layout {
  const local = env("LOCALAPPDATA")?.replaceAll("\\", "/");
  if (!local || !/^[A-Za-z]:\/./.test(local)) {
    const hint = "it is to name the folder AppData\\Local of your profile, as Windows sets it";
    throw new CryptoError("config", { subject: "LOCALAPPDATA", hint });
  }
  const own = `${local}/crypto`;
  return layout("user", `${own}/config`, `${own}/state`, own);
}

/** A layout with its socket somewhere else. */
export function withSocket(base: Layout, socket: string | undefined): Layout {
  if (!socket) return base;
  const { mode, configDirectory, stateDirectory } = base;
  return { ...layout(mode, configDirectory, stateDirectory, parent(socket)), socket };
}

/** A layout with the same names in other directories. */
export function moved(base: Layout, config: string, state: string, runtime: string): Layout {
  const socket = runtime + base.socket.slice(base.socket.lastIndexOf("/"));
  return { ...layout(base.mode, config, state, runtime), socket };
}

const NEXT = ".next";

/** A layout in which the sealing keys have the names of those that will take their places. */
export function nextSealingKeys(base: Layout): Layout {
  const { sealingKey, lockedSealingKey } = base;
  return {
    ...base,
    sealingKey: sealingKey + NEXT,
    lockedSealingKey: lockedSealingKey + NEXT,
  };
}

/** The place of a sealing key that has its own name, or that of {@link nextSealingKeys}. */
export function sealingKeyPlace(path: string): string {
  return path.endsWith(NEXT) ? path.slice(0, -NEXT.length) : path;
}

/** The directory of a path. */
export function parent(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "." : path.slice(0, slash) || "/";
}

/**
 * The socket a client uses: as told, else the system's if the system has one, else the user's.
 * Never another because that one is dead or refuses.
 */
export function clientSocket(
  env: Env,
  { told, systemConfigured }: { told?: string | undefined; systemConfigured: boolean },
): string {
  const socket = told ?? env("CRYPTO_SOCKET");
  if (socket) return socket;
  return systemConfigured ? SYSTEM_LAYOUT.socket : `${userRuntime(env)}/crypto.sock`;
}
