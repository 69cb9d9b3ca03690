/**
 * The configuration file: what an administrator may set, in one table. The file need not be there.
 * docs/operations.md shows the table to its readers, and a test compares the two.
 */
import { CryptoError } from "../core/errors.ts";
import {
  isTomlTable,
  parseToml,
  TomlError,
  type TomlNode,
  type TomlTable,
  type TomlValue,
} from "../core/toml.ts";
import { type AuditLimits, DEFAULT_AUDIT_LIMITS } from "./audit/files.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { type NetworkConfig, readNetwork } from "./network.ts";
import { readTrustedText } from "./trusted.ts";

/** What the file sets, a section each. */
export interface Config {
  readonly limits: Limits;
  readonly audit: AuditLimits;
  /** Units that may have it, by the name of the credential. */
  readonly credentials: ReadonlyMap<string, readonly string[]>;
  /** Where the daemon listens for who wants to know how it is. */
  readonly metrics: MetricsAddress | undefined;
  readonly network: NetworkConfig;
}

/** A port of this machine's own. */
export interface LoopbackAddress {
  readonly host: "127.0.0.1" | "[::1]";
  /** 0: one that is free. */
  readonly port: number;
}

/** A port of this machine's, or the socket that is named for that. */
export type MetricsAddress = LoopbackAddress | "unix";

/** One setting: a whole number. */
export interface Setting<Field extends string = string> {
  /** The field that it sets. */
  readonly field: Field;
  readonly unit: keyof typeof SCALES;
  readonly min: number;
  readonly max: number;
  readonly meaning: string;
}

/** Units to what one of them is in {@link Limits}, whose times are in milliseconds. */
const SCALES = { connections: 1, requests: 1, bytes: 1, files: 1, seconds: 1_000 } as const;

/** The settings of the section `[limits]`, by their names in the file. */
const LIMIT_SETTINGS: Readonly<Record<string, Setting<keyof Limits>>> = {
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

/** The settings of the section `[audit]`. */
const AUDIT_SETTINGS: Readonly<Record<string, Setting<keyof AuditLimits>>> = {
  file_bytes: {
    field: "fileBytes",
    unit: "bytes",
    min: 65_536,
    max: 4_294_967_296,
    meaning: "after which a file of the log is closed and the next one begun",
  },
  files: {
    field: "files",
    unit: "files",
    min: 1,
    max: 10_000,
    meaning: "of the log that are kept besides the one that is being written",
  },
};

const DEFAULTS = { limits: DEFAULT_LIMITS, audit: DEFAULT_AUDIT_LIMITS } as const;

/** A section that sets numbers. */
export type NumberSection = keyof typeof DEFAULTS;

/** These sections and their settings, by their names in the file. */
export const SETTINGS: Readonly<Record<NumberSection, Readonly<Record<string, Setting>>>> = {
  limits: LIMIT_SETTINGS,
  audit: AUDIT_SETTINGS,
};

const SECTIONS = ["limits", "audit", "credentials", "metrics", "network"] as const;
const LISTEN = /^(127\.0\.0\.1|\[::1\]):(\d{1,5})$/;
const MAX_PORT = 65_535;
/** A credential's name is a file's as well. */
const CREDENTIAL_NAME = /^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$/;
/** systemd.unit(5): the kinds of units that have credentials. */
const UNIT_NAME = /^[A-Za-z0-9:_.\\@-]{1,240}\.(service|socket|mount|swap)$/;

/** What a setting is unless the file says otherwise, in its own unit. */
export function defaultOf(section: NumberSection, { field, unit }: Setting): number {
  const fields: Readonly<Record<string, number>> = { ...DEFAULTS[section] };
  return fields[field]! / SCALES[unit];
}

/**
 * Reads the configuration file.
 * @param uid the daemon's user, who may own the file, as root may
 * @throws {CryptoError} `unsafe_path` if others could write it; `config` naming the line, what is
 * wrong there and what is allowed
 */
export function readConfig(path: string, uid: number): Config {
  return parseConfig(readTrustedText(path, uid) ?? "", path);
}

/** Reads a configuration. `path` is what an error names. @throws {CryptoError} `config` */
export function parseConfig(text: string, path: string): Config {
  const content = readToml(text, path);
  for (const [name, { line, value }] of content) {
    const subject = `${path}:${line}: ${name}`;
    if (!SECTIONS.some((one) => one === name)) {
      const sections = SECTIONS.map((one) => `[${one}]`).join(", ");
      throw wrong(subject, `is not known: the sections are ${sections}`);
    }
    if (!isTomlTable(value)) throw wrong(subject, `is a section: [${name}]`);
  }
  const section = (name: (typeof SECTIONS)[number]): Section => {
    const entries = content.get(name)?.value as TomlTable | undefined;
    return [...entries ?? []].map(([key, { line, value }]) => {
      return { key, value, subject: `${path}:${line}: ${name}.${key}` };
    });
  };
  return {
    limits: { ...DEFAULT_LIMITS, ...readNumbers("limits", section("limits")) },
    audit: { ...DEFAULT_AUDIT_LIMITS, ...readNumbers("audit", section("audit")) },
    credentials: readCredentials(section("credentials")),
    metrics: readMetrics(section("metrics")),
    network: readNetwork(section("network")),
  };
}

/** What stands in a section, and what an error about it names. */
export type Section = readonly {
  readonly key: string;
  readonly value: TomlValue;
  readonly subject: string;
}[];

/** The fields that a section sets. */
function readNumbers(name: NumberSection, section: Section): Record<string, number> {
  const settings = SETTINGS[name];
  const set: Record<string, number> = {};
  for (const { key, value, subject } of section) {
    const setting = Object.hasOwn(settings, key) ? settings[key] : undefined;
    if (!setting) throw wrong(subject, `is not known: use ${Object.keys(settings).join(", ")}`);
    set[setting.field] = readSetting(setting, value, subject);
  }
  return set;
}

function readCredentials(section: Section): Config["credentials"] {
  return new Map(section.map(({ key, value, subject }) => {
    if (!CREDENTIAL_NAME.test(key)) {
      throw wrong(subject, "has 1 to 64 of A-Z a-z 0-9 . _ - and no . first");
    }
    const units = Array.isArray(value) ? value.map((one: TomlNode) => one.value) : undefined;
    if (units?.every(isUnit)) return [key, units];
    throw wrong(subject, 'is to be a list of whole unit names: ["app.service"]');
  }));
}

function isUnit(value: TomlValue): value is string {
  return typeof value === "string" && UNIT_NAME.test(value);
}

function readMetrics(section: Section): MetricsAddress | undefined {
  let address: MetricsAddress | undefined;
  for (const { key, value, subject } of section) {
    if (key !== "listen") throw wrong(subject, "is not known: use listen");
    address = readListen(typeof value === "string" ? value : "", subject);
  }
  return address;
}

function readListen(text: string, subject: string): MetricsAddress {
  if (text === "unix") return text;
  const [, host, port] = LISTEN.exec(text) ?? [];
  if (host !== undefined && Number(port) <= MAX_PORT) {
    return { host: host as LoopbackAddress["host"], port: Number(port) };
  }
  const forms = '"127.0.0.1:PORT", "[::1]:PORT", or "unix" for metrics.sock beside the socket';
  throw wrong(subject, `is to be ${forms}`);
}

function readSetting({ unit, min, max }: Setting, value: TomlValue, subject: string): number {
  if (typeof value === "bigint" && value >= min && value <= max) {
    return Number(value) * SCALES[unit];
  }
  throw wrong(subject, `is to be a whole number of ${unit} from ${min} to ${max}`);
}

function readToml(text: string, path: string): TomlTable {
  try {
    return parseToml(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw wrong(`${path}:${error.line}`, `is not TOML: ${error.message}`);
  }
}

/** The error of a setting: what it names, and what that is to be. */
export function wrong(subject: string, hint: string): CryptoError {
  return new CryptoError("config", { subject, hint: `it ${hint}` });
}
