/** The configuration of a function on AWS Lambda: its environment, and nothing else. */
import { CryptoError } from "../../core/errors.ts";
import { LARGEST_BODY } from "../aws/limits.ts";
import { type AwsPlace, awsPlace, BUCKET, TABLE } from "../aws/place.ts";
import type { Allowed } from "../rules.ts";
import {
  fromEnvironment,
  parseOrigin,
  SETTING_NAMES,
  type SettingName,
  settingsOf,
  variableOf,
  wrong,
} from "../settings.ts";

/** What a function is to do. */
export interface LambdaConfig {
  readonly place: AwsPlace;
  readonly origin: string;
  readonly allowed: Allowed;
  readonly clientBytes: number;
  readonly rates: { readonly requests: number; readonly creations: number };
  readonly managed: boolean;
}

/** Reads a variable of the environment. */
export type Read = (name: string) => string | undefined;

const DAY_SECONDS = 86_400;
const DEFAULT_DAYS = "5";
/** Settings of a server that a function has no use for; the longest lifetime is `TTL_DAYS`. */
const SERVERS_OWN: readonly SettingName[] = [
  "listen",
  "data",
  "store",
  "metrics",
  "proxies",
  "diskBytes",
  "maxTtl",
];

/**
 * Reads and checks all of it.
 * @throws {CryptoError} `config`, naming the variable
 */
export function lambdaConfig(read: Read): LambdaConfig {
  try {
    return configOf(read);
  } catch (error) {
    throw byVariable(error);
  }
}

/** Settings have names of their own, which stand nowhere in a function's configuration. */
function byVariable(error: unknown): unknown {
  if (!(error instanceof CryptoError)) return error;
  const name = SETTING_NAMES.find((name) => name === error.subject);
  return name === undefined ? error : wrong(variableOf(name), error.hint);
}

function configOf(read: Read): LambdaConfig {
  for (const name of SERVERS_OWN) requireUnset(read, variableOf(name));
  const settings = settingsOf(fromEnvironment(read));
  const table = named(read, "DYNAMODB_TABLE", TABLE, "a table's name");
  const bucket = named(read, "S3_BUCKET", BUCKET, "a bucket's name, without dots");
  const { maxViews: views, maxBytes: size, clientBytes, managed } = settings;
  if (size > LARGEST_BODY) throw wrong("maxBytes", `a bucket takes at most ${LARGEST_BODY}`);
  return {
    place: awsPlace(`dynamodb://${table}?bucket=${bucket}`, read),
    origin: parseOrigin(required(read, variableOf("origin"))),
    allowed: { ttl: days(read) * DAY_SECONDS, views, size },
    clientBytes,
    rates: { requests: settings.requestsPerMinute, creations: settings.creationsPerMinute },
    managed,
  };
}

function days(read: Read): number {
  const text = read("TTL_DAYS") || DEFAULT_DAYS;
  const days = /^\d{1,2}$/.test(text) ? Number(text) : 0;
  if (days >= 1 && days <= 30) return days;
  throw wrong("TTL_DAYS", "it is to be a whole number of days from 1 to 30");
}

function required(read: Read, name: string): string {
  const value = read(name);
  if (value) return value;
  throw wrong(name, "set it in the function's environment: see docs/operations.md");
}

function named(read: Read, name: string, pattern: RegExp, what: string): string {
  const value = required(read, name);
  if (pattern.test(value)) return value;
  throw wrong(name, `it is to be ${what}`);
}

function requireUnset(read: Read, name: string): void {
  if (read(name) === undefined) return;
  throw wrong(name, "it means nothing to a function: leave it out");
}
