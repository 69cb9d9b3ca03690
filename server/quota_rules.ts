/** The quotas of the policy file: `[quotas]`. docs/policy.md describes them. */
import type { TomlNode, TomlValue } from "../core/toml.ts";
import { list, type Mistakes, quoted } from "./mistakes.ts";

/** How much one user may have done. What is absent is not limited. */
export interface Quota {
  readonly requestsPerSecond?: number;
  readonly bytesPerSecond?: number;
  readonly requestsPerDay?: number;
  readonly bytesPerDay?: number;
}

/** The names of a quota's parts in the file. */
export const QUOTA_SETTINGS: Readonly<Record<string, keyof Quota>> = {
  requests_per_second: "requestsPerSecond",
  bytes_per_second: "bytesPerSecond",
  requests_per_day: "requestsPerDay",
  bytes_per_day: "bytesPerDay",
};

/** Whose quota is which. What one leaves out, it has from `default`. */
export interface QuotaRules {
  readonly default: Quota;
  readonly users: ReadonlyMap<number, Quota>;
  /** In the order of the file, which counts: the first one that a user is in. */
  readonly groups: ReadonlyMap<number, Quota>;
  /** In the order of the file, too. A certificate has several names. */
  readonly certificates: ReadonlyMap<string, Quota>;
}

const SECTIONS = ["default", "users", "groups", "certificates"];

/** Reads `[quotas]`. */
export function readQuotas(node: TomlNode, mistakes: Mistakes): QuotaRules {
  const table = mistakes.table(node, "quotas", list(SECTIONS));
  for (const [name, { line }] of table) {
    if (SECTIONS.includes(name)) continue;
    mistakes.add(line, `quotas.${quoted(name)}`, `is not known: use ${list(SECTIONS)}`);
  }
  const given = table.get("default");
  const usual = given ? readQuota(given, "quotas.default", mistakes) : {};
  const read = <Id>(kind: string, identify: Identify<Id>) => {
    return readNamed(table.get(kind), { kind, usual, mistakes, identify });
  };
  return {
    default: usual,
    users: read("users", (node, what) => mistakes.id("users", numbered(node), what)),
    groups: read("groups", (node, what) => mistakes.id("groups", numbered(node), what)),
    certificates: read("certificates", (node, what) => mistakes.certificate(node, what)),
  };
}

/** Whom the name of a section means, if it means anybody. */
type Identify<Id> = (name: TomlNode<string>, what: string) => Id | undefined;

/** A key of TOML is a text, so that a number is one here. */
function numbered({ line, value }: TomlNode<string>): TomlNode {
  return { line, value: /^\d+$/.test(value) ? BigInt(value) : value };
}

interface Reading<Id> {
  readonly kind: string;
  readonly usual: Quota;
  readonly mistakes: Mistakes;
  readonly identify: Identify<Id>;
}

function readNamed<Id>(
  node: TomlNode | undefined,
  { kind, usual, mistakes, identify }: Reading<Id>,
): Map<Id, Quota> {
  const quotas = new Map<Id, Quota>();
  if (!node) return quotas;
  for (const [name, section] of mistakes.table(node, `quotas.${kind}`, `names of ${kind}`)) {
    const what = `quotas.${kind}.${quoted(name)}`;
    const quota = readQuota(section, what, mistakes);
    const id = identify({ line: section.line, value: name }, `quotas.${kind}`);
    if (id === undefined) continue;
    if (quotas.has(id)) mistakes.add(section.line, what, "is there already, by its other name");
    quotas.set(id, { ...usual, ...quota });
  }
  return quotas;
}

function readQuota(node: TomlNode, what: string, mistakes: Mistakes): Quota {
  const quota: { -readonly [K in keyof Quota]: Quota[K] } = {};
  const names = Object.keys(QUOTA_SETTINGS);
  for (const [name, { line, value }] of mistakes.table(node, what, list(names))) {
    const part = `${what}.${quoted(name)}`;
    const field = Object.hasOwn(QUOTA_SETTINGS, name) ? QUOTA_SETTINGS[name] : undefined;
    if (!field) mistakes.add(line, part, `is not known: use ${list(names)}`);
    else if (!isCount(value)) {
      mistakes.add(line, part, "is to be a whole number from 1 to 2^53 - 1");
    } else quota[field] = Number(value);
  }
  return quota;
}

function isCount(value: TomlValue): boolean {
  return typeof value === "bigint" && value >= 1n && value <= Number.MAX_SAFE_INTEGER;
}
