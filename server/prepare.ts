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
  withSocket,
} from "../core/layout.ts";
import { exists } from "../platform/durable.ts";
import { readSupervision } from "../platform/systemd.ts";
import { requireSecretFile, requireTrustedDirectory } from "../platform/trust.ts";
import { readConfig } from "./config.ts";
import type { DaemonOptions } from "./daemon.ts";
import type { OverflowIds } from "./identity.ts";
import { placeNetwork } from "./network.ts";

/** What the command line says. */
export interface ServeFlags {
  readonly system: boolean;
  readonly socket?: string | undefined;
  /** `tls://ADDRESS:PORT` */
  readonly listen?: string | undefined;
}

const NO_LIST_WARNING = "no list of revoked certificates: a stolen one is good until it expires; " +
  "set network.revoked";

const USER_WARNING = "started by a user for that user: it guards the keys against other users, " +
  "not against the user's own programs";
const USER_WARNINGS = Deno.build.os === "linux"
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
  const secrets = [layout.sealingKey, layout.lockedSealingKey, layout.ring];
  for (const secret of secrets) requireSecretIfThere(secret, uid);
  const config = readConfig(layout.config, uid).network;
  const directory = layout.configDirectory;
  const network = placeNetwork(config, flags.listen, { directory, uid });
  return {
    layout,
    credential: flags.system ? findCredential() : undefined,
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

/** The sealing key as the service manager gave it, where it gave one; systemd.exec(5). */
function findCredential(): string | undefined {
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
  if (socket !== undefined && !socket.startsWith("/")) {
    throw new CryptoError("usage", { subject: "--socket", hint: "give an absolute path" });
  }
  if (system) return withSocket(systemLayout(), socket);
  return userLayout(readEnv, socket);
}

function systemLayout(): Layout {
  if (Deno.build.os === "linux") return SYSTEM_LAYOUT;
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
