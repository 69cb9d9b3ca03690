/**
 * What is done before the daemon's worker starts, while the process may still look at every
 * directory: finding the layout, making the user's directories, checking who else could write.
 */
import { CryptoError } from "../core/errors.ts";
import {
  CREDENTIAL,
  type Layout,
  moved,
  SYSTEM_LAYOUT,
  userLayout,
  windowsLayout,
  withSocket,
} from "../core/layout.ts";
import { exists } from "../platform/durable.ts";
import { IS_WINDOWS } from "../platform/library.ts";
import { readSupervision } from "../platform/systemd.ts";
import { loopbackBytes } from "../platform/loopback.ts";
import { requireSecretFile, requireTrustedDirectory } from "../platform/trust.ts";
import { readConfig } from "./config.ts";
import type { DaemonOptions } from "./daemon.ts";
import type { OverflowIds } from "./identity.ts";
import { type NetworkPlaces, placeNetwork } from "./network.ts";

/** What the command line says. */
export interface ServeFlags {
  readonly system: boolean;
  readonly socket?: string | undefined;
  /** `tls://ADDRESS:PORT` */
  readonly listen?: string | undefined;
}

const IS_LINUX = Deno.build.os === "linux";
const NO_LIST_WARNING = "no list of revoked certificates: a stolen one is good until it expires; " +
  "set network.revoked";

const USER_WARNING = "started by a user for that user: it guards the keys against other users, " +
  "not against the user's own programs";
const USER_WARNINGS = IS_LINUX
  ? [`${USER_WARNING}; \`crypto serve --system\` under a user of its own does`]
  : [USER_WARNING, "nobody who wrote this has run it on this system: see docs/systems.md"];

/**
 * Finds and checks everything that the daemon will use.
 * @throws {CryptoError} `unsafe_path` if others could read or replace a key; `config`, also for
 * what the service manager should not have passed in
 */
export function prepare(flags: ServeFlags, version: string): DaemonOptions {
  const [uid, gid] = [Deno.uid() ?? 0, Deno.gid() ?? 0];
  const overflow = readOverflowIds();
  if (uid === overflow.uid) throw new CryptoError("no_identity", { subject: "serve" });
  const supervision = readSupervision(readEnv, Deno.pid);
  const layout = trustedLayout(findLayout(flags), uid, supervision.listeners.length > 0);
  const credential = findCredential(flags, layout);
  for (const secret of secretsOf(layout)) requireSecretIfThere(secret, uid);
  const config = readConfig(layout.config, uid).network;
  const directory = layout.configDirectory;
  const network = placeNetwork(config, flags.listen, { directory, uid });
  if (IS_WINDOWS) requireOwnNetwork(network);
  return {
    layout,
    credential,
    owner: { uid, group: flags.system ? gid : undefined },
    overflow,
    supervision,
    network,
    version,
    warnings: [
      ...flags.system ? [] : USER_WARNINGS,
      ...network && !network.revoked ? [NO_LIST_WARNING] : [],
    ],
  };
}

/** On Windows the log is the user's as well, and made by whatever rights its directory hands down. */
function secretsOf(layout: Layout): string[] {
  const { sealingKey, lockedSealingKey, dpapiSealingKey, ring, auditLog, contextKey } = layout;
  const everywhere = [sealingKey, lockedSealingKey, ring];
  return IS_WINDOWS ? [...everywhere, dpapiSealingKey, auditLog, contextKey] : everywhere;
}

/** @throws {CryptoError} `config` for a network that is none, or others' too */
function requireOwnNetwork(network: NetworkPlaces | undefined): void {
  if (network) return void loopbackBytes(network.listen);
  const hint =
    "on Windows the daemon is reached by TLS alone: --listen tls://127.0.0.1:7400, with " +
    "certificates as docs/systems.md says";
  throw new CryptoError("config", { subject: "--listen", hint });
}

/** Where Windows' protection has the sealing key, or where the service manager gave it. */
function findCredential({ system }: ServeFlags, layout: Layout): string | undefined {
  if (IS_WINDOWS) return layout.dpapiSealingKey;
  return system ? passedCredential() : undefined;
}

/** The sealing key as the service manager gave it, where it gave one; systemd.exec(5). */
function passedCredential(): string | undefined {
  const directory = readEnv("CREDENTIALS_DIRECTORY");
  const path = `${directory}/${CREDENTIAL}`;
  return directory?.startsWith("/") && exists(path) ? path : undefined;
}

/**
 * The layout with its directories made, checked, and without symbolic links on their way. The
 * directory of a socket that is passed in is the business of whoever made that.
 */
function trustedLayout(layout: Layout, uid: number, activated: boolean): Layout {
  const { configDirectory, stateDirectory, runtimeDirectory } = layout;
  const trusted = (directory: string) => {
    makeDirectory(directory, layout);
    return requireTrustedDirectory(directory, [uid]);
  };
  return moved(
    layout,
    trusted(configDirectory),
    trusted(stateDirectory),
    activated ? runtimeDirectory : trusted(runtimeDirectory),
  );
}

function findLayout({ system, socket }: ServeFlags): Layout {
  if (IS_WINDOWS) return findWindowsLayout({ system, socket });
  if (socket !== undefined && !socket.startsWith("/")) {
    throw new CryptoError("usage", { subject: "--socket", hint: "give an absolute path" });
  }
  if (system) return withSocket(systemLayout(), socket);
  return userLayout(readEnv, socket);
}

function findWindowsLayout({ system, socket }: Omit<ServeFlags, "listen">): Layout {
  if (!system && socket === undefined) return windowsLayout(readEnv);
  const hint = "on Windows there is no such service and no such socket: use --listen";
  throw new CryptoError("usage", { subject: system ? "--system" : "--socket", hint });
}

function systemLayout(): Layout {
  if (IS_LINUX) return SYSTEM_LAYOUT;
  const hint = "a system's service is for Linux: on this system a user starts it for that user";
  throw new CryptoError("config", { subject: "--system", hint });
}

function readEnv(name: string): string | undefined {
  return Deno.env.get(name);
}

/** Makes a directory of the user's. The system's are made by its administrator. */
function makeDirectory(path: string, { mode }: Layout): void {
  try {
    if (mode === "user") Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
    else Deno.statSync(path);
  } catch (cause) {
    const hint = mode === "user"
      ? "the directory cannot be made: check the owner and the mode of the one above it"
      : "the directory is missing: make it, owned by the service's user";
    throw new CryptoError("config", { subject: path, hint, cause });
  }
}

function requireSecretIfThere(path: string, uid: number): void {
  try {
    requireSecretFile(path, [uid]);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The kernel's overflow ids; where they cannot be read, the value they have had since 2.4. */
function readOverflowIds(): OverflowIds {
  const read = (name: string) => {
    try {
      return Number(Deno.readTextFileSync(`/proc/sys/kernel/${name}`));
    } catch {
      return 65_534;
    }
  };
  return { uid: read("overflowuid"), gid: read("overflowgid") };
}
