/**
 * What each subcommand may do. The daemon's worker is started from it, `deno.json`'s permission
 * sets repeat it for running from source (a test compares them), and docs/privileges.md shows it.
 */

import { CREDENTIAL_STORE, type Layout, SYSTEM_LAYOUT } from "./layout.ts";
import { originParts } from "./share/origin.ts";

/** Environment variables that say where things are. */
const PATH_VARIABLES = [
  "CRYPTO_IDENTITY",
  "CRYPTO_SERVER",
  "CRYPTO_SOCKET",
  "HOME",
  "XDG_CONFIG_HOME",
  "XDG_RUNTIME_DIR",
  "XDG_STATE_HOME",
] as const;
/** Where Windows keeps what is a user's on one machine: the daemon's directories are in it. */
const WINDOWS_VARIABLE = "LOCALAPPDATA";
/** Environment variables by which a service manager says what it does: `platform/systemd.ts`. */
const SUPERVISION_VARIABLES = [
  "CREDENTIALS_DIRECTORY",
  "LISTEN_FDNAMES",
  "LISTEN_FDS",
  "LISTEN_PID",
  "NOTIFY_SOCKET",
  "WATCHDOG_PID",
  "WATCHDOG_USEC",
] as const;
/** Environment variables that say how to talk to a person (no-color.org). */
const TERMINAL_VARIABLES = ["NO_COLOR", "TERM"] as const;

/** Environment variables that set up a share server: `share/settings.ts`. */
const SHARE_VARIABLES = [
  "CRYPTO_SHARE_CLIENT_BYTES",
  "CRYPTO_SHARE_CREATIONS_PER_MINUTE",
  "CRYPTO_SHARE_DATA",
  "CRYPTO_SHARE_DISK_BYTES",
  "CRYPTO_SHARE_LISTEN",
  "CRYPTO_SHARE_MANAGED",
  "CRYPTO_SHARE_MAX_BYTES",
  "CRYPTO_SHARE_MAX_TTL",
  "CRYPTO_SHARE_MAX_VIEWS",
  "CRYPTO_SHARE_METRICS",
  "CRYPTO_SHARE_ORIGIN",
  "CRYPTO_SHARE_PROXIES",
  "CRYPTO_SHARE_REQUESTS_PER_MINUTE",
  "CRYPTO_SHARE_STORE",
] as const;

/** Environment variables, all of AWS's own names, that a share server with a store there reads. */
export const AWS_VARIABLES = [
  "AWS_ACCESS_KEY_ID",
  "AWS_DEFAULT_REGION",
  "AWS_ENDPOINT_URL",
  "AWS_ENDPOINT_URL_DYNAMODB",
  "AWS_ENDPOINT_URL_S3",
  "AWS_REGION",
  "AWS_SECRET_ACCESS_KEY",
  "AWS_SESSION_TOKEN",
] as const;
/** Environment variables that AWS's SDK reads as it is loaded. None of them holds a secret. */
const SDK_VARIABLES = [
  "AWS_ENABLE_DEFAULT_SOCKET_TIMEOUT_2026",
  "AWS_LAMBDA_BENCHMARK_MODE",
  "AWS_LAMBDA_FUNCTION_NAME",
  "AWS_LAMBDA_MAX_CONCURRENCY",
  "AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA",
  "AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED",
  "_X_AMZN_TRACE_ID",
] as const;

/** The permissions of one role, in the words of Deno's permission sets. */
export interface Privileges {
  /** What the process starts with: enough to open what it was told to. */
  readonly start: PermissionSet;
  /** What is left when it reads its first input byte. */
  readonly working: PermissionSet;
}

/** `true`: all of that kind; a list: these; absent: none. */
export interface PermissionSet {
  readonly read?: boolean | readonly string[];
  readonly write?: boolean | readonly string[];
  readonly net?: boolean | readonly string[];
  readonly env?: readonly string[];
  readonly sys?: readonly string[];
  /** Programs, by absolute path. */
  readonly run?: readonly string[];
  readonly ffi?: boolean;
}

/** Where the system's own programs are, in the order in which they are searched. */
export const PROGRAM_DIRECTORIES = ["/usr/bin", "/usr/sbin", "/bin", "/sbin"] as const;

/** Wherever some of the system's own programs may be. */
export function systemPrograms(...names: readonly string[]): string[] {
  return names.flatMap((name) => PROGRAM_DIRECTORIES.map((directory) => `${directory}/${name}`));
}

/** The files that say which users and groups there are. */
export const ACCOUNTS = ["/etc/passwd", "/etc/group"] as const;

/** What installing and removing run. */
const INSTALLER_PROGRAMS = systemPrograms(
  "groupdel",
  "setpriv",
  "systemctl",
  "systemd-sysusers",
  "userdel",
);

/** Opens the files and the socket it is told, then holds nothing. */
const HANDLES_FIRST = {
  start: {
    read: true,
    write: true,
    net: true,
    env: [...PATH_VARIABLES, ...TERMINAL_VARIABLES],
    sys: ["uid", "gid"],
    ffi: true,
  },
  working: {},
} as const satisfies Privileges;

/** Asks for passphrases on a main thread that then holds nothing; a worker has the rest, by list. */
const ADMIN: Privileges = {
  start: {
    read: true,
    write: true,
    env: [...HANDLES_FIRST.start.env, WINDOWS_VARIABLE],
    sys: ["uid", "gid"],
    run: systemPrograms("systemctl", "systemd-creds"),
    ffi: true,
  },
  working: {},
};

/** Finds the socket and the paths that were named; a worker has those, by list. */
const REWRAPPER: Privileges = {
  start: {
    read: true,
    write: true,
    env: HANDLES_FIRST.start.env,
    sys: ["uid"],
    ffi: true,
  },
  working: {},
};

/** Finds the log, opens the file of published heads; a worker reads the log and the journal. */
const AUDIT: Privileges = {
  start: {
    read: true,
    env: HANDLES_FIRST.start.env,
    sys: ["uid", "gid"],
    run: systemPrograms("journalctl"),
    ffi: true,
  },
  working: {},
};

/** Reads the policy, and who the users and groups are, then holds nothing. */
const POLICY: Privileges = {
  start: { read: true, env: [...PATH_VARIABLES, ...TERMINAL_VARIABLES], sys: ["uid"] },
  working: {},
};

/** Looks at the way to every place, and starts the worker that {@link installerPrivileges} is for. */
const INSTALLER: Privileges = {
  start: {
    read: true,
    write: true,
    env: [...TERMINAL_VARIABLES],
    sys: ["uid", "statfs"],
    run: INSTALLER_PROGRAMS,
    ffi: true,
  },
  working: {},
};

/** Roles to privileges. */
export const PRIVILEGES = {
  encrypt: HANDLES_FIRST,
  decrypt: HANDLES_FIRST,
  mac: HANDLES_FIRST,
  "verify-mac": HANDLES_FIRST,
  random: { start: { env: [...TERMINAL_VARIABLES], ffi: true }, working: {} },
  key: HANDLES_FIRST,
  status: HANDLES_FIRST,
  unseal: HANDLES_FIRST,
  rewrap: REWRAPPER,
  reseal: ADMIN,
  backup: ADMIN,
  restore: ADMIN,
  audit: AUDIT,
  policy: POLICY,
  pki: {
    start: {
      read: true,
      write: true,
      env: ["HOME", "XDG_CONFIG_HOME", ...TERMINAL_VARIABLES],
      sys: ["uid"],
      ffi: true,
    },
    working: {},
  },
  gui: {
    start: {
      ...HANDLES_FIRST.start,
      env: ["CRYPTO_SHARE_SERVER", ...HANDLES_FIRST.start.env],
      run: systemPrograms("xdg-open"),
    },
    working: {},
  },
  completion: { start: {}, working: {} },
  serve: {
    start: {
      ...HANDLES_FIRST.start,
      env: [...HANDLES_FIRST.start.env, WINDOWS_VARIABLE, ...SUPERVISION_VARIABLES],
    },
    working: {},
  },
  install: INSTALLER,
  uninstall: INSTALLER,
  share: {
    start: {
      read: true,
      write: true,
      net: true,
      env: ["CRYPTO_SHARE_SERVER", "HOME", "XDG_STATE_HOME", ...TERMINAL_VARIABLES],
      sys: ["uid"],
      ffi: true,
    },
    working: {},
  },
  "share-lambda": { start: { read: true, write: true, env: [...TERMINAL_VARIABLES] }, working: {} },
  "share-attack": { start: { net: true, env: [...TERMINAL_VARIABLES] }, working: {} },
  "share-doctor": {
    start: { net: true, env: [...AWS_VARIABLES, ...SDK_VARIABLES, ...TERMINAL_VARIABLES] },
    working: {},
  },
  "share-serve": {
    start: {
      read: true,
      write: true,
      net: true,
      env: [
        ...["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"],
        ...SHARE_VARIABLES,
        ...AWS_VARIABLES,
        ...SDK_VARIABLES,
        ...TERMINAL_VARIABLES,
      ],
      sys: ["uid"],
    },
    working: {},
  },
  "share-nginx": { start: {}, working: {} },
  "network-nginx": { start: {}, working: {} },
} as const satisfies Record<string, Privileges>;

/** What a service manager hands to the daemon. */
export interface Passed {
  /** Whether the socket is. */
  readonly activated: boolean;
  /** Whether it serves the network alone, and knows no users: on Windows. */
  readonly isRemote?: boolean | undefined;
  /** The path of the sealing key's credential, if there is one. */
  readonly credential?: string | undefined;
  /** Paths of certificates, key and lists, where the daemon listens on the network. */
  readonly certificates?: readonly string[] | undefined;
}

/**
 * What the daemon's worker is given of its start, and what is left when it serves: its own places,
 * which {@link Layout} names, and who the users and groups are that a policy names. A system service that was handed its socket makes neither that nor
 * its first sealing key: it writes in its state directory alone.
 */
export function daemonPrivileges(
  layout: Layout,
  { activated, isRemote = false, credential, certificates = [] }: Passed,
) {
  const { configDirectory, stateDirectory, socket, metricsSocket } = layout;
  const ownSockets = activated || isRemote ? [] : [socket, metricsSocket];
  const ownConfig = ownsConfiguration(layout, activated) ? [configDirectory] : [];
  const working = {
    read: [
      configDirectory,
      stateDirectory,
      ...isRemote ? [] : ACCOUNTS,
      ...ownSockets,
      ...credential ? [credential] : [],
      ...certificates,
    ],
    write: [...ownConfig, stateDirectory, ...ownSockets],
  };
  return { start: { ...working, ffi: true }, working } satisfies Privileges;
}

/** Whether the daemon may write where the sealing key is. */
export function ownsConfiguration({ mode }: Layout, activated: boolean): boolean {
  return !activated || mode === "user";
}

/**
 * What the worker may do by which a command reaches a daemon on another machine.
 * @param server `HOST:PORT`
 */
export function serverPrivileges(server: string): PermissionSet {
  return { net: [server] };
}

/** What the worker of `crypto pki` may do: the authority's directory, with libraries at first. */
export function pkiPrivileges(directory: string) {
  const working = { read: [directory], write: [directory] };
  return { start: { ...working, ffi: true }, working } satisfies Privileges;
}

/** Directories below a root directory that installing and removing write in. */
const INSTALLER_WRITES = [
  "/usr/local/bin",
  "/usr/local/share/applications",
  "/etc/sysusers.d",
  "/etc/systemd/system",
  CREDENTIAL_STORE,
  SYSTEM_LAYOUT.configDirectory,
  SYSTEM_LAYOUT.stateDirectory,
  SYSTEM_LAYOUT.runtimeDirectory,
] as const;

/**
 * What the worker that installs and removes may do below a root directory ("" for the system
 * itself): with libraries at first, with which it gives files away, without when it works.
 * @param program the program that is running, which it copies, and runs for a backup
 */
export function installerPrivileges(root: string, program: string) {
  const write = INSTALLER_WRITES.map((path) => root + path);
  const accounts = ACCOUNTS.map((path) => root + path);
  const system = ["/run/systemd/system", program, ...INSTALLER_PROGRAMS];
  const working = {
    read: [...write, ...accounts, ...system],
    write,
    run: [...INSTALLER_PROGRAMS, program],
  };
  return { start: { ...working, ffi: true }, working } satisfies Privileges;
}

/**
 * What the worker of a share server may do: its data directory and its listen addresses. It cannot
 * reach out.
 *
 * @param listen `host:port` or `unix:/path` of each listener
 */
export function sharePrivileges(data: string, listen: readonly string[]): PermissionSet {
  const sockets = socketsOf(listen);
  return { read: [data, ...sockets], write: [data, ...sockets], net: listen };
}

/** The files of those that are Unix sockets. */
function socketsOf(listen: readonly string[]): string[] {
  return listen.flatMap((address) => /^unix:(.*)$/.exec(address)?.[1] ?? []);
}

/**
 * The same where the store is on AWS: its listen addresses, and the two services of AWS's. Who
 * examines these listens nowhere.
 *
 * @param origins `https://HOST[:PORT]` of DynamoDB and of the bucket
 */
export function awsSharePrivileges(
  origins: readonly string[],
  listen: readonly string[],
): PermissionSet {
  const sockets = socketsOf(listen);
  const net = [...listen, ...origins.map(hostOf)];
  return { read: sockets, write: sockets, net, env: SDK_VARIABLES };
}

/**
 * What the worker of `share send`, `open` and their like is given: one server and the storage that
 * it has named, the files that were named, and the directory that files go to. It gives up `ffi`
 * before it asks anything.
 *
 * @param origins `https://HOST[:PORT]` of the server and of its storage, if it has one
 */
export function shareClientPrivileges(
  origins: readonly string[],
  { read = [], directory = [] }: {
    readonly read?: readonly string[];
    readonly directory?: readonly string[];
  },
) {
  const net = origins.map(hostOf);
  const working = { net, read: [...read, ...directory], write: [...directory] };
  return { start: { ...working, ffi: true }, working } satisfies Privileges;
}

/**
 * What the worker of `crypto gui` is given: one port of this machine, the directory of the page that
 * it hands over, and what sending a link reaches. It gives up `ffi` when it can connect to the
 * daemon's one socket, before it listens.
 *
 * @param listen `127.0.0.1:PORT`
 * @param origins `https://HOST[:PORT]` of the share server and of its storage, if it has one
 */
export function guiPrivileges(listen: string, directory: string, origins: readonly string[]) {
  const net = [listen, ...origins.map(hostOf)];
  const working = { net, read: [directory], write: [directory] };
  return { start: { ...working, ffi: true }, working } satisfies Privileges;
}

/** What the worker may do that opens the browser: run the one program for that. */
export function browserPrivileges(): PermissionSet {
  const programs = systemPrograms("xdg-open");
  return { read: programs, run: programs };
}

/** What the worker that encrypts and decrypts beside the main thread may do: load libraries. */
export const LANE: PermissionSet = { ffi: true };

/**
 * What the worker of `rewrap` may do: read and write the files and directories that were named, and
 * what it puts beside those files, and sync the directories of these. The daemon's socket it dials
 * by the one function that is bound to it.
 */
export function rewrapPrivileges(
  named: readonly string[],
  { beside, parents }: { readonly beside: readonly string[]; readonly parents: readonly string[] },
) {
  const write = [...named, ...beside];
  const working = { read: [...write, ...parents], write };
  return { start: { ...working, ffi: true }, working } satisfies Privileges;
}

/** What the worker of `share attack` may do: reach the servers that it attacks. */
export function shareAttackPrivileges(origins: readonly string[]): PermissionSet {
  return { net: origins.map(hostOf) };
}

/** Host and port of an origin: this one host, since what is not an origin is not given out. */
function hostOf(origin: string): string {
  const parts = originParts(origin);
  if (!parts) throw new RangeError("no host can be named by what is not an origin");
  return `${parts.host}:${parts.port}`;
}
