/**
 * The configuration file: what an administrator may set, in one table. The file need not be there.
 * docs/operations.md shows the table to its readers, and a test compares the two.
 */
import { CryptoError } from "../core/errors.ts";
import { isTomlTable, parseToml, TomlError, type TomlTable, type TomlValue } from "../core/toml.ts";
import { type AuditLimits, DEFAULT_AUDIT_LIMITS } from "./audit/files.ts";
import { DEFAULT_LIMITS, type Limits } from "./limits.ts";
import { readTrustedText } from "./trusted.ts";

/** What the file sets, a section each. */
export interface Config {
  readonly limits: Limits;
  readonly audit: AuditLimits;
}

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

const DEFAULTS: Config = { limits: DEFAULT_LIMITS, audit: DEFAULT_AUDIT_LIMITS };

/** The sections and their settings, by their names in the file. */
export const SETTINGS: Readonly<Record<keyof Config, Readonly<Record<string, Setting>>>> = {
  limits: LIMIT_SETTINGS,
  audit: AUDIT_SETTINGS,
};

/** What a setting is unless the file says otherwise, in its own unit. */
export function defaultOf(section: keyof Config, { field, unit }: Setting): number {
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
  const text = readTrustedText(path, uid);
  return text === undefined ? DEFAULTS : parseConfig(text, path);
}

/** Reads a configuration. `path` is what an error names. @throws {CryptoError} `config` */
export function parseConfig(text: string, path: string): Config {
  const sections = readToml(text, path);
  for (const [name, { line, value }] of sections) {
    const subject = `${path}:${line}: ${name}`;
    if (!Object.hasOwn(SETTINGS, name)) {
      const known = Object.keys(SETTINGS).map((one) => `[${one}]`).join(" and ");
      throw wrong(subject, `is not known: there are the sections ${known}`);
    }
    if (!isTomlTable(value)) throw wrong(subject, `is a section: [${name}]`);
  }
  const read = <Name extends keyof Config>(name: Name): Config[Name] => {
    const section = sections.get(name)?.value;
    const set = section !== undefined && isTomlTable(section)
      ? readSection(name, section, path)
      : {};
    return { ...DEFAULTS[name], ...set };
  };
  return { limits: read("limits"), audit: read("audit") };
}

/** The fields that a section sets. @param path what an error names */
function readSection(
  name: keyof Config,
  section: TomlTable,
  path: string,
): Record<string, number> {
  const settings = SETTINGS[name];
  const set: Record<string, number> = {};
  for (const [key, { line, value }] of section) {
    const setting = Object.hasOwn(settings, key) ? settings[key] : undefined;
    const subject = `${path}:${line}: ${name}.${key}`;
    if (!setting) throw wrong(subject, `is not known: use ${Object.keys(settings).join(", ")}`);
    set[setting.field] = readSetting(setting, value, subject);
  }
  return set;
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
    throw wrong(`${path}:${error.line}`, `is to be TOML: ${error.message}`);
  }
}

function wrong(subject: string, hint: string): CryptoError {
  return new CryptoError("config", { subject, hint: `it ${hint}` });
}
