/**
 * The configuration file: what an administrator may set, in one table. The file need not be there.
 * docs/operations.md shows the table to its readers, and a test compares the two.
 */
import { parse, TomlError } from "smol-toml";
import { fromUtf8 } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { requireTrustedFile } from "../platform/trust.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { type NetworkConfig, NO_NETWORK, parseNetwork } from "./network.ts";

/** What the file sets. */
export interface Config {
  readonly limits: Limits;
  readonly network: NetworkConfig;
}

/** One setting: a whole number. */
export interface Setting {
  /** The field that it sets. */
  readonly field: keyof Limits;
  readonly unit: keyof typeof SCALES;
  readonly min: number;
  readonly max: number;
  readonly meaning: string;
}

/** Units to what one of them is in {@link Limits}, whose times are in milliseconds. */
const SCALES = { connections: 1, requests: 1, bytes: 1, seconds: 1_000 } as const;

/** The settings of the section `[limits]`, by their names in the file. */
export const LIMIT_SETTINGS: Readonly<Record<string, Setting>> = {
  connections: {
    field: "connections",
    unit: "connections",
    min: 1,
    max: 65_536,
    meaning: "open at once, in all",
  },
  connections_per_user: {
    field: "connectionsPerUser",
    unit: "connections",
    min: 1,
    max: 65_536,
    meaning: "open at once, of one user id",
  },
  requests_per_user: {
    field: "requestsPerUser",
    unit: "requests",
    min: 1_024,
    max: 1_048_576,
    meaning: "of one user id that have no answer yet, those in batches counted",
  },
  bytes_per_user: {
    field: "bytesPerUser",
    unit: "bytes",
    min: 2_097_152,
    max: 1_073_741_824,
    meaning: "of one user id's lines that have begun or wait for their answers",
  },
  idle_seconds: {
    field: "idle",
    unit: "seconds",
    min: 1,
    max: 86_400,
    meaning: "in which nothing happens on a connection",
  },
  line_seconds: {
    field: "line",
    unit: "seconds",
    min: 1,
    max: 600,
    meaning: "from the first byte of a line to its end",
  },
  write_seconds: {
    field: "write",
    unit: "seconds",
    min: 1,
    max: 600,
    meaning: "in which a peer takes nothing of what waits for it",
  },
  stop_seconds: {
    field: "stop",
    unit: "seconds",
    min: 1,
    max: 30,
    meaning: "that a stop waits for what has begun, and again for peers to take their answers",
  },
};

const SECTION = "limits";
const NETWORK = "network";
/** A configuration is far smaller; what is larger is not one. */
const MAX_CONFIG_BYTES = 65_536;

/** What a setting is unless the file says otherwise, in its own unit. */
export function defaultOf({ field, unit }: Setting): number {
  return DEFAULT_LIMITS[field] / SCALES[unit];
}

/**
 * Reads the configuration file.
 * @param uid the daemon's user, who may own the file, as root may
 * @throws {CryptoError} `unsafe_path` if others could write it; `config` naming the line, what is
 * wrong there and what is allowed
 */
export function readConfig(path: string, uid: number): Config {
  const text = readIfThere(path, uid);
  if (text === undefined) return { limits: DEFAULT_LIMITS, network: NO_NETWORK };
  return parseConfig(text, path);
}

function readIfThere(path: string, uid: number): string | undefined {
  try {
    requireTrustedFile(path, [uid]);
    const { size } = Deno.statSync(path);
    if (size > MAX_CONFIG_BYTES) throw wrong(path, `has at most ${MAX_CONFIG_BYTES} bytes`);
    return fromUtf8(Deno.readFileSync(path));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof CryptoError && error.code === "invalid_text") {
      throw wrong(path, "is to be text in UTF-8");
    }
    if (error instanceof CryptoError) throw error;
    throw new CryptoError("config", { subject: path, hint: "it cannot be read", cause: error });
  }
}

/** Reads a configuration. `path` is what an error names. @throws {CryptoError} `config` */
export function parseConfig(text: string, path: string): Config {
  const { [SECTION]: section = {}, [NETWORK]: network = {}, ...others } = parseToml(text, path);
  const at = (key: string) => `${path}${place(text, key)}`;
  for (const key of Object.keys(others)) {
    throw wrong(`${at(key)}: ${key}`, `is not known: there are [${SECTION}] and [${NETWORK}]`);
  }
  if (!isTable(section)) throw wrong(`${at(SECTION)}: ${SECTION}`, `is a section: [${SECTION}]`);
  if (!isTable(network)) throw wrong(`${at(NETWORK)}: ${NETWORK}`, `is a section: [${NETWORK}]`);
  const set: Partial<Record<keyof Limits, number>> = {};
  for (const [key, value] of Object.entries(section)) {
    const setting = Object.hasOwn(LIMIT_SETTINGS, key) ? LIMIT_SETTINGS[key] : undefined;
    const subject = `${at(key)}: ${SECTION}.${key}`;
    if (!setting) {
      throw wrong(subject, `is not known: use ${Object.keys(LIMIT_SETTINGS).join(", ")}`);
    }
    set[setting.field] = readSetting(setting, value, subject);
  }
  const problem = (key: string, what: string) => wrong(`${at(key)}: ${NETWORK}.${key}`, what);
  return { limits: { ...DEFAULT_LIMITS, ...set }, network: parseNetwork(network, problem) };
}

function readSetting({ unit, min, max }: Setting, value: unknown, subject: string): number {
  // Whole numbers are read as bigint, which tells 300 from 300.0.
  if (typeof value === "bigint" && value >= min && value <= max) {
    return Number(value) * SCALES[unit];
  }
  throw wrong(subject, `is to be a whole number of ${unit} from ${min} to ${max}`);
}

function parseToml(text: string, path: string): Record<string, unknown> {
  try {
    return parse(text, { integersAsBigInt: true });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const reason = error.message.split("\n")[0]!.replace("Invalid TOML document: ", "");
    throw wrong(`${path}:${error.line}`, `is to be TOML: ${reason}`);
  }
}

/** `:LINE` of the first line that begins with a key or a section of this name, if one does. */
function place(text: string, key: string): string {
  const lines = text.split("\n");
  const index = lines.findIndex((line) => {
    const name = /^\s*\[*\s*([^=\]]*?)\s*[=\]]/.exec(line)?.[1]?.replaceAll(/["'\s]/g, "");
    return name === key || name?.endsWith(`.${key}`);
  });
  return index < 0 ? "" : `:${index + 1}`;
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Date);
}

function wrong(subject: string, hint: string): CryptoError {
  return new CryptoError("config", { subject, hint: `it ${hint}` });
}
