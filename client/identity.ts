/** Which daemon a command asks, and as whom. Deno only. */
import { CryptoError } from "../core/errors.ts";
import { configHome } from "../core/layout.ts";
import {
  requireSecretFile,
  requireTrustedDirectory,
  requireTrustedFile,
} from "../platform/trust.ts";
import type { ClientIdentity } from "./network.ts";

/** What the command line says of the daemon. */
export interface DaemonFlags {
  /** Path of its socket. */
  readonly socket?: string | undefined;
  /** `tls://HOST:PORT` of one on another machine. */
  readonly server?: string | undefined;
  /** The directory of the certificate to show there. */
  readonly identity?: string | undefined;
}

/** The names of an identity's files. `crypto pki issue` makes them. */
const FILES = { certificate: "cert.pem", key: "key.pem", ca: "ca.pem" } as const;

/**
 * The server to ask: as the command line says, else `CRYPTO_SERVER`. Undefined for the daemon of
 * this machine.
 * @throws {CryptoError} `usage` if both are named
 */
export function findServer({ socket, server, identity }: DaemonFlags): string | undefined {
  const told = socket !== undefined && server !== undefined;
  const [givenSocket, givenServer] = ["CRYPTO_SOCKET", "CRYPTO_SERVER"].map((name) => {
    return Deno.env.get(name) || undefined;
  });
  const given = socket === undefined && server === undefined && givenSocket && givenServer;
  if (told || given) {
    const names = told ? "--socket and --server" : "CRYPTO_SOCKET and CRYPTO_SERVER";
    throw new CryptoError("usage", { hint: `${names} exclude each other` });
  }
  const found = server ?? (socket === undefined ? givenServer : undefined);
  if (found === undefined && identity !== undefined) {
    throw new CryptoError("usage", { subject: "--identity", hint: "it is for --server" });
  }
  return found;
}

/**
 * Reads an identity. The key must be nobody else's to read.
 * @param told the directory, by the command line; else `CRYPTO_IDENTITY`, else the user's own
 * @throws {CryptoError} `unsafe_path`, `config`
 */
export function readIdentity(told: string | undefined): ClientIdentity {
  const env = (name: string) => Deno.env.get(name) || undefined;
  const named = told ?? env("CRYPTO_IDENTITY") ?? `${configHome(env)}/crypto/identity`;
  const owners = [Deno.uid() ?? 0];
  try {
    const directory = requireTrustedDirectory(named, owners);
    const read = (name: string, require: typeof requireTrustedFile) => {
      require(`${directory}/${name}`, owners);
      return Deno.readTextFileSync(`${directory}/${name}`);
    };
    return {
      certificate: read(FILES.certificate, requireTrustedFile),
      key: read(FILES.key, requireSecretFile),
      ca: read(FILES.ca, requireTrustedFile),
    };
  } catch (cause) {
    if (cause instanceof CryptoError) throw cause;
    const hint = `an identity is a directory with ${Object.values(FILES).join(", ")}: name it ` +
      "with --identity or CRYPTO_IDENTITY";
    throw new CryptoError("config", { subject: named, hint, cause });
  }
}
