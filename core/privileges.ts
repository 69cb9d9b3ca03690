/**
 * What each subcommand may do: the table that drives the process, that `deno.json`'s permission
 * sets repeat for running from source (a test compares them), and that docs/privileges.md shows.
 */

/** Environment variables that say where things are. */
const PATH_VARIABLES = [
  "CRYPTO_SOCKET",
  "HOME",
  "XDG_CONFIG_HOME",
  "XDG_RUNTIME_DIR",
  "XDG_STATE_HOME",
] as const;
/** Environment variables that say how to talk to a person (no-color.org). */
const TERMINAL_VARIABLES = ["NO_COLOR", "TERM"] as const;

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
  readonly ffi?: boolean | readonly string[];
  readonly run?: readonly string[];
}

/** Opens the files and the socket it is told, then holds nothing. */
const HANDLES_FIRST: Privileges = {
  start: {
    read: true,
    write: true,
    net: true,
    env: [...PATH_VARIABLES, ...TERMINAL_VARIABLES],
    sys: ["uid", "gid"],
    ffi: true,
  },
  working: {},
};

/** A placeholder for one of the daemon's own directories, which are known when it starts. */
export type OwnDirectory = "<config>" | "<state>" | "<runtime>";

/** Roles to privileges. */
export const PRIVILEGES = {
  encrypt: HANDLES_FIRST,
  decrypt: HANDLES_FIRST,
  key: HANDLES_FIRST,
  status: HANDLES_FIRST,
  serve: {
    start: {
      read: true,
      write: true,
      net: true,
      env: [...PATH_VARIABLES, ...TERMINAL_VARIABLES],
      sys: ["uid", "gid"],
      ffi: true,
    },
    working: {
      read: ["<config>", "<state>", "<runtime>"],
      write: ["<config>", "<state>", "<runtime>"],
    },
  },
} as const satisfies Record<string, Privileges>;

/** A role with privileges of its own. */
export type Role = keyof typeof PRIVILEGES;

/** The name of the worker that the daemon runs in, by which the program knows that it is one. */
export const DAEMON_WORKER = "crypto-serve";
