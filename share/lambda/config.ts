/** The configuration of a function on AWS Lambda: its environment, and nothing else. */
import { requireOrigin } from "../../core/share/origin.ts";
import type { Allowed } from "../rules.ts";
import { fromEnvironment, type SettingName, settingsOf, variableOf, wrong } from "../settings.ts";
import { type AwsPlace, awsPlace } from "../aws/place.ts";

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
 * @throws {CryptoError} `config`, naming the variable; `usage` for an origin
 */
export function lambdaConfig(read: Read): LambdaConfig {
  for (const name of SERVERS_OWN) requireUnset(read, variableOf(name));
  const settings = settingsOf(fromEnvironment(read));
  const table = required(read, "DYNAMODB_TABLE");
  const bucket = required(read, "S3_BUCKET");
  const { maxViews: views, maxBytes: size, clientBytes, managed } = settings;
  return {
    place: awsPlace(`dynamodb://${table}?bucket=${bucket}`, read),
    origin: requireOrigin(required(read, variableOf("origin"))),
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

function requireUnset(read: Read, name: string): void {
  if (read(name) === undefined) return;
  throw wrong(name, "it means nothing to a function: leave it out");
}
