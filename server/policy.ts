/**
 * The policy file: who may do what with which keys. Rules only allow: what no rule allows is
 * refused, and a rule that is added takes nothing away. docs/policy.md describes it. Pure.
 */
import { parseToml, TomlError, type TomlNode, type TomlTable } from "../core/toml.ts";
import { type Operation, OPERATIONS } from "./access.ts";
import type { Accounts } from "./accounts.ts";
import { list, type Mistake, Mistakes, quoted } from "./mistakes.ts";
import { type QuotaRules, readQuotas } from "./quota_rules.ts";

/** Whom a rule names: their ids, and the line that names each. */
export interface Rule {
  readonly users: ReadonlyMap<number, number>;
  readonly groups: ReadonlyMap<number, number>;
  /** By one of their names, as {@link isCertificateName} has it. */
  readonly certificates: ReadonlyMap<string, number>;
}

/** What may be done with the keys that a name or a pattern stands for. */
export interface Section {
  readonly pattern: string;
  readonly rules: ReadonlyMap<Operation, Rule>;
}

/** What a policy file says. */
export interface Policy {
  /** Absent if it says nothing of keys. */
  readonly sections?: readonly Section[] | undefined;
  /** Whether a group counts only if the group database has the caller in it, too. */
  readonly checkGroups: boolean;
  readonly quotas?: QuotaRules | undefined;
}

/** The characters of a key's name (`core/ring.ts`), and the one that stands for any of them. */
const PATTERN = /^[a-z0-9*][a-z0-9._*-]{0,63}$/;
const SETTINGS = ["check_groups", "keys", "quotas"];
const KINDS = ["users", "groups", "certificates"] as const;

/** Reads a policy. All of its mistakes are found; what has some is not to be used. */
export function parsePolicy(
  text: string,
  accounts: Accounts,
): { readonly policy: Policy; readonly mistakes: readonly Mistake[] } {
  const mistakes = new Mistakes(accounts);
  const policy = new Reader(mistakes).read(text);
  return { policy, mistakes: mistakes.found.toSorted((a, b) => a.line - b.line) };
}

/** Tells whether a key's name is one that a pattern stands for. Takes no more than linear time. */
export function matcher(pattern: string): (name: string) => boolean {
  const [first = "", ...others] = pattern.split("*");
  const last = others.pop();
  if (last === undefined) return (name) => name === pattern;
  return (name) => {
    let at = name.startsWith(first) ? first.length : -1;
    for (const part of others) {
      if (at < 0) return false;
      const found = name.indexOf(part, at);
      at = found < 0 ? -1 : found + part.length;
    }
    return at >= 0 && name.length - last.length >= at && name.endsWith(last);
  };
}

class Reader {
  constructor(private readonly mistakes: Mistakes) {}

  read(text: string): Policy {
    const table = this.#parse(text);
    for (const [name, { line }] of table) {
      if (SETTINGS.includes(name)) continue;
      this.mistakes.add(line, name, `is not known: use ${list(SETTINGS)}`);
    }
    const [keys, quotas] = [table.get("keys"), table.get("quotas")];
    return {
      sections: keys && this.#sections(keys),
      checkGroups: this.#checkGroups(table.get("check_groups")),
      quotas: quotas && readQuotas(quotas, this.mistakes),
    };
  }

  #parse(text: string): TomlTable {
    try {
      return parseToml(text);
    } catch (error) {
      if (!(error instanceof TomlError)) throw error;
      this.mistakes.add(error.line, "this line", `is not TOML: ${error.message}`);
      return new Map();
    }
  }

  #checkGroups(node: TomlNode | undefined): boolean {
    if (!node) return false;
    if (typeof node.value !== "boolean") {
      this.mistakes.add(node.line, "check_groups", "is to be true or false");
    }
    return node.value === true;
  }

  #sections(keys: TomlNode): Section[] {
    const table = this.mistakes.table(keys, "keys", "names and patterns of keys");
    return [...table].map(([pattern, node]) => {
      const what = `keys.${quoted(pattern)}`;
      if (!PATTERN.test(pattern)) {
        const allowed = "a name has 1 to 64 of a-z 0-9 . _ - and, as a pattern, *";
        this.mistakes.add(node.line, what, `can never match: ${allowed}`);
      }
      return { pattern, rules: this.#rules(node, what) };
    });
  }

  #rules(section: TomlNode, what: string): Map<Operation, Rule> {
    const rules = new Map<Operation, Rule>();
    for (const [name, node] of this.mistakes.table(section, what, "operations")) {
      const operation = OPERATIONS.find((one) => one === name);
      if (operation) rules.set(operation, this.#rule(node, `${what}.${operation}`));
      else this.mistakes.add(node.line, `${what}.${quoted(name)}`, unknownOperation(name));
    }
    return rules;
  }

  #rule(node: TomlNode, what: string): Rule {
    const table = this.mistakes.table(node, what, list(KINDS));
    for (const [name, { line }] of table) {
      if (KINDS.some((kind) => kind === name)) continue;
      this.mistakes.add(line, `${what}.${quoted(name)}`, `is not known: use ${list(KINDS)}`);
    }
    const ids = (kind: "users" | "groups") => {
      const place = `${what}.${kind}`;
      return this.#named(table.get(kind), place, (one) => this.mistakes.id(kind, one, place));
    };
    const place = `${what}.certificates`;
    const certificates = this.#named(table.get("certificates"), place, (one) => {
      return this.mistakes.certificate(one, place);
    });
    return { users: ids("users"), groups: ids("groups"), certificates };
  }

  /** Whom a list names, with their lines. @param read gives one, or notes what is wrong with it */
  #named<T extends string | number>(
    node: TomlNode | undefined,
    what: string,
    read: (one: TomlNode) => T | undefined,
  ): Map<T, number> {
    const ids = new Map<T, number>();
    for (const one of this.#elements(node, what)) {
      const id = read(one);
      if (id === undefined) continue;
      const first = ids.get(id);
      const shown = `${what}: ${one.value}`;
      if (first === undefined) ids.set(id, one.line);
      else this.mistakes.add(one.line, shown, `is there already, on line ${first}`);
    }
    return ids;
  }

  #elements(node: TomlNode | undefined, what: string): readonly TomlNode[] {
    if (!node) return [];
    const { line, value } = node;
    if (!Array.isArray(value)) {
      this.mistakes.add(line, what, "is to be a list of names and numbers");
    } else if (value.length === 0) {
      this.mistakes.add(line, what, "names nobody, so it can never match");
    } else return value as readonly TomlNode[];
    return [];
  }
}

function unknownOperation(name: string): string {
  if (name === "export") return "can never match: no key leaves the daemon";
  return `is not known: use ${list(OPERATIONS)}`;
}
