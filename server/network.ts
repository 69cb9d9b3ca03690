/** The section `[network]` of the configuration file, and the files that it names. */
import { CryptoError } from "../core/errors.ts";
import { parent } from "../core/layout.ts";
import type { TomlNode, TomlValue } from "../core/toml.ts";
import { absolutePath } from "../platform/paths.ts";
import type { TcpAddress } from "../platform/tcp.ts";
import type { TlsMaterial } from "../platform/tls.ts";
import {
  requireSecretFile,
  requireTrustedDirectory,
  requireTrustedFile,
} from "../platform/trust.ts";
import { type Section, wrong } from "./config.ts";
import { readSecret } from "./durable.ts";
import { isCertificateName } from "./identity.ts";

/** What the section sets. */
export interface NetworkConfig {
  /** `tls://ADDRESS:PORT`, unless the command line says where. */
  readonly listen?: string | undefined;
  /** Files, relative to that of the configuration. */
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  readonly ca?: string | undefined;
  readonly revoked?: string | undefined;
  /** Names of certificates that may use the keys: `URI:…`, `DNS:…`, `SHA256:…`. */
  readonly clients: readonly string[];
}

/** Where the daemon listens on the network, and its files: absolute, and trusted on their way. */
export interface NetworkPlaces {
  readonly listen: TcpAddress;
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
  readonly revoked?: string | undefined;
}

const MAX_FILE_BYTES = 16 * 1024 * 1024;
const ADDRESS = /^tls:\/\/(?:(\d+\.\d+\.\d+\.\d+)|\[([0-9a-fA-F:.]+)\]):(\d{1,5})$/;
const FILES = ["certificate", "key", "ca", "revoked"] as const;

/** Reads the section. @throws {CryptoError} `config` */
export function readNetwork(section: Section): NetworkConfig {
  const set: { -readonly [K in keyof NetworkConfig]: NetworkConfig[K] } = { clients: [] };
  for (const { key, value, subject } of section) {
    if (key === "clients") {
      set.clients = readClients(value, subject);
    } else if (key === "listen") {
      if (typeof value !== "string" || !ADDRESS.test(value)) {
        throw wrong(subject, 'is to be like "tls://192.0.2.1:7400"');
      }
      set.listen = value;
    } else {
      const file = FILES.find((name) => name === key);
      if (!file) throw wrong(subject, `is not known: use listen, ${FILES.join(", ")}, clients`);
      if (typeof value !== "string" || value === "") {
        throw wrong(subject, "is to be the path of a file");
      }
      set[file] = value;
    }
  }
  return set;
}

function readClients(value: TomlValue, subject: string): string[] {
  const names = Array.isArray(value) ? value.map((one: TomlNode) => one.value) : undefined;
  if (names?.every(isCertificateName)) return names;
  throw wrong(subject, 'is to be a list of names like "URI:…", "DNS:…", "SHA256:…"');
}

/**
 * Where to listen, if anywhere.
 * @param told by the command line
 * @param directory that of the configuration file
 * @throws {CryptoError} `usage`, `config`; `unsafe_path` if others could replace a file
 */
export function placeNetwork(
  config: NetworkConfig,
  told: string | undefined,
  { directory, uid }: { readonly directory: string; readonly uid: number },
): NetworkPlaces | undefined {
  const listen = told ?? config.listen;
  if (listen === undefined) return undefined;
  const place = (name: typeof FILES[number]) => {
    const path = config[name];
    if (path === undefined) throw missing(name);
    return trustedPath(absolutePath(path, directory), uid);
  };
  return {
    listen: readAddress(listen),
    certificate: place("certificate"),
    key: place("key"),
    ca: place("ca"),
    revoked: config.revoked === undefined ? undefined : place("revoked"),
  };
}

/** The paths of all files. */
export function filesOf({ certificate, key, ca, revoked }: NetworkPlaces): string[] {
  return [certificate, key, ca, ...revoked === undefined ? [] : [revoked]];
}

function missing(name: string): CryptoError {
  const hint = "the network mode needs certificate, key and ca in the section [network] of " +
    "crypto.toml: see docs/network.md";
  return new CryptoError("config", { subject: `network.${name}`, hint });
}

/** The path of a file in a directory in which nobody else can put another one. */
function trustedPath(path: string, uid: number): string {
  try {
    return `${requireTrustedDirectory(parent(path), [uid])}/${
      path.slice(path.lastIndexOf("/") + 1)
    }`;
  } catch (cause) {
    throw unreadable(path, cause);
  }
}

function unreadable(path: string, cause?: unknown): CryptoError {
  if (cause instanceof CryptoError) return cause;
  const forbidden = cause instanceof Deno.errors.PermissionDenied;
  const hint = forbidden
    ? "the daemon's user may not read it, or may not enter a directory on the way to it"
    : "it is not there";
  return new CryptoError("config", { subject: path, hint, cause });
}

/** `tls://ADDRESS:PORT`. @throws {CryptoError} `usage` */
export function readAddress(text: string): TcpAddress {
  const [, four, six, digits] = ADDRESS.exec(text) ?? [];
  const [host, port] = [four ?? six, Number(digits)];
  if (host !== undefined && port < 65_536) return { host, port };
  const hint = "give an address and a port, such as tls://192.0.2.1:7400 or tls://[::]:7400";
  throw new CryptoError("usage", { subject: text, hint });
}

/**
 * Reads the files.
 * @throws {CryptoError} `unsafe_path` if others could read the key or write any of them; `config`
 */
export function readMaterial(places: NetworkPlaces, uid: number): TlsMaterial {
  const read = (path: string, require: typeof requireTrustedFile) => {
    try {
      require(path, [uid]);
    } catch (cause) {
      throw unreadable(path, cause);
    }
    const bytes = readSecret(path, MAX_FILE_BYTES);
    if (bytes) return bytes;
    throw unreadable(path);
  };
  return {
    certificate: read(places.certificate, requireTrustedFile),
    key: read(places.key, requireSecretFile),
    ca: read(places.ca, requireTrustedFile),
    revoked: places.revoked === undefined ? undefined : read(places.revoked, requireTrustedFile),
  };
}
