/** Finding the daemon's socket, and making sure that it is the daemon's. Deno only. */
import { CryptoError } from "../core/errors.ts";
import { clientSocket, SERVICE_USER, SYSTEM_LAYOUT } from "../core/layout.ts";
import { requireTrustedSocket } from "../platform/trust.ts";
import { unreachable } from "./transport.ts";

/**
 * The path of the socket to use, checked: it and every directory above it belong to root, the
 * service or this user, and nobody else can write there. What cannot be checked is not connected to:
 * it could be there a moment later.
 *
 * @param told by the command line
 * @throws {CryptoError} `unsafe_path`, `config`; `unavailable` if it is not there or not to be seen
 */
export function locateSocket(told?: string): string {
  if (!told && !Deno.env.get("CRYPTO_SOCKET")) requireDaemons();
  // Not looked for where it does not matter: what is not there is told by an exception.
  const systemConfigured = !told && exists(SYSTEM_LAYOUT.configDirectory);
  const path = clientSocket((name) => Deno.env.get(name), { told, systemConfigured });
  try {
    return requireTrustedSocket(path, [Deno.uid() ?? 0, ...serviceUid()]);
  } catch (cause) {
    throw cause instanceof CryptoError ? cause : unreachable(path, cause);
  }
}

/** @throws {CryptoError} `unavailable` where no daemon has such a socket: on Windows, say */
export function requireDaemons(): void {
  if (Deno.build.os === "linux" || Deno.build.os === "darwin") return;
  const hint =
    "on this system a daemon is reached by TLS alone, here or on another machine: name " +
    "it by --server tls://HOST:PORT or CRYPTO_SERVER";
  throw new CryptoError("unavailable", { subject: Deno.build.os, hint });
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
