/**
 * What an operator may set of a share server: each setting once, in one table. A flag goes before
 * the environment, that before the file, that before the default.
 */
import { CryptoError } from "../core/errors.ts";
import { MAX_BYTES, REQUESTS_PER_MINUTE } from "../core/share/limits.ts";
import { requireOrigin } from "../core/share/origin.ts";
import { canonicalAddress } from "./client.ts";

/** One setting: a text, a whole number within bounds, or yes or no. */
export interface Setting {
  readonly default?: string | number | boolean;
  readonly range?: readonly [least: number, most: number];
  readonly meaning: string;
}

/** The settings by their names here; see {@link nameInFile}. docs/operations.md shows this table. */
export const SETTINGS = {
  listen: { default: "127.0.0.1:8787", meaning: "address and port, or unix:PATH, to listen on" },
  origin: {
    meaning:
      "where people reach it: https://HOST, or http on this machine; else the listen address",
  },
  data: { meaning: "directory for its files; else crypto/share in XDG_DATA_HOME" },
  store: { meaning: "where secrets are kept instead: dynamodb://TABLE?bucket=BUCKET" },
  metrics: { meaning: "the same of a second listener, for /metrics alone; else none" },
  proxies: {
    default: "",
    meaning:
      "addresses of proxies whose X-Forwarded-For is believed, with commas; unix for a socket's",
  },
  maxTtl: {
    default: 2_592_000,
    range: [60, 2_592_000],
    meaning: "seconds that a secret may be kept",
  },
  maxViews: { default: 100, range: [1, 100], meaning: "readers that a secret may have" },
  maxBytes: {
    default: MAX_BYTES,
    range: [1, 1_000_000_000_000],
    meaning: "bytes of one secret, encrypted",
  },
  diskBytes: {
    default: 20_000_000_000,
    range: [1, 1_000_000_000_000_000],
    meaning: "bytes of all secrets together",
  },
  clientBytes: {
    default: 5_000_000_000,
    range: [1, 1_000_000_000_000_000],
    meaning: "bytes of the secrets of one client",
  },
  requestsPerMinute: {
    default: REQUESTS_PER_MINUTE,
    range: [1, 10_000_000],
    meaning: "calls (POST) of one client: the page's own files are not counted",
  },
  creationsPerMinute: {
    default: 60,
    range: [1, 10_000_000],
    meaning: "new secrets of one client",
  },
  managed: {
    default: false,
    meaning: "take secrets from curl at /managed, where this server sees what they say",
  },
} as const satisfies Record<string, Setting>;

/** The name of a setting. */
export type SettingName = keyof typeof SETTINGS;
/** What was set, by whatever means; where there is text alone, a switch is `true` or `false`. */
export type Given = Partial<Record<SettingName, string | boolean>>;
type Value<S> = S extends { default: number } ? number
  : S extends { default: boolean } ? boolean
  : S extends { default: string } ? string
  : string | undefined;
/** What flags set: a switch is there or not, the others are text. */
export type SettingFlags = {
  readonly [N in SettingName]?: (typeof SETTINGS)[N] extends { default: boolean } ? boolean
    : string;
};
/** All settings, checked. */
export type Settings = { readonly [N in SettingName]: Value<(typeof SETTINGS)[N]> };

/** All of them. */
export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

/** A setting's name in the file. */
export function nameInFile(name: SettingName): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The environment variable of a setting. */
export function variableOf(name: SettingName): string {
  return `CRYPTO_SHARE_${nameInFile(name).toUpperCase()}`;
}

/** What the environment sets. */
export function fromEnvironment(read: (name: string) => string | undefined): Given {
  const set = SETTING_NAMES.map((name) => [name, read(variableOf(name))] as const);
  return Object.fromEntries(set.filter(([, value]) => value !== undefined));
}

/**
 * The settings, from what was given, most important first.
 * @throws {CryptoError} `config`, naming the setting and what is allowed
 */
export function settingsOf(...given: readonly Given[]): Settings {
  const values = SETTING_NAMES.map((name) => {
    const setting: Setting = SETTINGS[name];
    const value = given.find((set) => set[name] !== undefined)?.[name];
    return [name, value === undefined ? setting.default : read(String(value), name, setting)];
  });
  return Object.fromEntries(values) as Settings;
}

function read(text: string, name: string, setting: Setting): string | number | boolean {
  if (setting.range) return wholeNumber(text, name, setting.range);
  return typeof setting.default === "boolean" ? yesOrNo(text, name) : text;
}

function yesOrNo(text: string, name: string): boolean {
  if (text === "true" || text === "false") return text === "true";
  throw wrong(name, "it is to be true or false");
}

function wholeNumber(text: string, name: string, [least, most]: readonly [number, number]): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  throw wrong(name, `it is to be a whole number from ${least} to ${most}`);
}

/** A host and a port. */
export interface InetAddress {
  readonly hostname: string;
  readonly port: number;
}

/** A Unix socket, by its absolute path. */
export interface UnixAddress {
  readonly path: string;
}

/** Whoever connects to a Unix socket, which shows no address. */
export const UNIX_PEER = "unix";

/** Where a server listens. */
export type Address = InetAddress | UnixAddress;

/** Bytes that the path of a Unix socket may have: `sun_path` without its NUL. */
const MAX_SOCKET_PATH = 107;

/**
 * Reads `host:port`, `[host]:port` of IPv6, or `unix:/path`.
 * @throws {CryptoError} `config`
 */
export function parseAddress(text: string, name: SettingName): Address {
  const path = /^unix:((?:\/[\w.@+-]+)+)$/.exec(text)?.[1];
  if (path !== undefined && path.length <= MAX_SOCKET_PATH) return { path };
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(text);
  const port = Number(parts?.[3]);
  const hostname = parts?.[1] ?? parts?.[2];
  if (hostname !== undefined && port <= 65_535) return { hostname, port };
  throw wrong(name, "it is to be such as 127.0.0.1:8787 or unix:/run/crypto-share/share.sock");
}

/** An address as it was written. */
export function formatAddress(address: Address): string {
  if ("path" in address) return `unix:${address.path}`;
  const { hostname, port } = address;
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** An origin whose links this program opens. @throws {CryptoError} `config` */
export function parseOrigin(text: string): string {
  try {
    return requireOrigin(text);
  } catch {
    throw wrong("origin", "it is to be https://HOST[:PORT]; http is for this machine only");
  }
}

/** The peers whose forwarded addresses are believed. @throws {CryptoError} `config` */
export function parseProxies(text: string): ReadonlySet<string> {
  const names = text.split(",").map((name) => name.trim());
  return new Set(names.filter((name) => name !== "").map(parseProxy));
}

function parseProxy(name: string): string {
  const proxy = name === UNIX_PEER ? name : canonicalAddress(name);
  if (proxy !== undefined) return proxy;
  throw wrong("proxies", "they are to be IP addresses, or unix for who comes by the socket");
}

/** An error about a setting. */
export function wrong(subject: string, hint: string): CryptoError {
  return new CryptoError("config", { subject, hint });
}
