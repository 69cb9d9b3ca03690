/** Finding the daemon's socket, and making sure that it is the daemon's. Deno only. */
import { clientSocket, SERVICE_USER, SYSTEM_LAYOUT } from "../core/layout.ts";
import { requireTrustedSocket } from "../platform/trust.ts";

/**
 * The path of the socket to use, checked: it and every directory above it belong to root, the
 * service or this user, and nobody else can write there. A socket that is not there is left for
 * the connection to report.
 *
 * @param told by the command line
 * @throws {CryptoError} `unsafe_path`, `config`
 */
export function locateSocket(told?: string): string {
  const systemConfigured = exists(SYSTEM_LAYOUT.configDirectory);
  const path = clientSocket((name) => Deno.env.get(name), { told, systemConfigured });
  if (exists(path)) requireTrustedSocket(path, [Deno.uid() ?? 0, ...serviceUid()]);
  return path;
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    // A directory that this user may not look into is there.
    return !(error instanceof Deno.errors.NotFound);
  }
}

/** The service's user id, from the database of local users. */
function serviceUid(): number[] {
  try {
    const entries = Deno.readTextFileSync("/etc/passwd").split("\n");
    const entry = entries.find((line) => line.startsWith(`${SERVICE_USER}:`));
    return entry ? [Number(entry.split(":")[2])] : [];
  } catch {
    return [];
  }
}
