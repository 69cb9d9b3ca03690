/**
 * What is done before the share server's worker starts, while the process may still look around:
 * reading the settings, making its directory, checking who else could look into it.
 */
import { CryptoError } from "../core/errors.ts";
import { isLoopback } from "../core/share/origin.ts";
import { parseToml, TomlError, type TomlTable } from "../core/toml.ts";
import { requireTrustedFile } from "../platform/trust.ts";
import { LARGEST_BODY } from "./aws/limits.ts";
import { type AwsPlace, awsPlace } from "./aws/place.ts";
import { ownDirectory, userDirectory } from "./directories.ts";
import {
  type Address,
  formatAddress,
  fromEnvironment,
  type Given,
  nameInFile,
  parseAddress,
  parseOrigin,
  parseProxies,
  SETTING_NAMES,
  type SettingFlags,
  type Settings,
  settingsOf,
  wrong,
} from "./settings.ts";

/** What the command line says. */
export interface ServeFlags extends SettingFlags {
  /** The file with settings. */
  readonly config?: string;
}

/** Where secrets are kept: in a directory, without symbolic links on its way, or on AWS. */
export type StorePlace = { readonly directory: string } | { readonly aws: AwsPlace };

/** Everything the worker is told. */
export interface ServerOptions {
  readonly settings: Settings;
  readonly store: StorePlace;
  readonly listen: Address;
  /** Absent: where it listens, which is on this machine alone. */
  readonly origin?: string | undefined;
  readonly metrics?: Address | undefined;
  /** Peers whose forwarded addresses are believed. */
  readonly proxies: ReadonlySet<string>;
}

/**
 * Finds and checks everything the server will use.
 * @throws {CryptoError} `config`; `unsafe_path` if others could look into the directory
 */
export function prepare({ config, ...flags }: ServeFlags): ServerOptions {
  const given = [flags, fromEnvironment(readEnv), readFile(config)];
  const settings = settingsOf(...given);
  const { origin, metrics, store } = settings;
  const listen = parseAddress(settings.listen, "listen");
  if (origin === undefined) requireLoopback(listen);
  return {
    settings,
    store: store === undefined
      ? { directory: ownDirectory(settings.data ?? `${dataHome()}/crypto/share`) }
      : { aws: awsPlaceOf(store, settings, given) },
    listen,
    origin: origin === undefined ? undefined : parseOrigin(origin),
    metrics: metrics === undefined ? undefined : parseAddress(metrics, "metrics"),
    proxies: parseProxies(settings.proxies),
  };
}

/** Where a server listens for others too, links would begin with what nobody else can reach. */
function requireLoopback(listen: Address): void {
  const url = "path" in listen ? null : URL.parse(`http://${formatAddress(listen)}`);
  if (url && isLoopback(url.hostname)) return;
  const hint = "who listens elsewhere than on a loopback address is to say where people reach it";
  throw wrong("origin", hint);
}

/** A place on AWS. What such a store cannot keep to is refused, not ignored. */
function awsPlaceOf(store: string, { maxBytes }: Settings, given: readonly Given[]) {
  for (const name of ["data", "diskBytes"] as const) {
    if (!given.some((set) => set[name] !== undefined)) continue;
    throw wrong(name, "a store on AWS has no directory and counts no total: leave it out");
  }
  if (maxBytes <= LARGEST_BODY) return awsPlace(store, readEnv);
  throw wrong("maxBytes", `a store on AWS takes at most ${LARGEST_BODY}`);
}

function readEnv(name: string): string | undefined {
  return Deno.env.get(name);
}

const HINT = "set it, or use --data and --config";

function dataHome(): string {
  return userDirectory("XDG_DATA_HOME", ".local/share", HINT);
}

/** The file that was named, which must be there, else the user's, which need not be. */
function readFile(named: string | undefined): Given {
  const path = named ??
    `${userDirectory("XDG_CONFIG_HOME", ".config", HINT)}/crypto/share.toml`;
  try {
    requireTrustedFile(path, [Deno.uid() ?? 0]);
    return fromFile(Deno.readTextFileSync(path), path);
  } catch (error) {
    if (error instanceof CryptoError) throw error;
    if (error instanceof Deno.errors.NotFound && named === undefined) return {};
    throw new CryptoError("config", { subject: path, hint: "it cannot be read", cause: error });
  }
}

/** What a file sets. @throws {CryptoError} `config`, naming the file and the line or the setting */
export function fromFile(text: string, path: string): Given {
  const entries = [...readToml(text, path)].map(([key, { line, value }]) => {
    const subject = `${path}:${line}: ${key}`;
    const name = SETTING_NAMES.find((name) => nameInFile(name) === key);
    if (!name) {
      throw wrong(subject, `it is not known: use ${SETTING_NAMES.map(nameInFile).join(", ")}`);
    }
    const fits = ["string", "bigint", "boolean"].includes(typeof value);
    if (!fits) throw wrong(subject, "it is to be a text, a whole number, true or false");
    return [name, String(value)];
  });
  return Object.fromEntries(entries);
}

function readToml(text: string, path: string): TomlTable {
  try {
    return parseToml(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw wrong(`${path}:${error.line}`, "it is to be TOML");
  }
}
