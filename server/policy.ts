/**
 * The policy file: who may do what with which keys. Rules only allow: what no rule allows is
 * refused, and a rule that is added takes nothing away. docs/policy.md describes it. Pure.
 */
import type { TomlNode, TomlTable } from "../core/toml.ts";
import { isTomlTable, parseToml, TomlError } from "../core/toml.ts";
import { type Operation, OPERATIONS } from "./access.ts";
import type { Accounts } from "./accounts.ts";

/** Something in a file that cannot be meant. */
export interface Mistake {
  readonly line: number;
  /** What stands there, such as `keys."app-*".encrypt.users`. */
  readonly what: string;
  /** What is wrong with it, and what would not be: begins with "it". */
  readonly why: string;
}

/** Whom a rule names: their ids, and the line that names each. */
export interface Rule {
  readonly users: ReadonlyMap<number, number>;
  readonly groups: ReadonlyMap<number, number>;
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
}

/** The characters of a key's name (`core/ring.ts`), and the one that stands for any of them. */
const PATTERN = /^[a-z0-9*][a-z0-9._*-]{0,63}$/;
const SETTINGS = ["check_groups", "keys"];
const KINDS = ["users", "groups"] as const;
const MAX_ID = 2 ** 32 - 2;
/** The kernel's overflow id, nobody's: who has it is refused before any rule is looked at. */
const NOBODY = 65_534;

/** Reads a policy. All of its mistakes are found; what has some is not to be used. */
export function parsePolicy(
  text: string,
  accounts: Accounts,
): { readonly policy: Policy; readonly mistakes: readonly Mistake[] } {
  const reader = new Reader(accounts);
  const policy = reader.read(text);
  return { policy, mistakes: reader.mistakes.toSorted((a, b) => a.line - b.line) };
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
  readonly mistakes: Mistake[] = [];

  constructor(private readonly accounts: Accounts) {}

  read(text: string): Policy {
    const table = this.#parse(text);
    for (const [name, { line }] of table) {
      if (!SETTINGS.includes(name)) this.#wrong(line, name, `is not known: use ${list(SETTINGS)}`);
    }
    const keys = table.get("keys");
    return {
      sections: keys && this.#sections(keys),
      checkGroups: this.#checkGroups(table.get("check_groups")),
    };
  }

  #parse(text: string): TomlTable {
    try {
      return parseToml(text);
    } catch (error) {
      if (!(error instanceof TomlError)) throw error;
      this.#wrong(error.line, "this line", `is to be TOML: ${error.message}`);
      return new Map();
    }
  }

  #wrong(line: number, what: string, why: string): void {
    this.mistakes.push({ line, what, why: `it ${why}` });
  }

  #checkGroups(node: TomlNode | undefined): boolean {
    if (!node) return false;
    if (typeof node.value !== "boolean") {
      this.#wrong(node.line, "check_groups", "is to be true or false");
    }
    return node.value === true;
  }

  /** The parts of a table; one that is none, or is empty, can never match anybody. */
  #table({ line, value }: TomlNode, what: string, parts: string): TomlTable {
    if (!isTomlTable(value)) this.#wrong(line, what, `is to be a table of ${parts}`);
    else if (value.size === 0) this.#wrong(line, what, `has no ${parts}, so it can never match`);
    else return value;
    return new Map();
  }

  #sections(keys: TomlNode): Section[] {
    return [...this.#table(keys, "keys", "names and patterns of keys")].map(([pattern, node]) => {
      const what = `keys.${quoted(pattern)}`;
      if (!PATTERN.test(pattern)) {
        const allowed = "a name has 1 to 64 of a-z 0-9 . _ - and, as a pattern, *";
        this.#wrong(node.line, what, `can never match: ${allowed}`);
      }
      return { pattern, rules: this.#rules(node, what) };
    });
  }

  #rules(section: TomlNode, what: string): Map<Operation, Rule> {
    const rules = new Map<Operation, Rule>();
    for (const [name, node] of this.#table(section, what, "operations")) {
      const operation = OPERATIONS.find((one) => one === name);
      if (operation) rules.set(operation, this.#rule(node, `${what}.${operation}`));
      else this.#wrong(node.line, `${what}.${quoted(name)}`, unknownOperation(name));
    }
    return rules;
  }

  #rule(node: TomlNode, what: string): Rule {
    const table = this.#table(node, what, list(KINDS));
    for (const [name, { line }] of table) {
      if (KINDS.some((kind) => kind === name)) continue;
      this.#wrong(line, `${what}.${quoted(name)}`, unknownKind(name));
    }
    const { accounts } = this;
    return {
      users: this.#ids(table.get("users"), `${what}.users`, (name) => accounts.userId(name)),
      groups: this.#ids(table.get("groups"), `${what}.groups`, (name) => accounts.groupId(name)),
    };
  }

  #ids(
    node: TomlNode | undefined,
    what: string,
    lookUp: (name: string) => number | undefined,
  ): Map<number, number> {
    const ids = new Map<number, number>();
    for (const one of this.#elements(node, what)) {
      const id = this.#id(one, what, lookUp);
      if (id === undefined) continue;
      const first = ids.get(id);
      if (first === undefined) ids.set(id, one.line);
      else this.#wrong(one.line, `${what}: ${one.value}`, `is there already, on line ${first}`);
    }
    return ids;
  }

  #elements(node: TomlNode | undefined, what: string): readonly TomlNode[] {
    if (!node) return [];
    const { line, value } = node;
    if (!Array.isArray(value)) this.#wrong(line, what, "is to be a list of names and numbers");
    else if (value.length === 0) this.#wrong(line, what, "names nobody, so it can never match");
    else return value as readonly TomlNode[];
    return [];
  }

  #id({ line, value }: TomlNode, what: string, lookUp: (name: string) => number | undefined) {
    const id = typeof value === "bigint" ? Number(value) : lookUp(String(value));
    const shown = `${what}: ${value}`;
    if (typeof value !== "string" && typeof value !== "bigint") {
      this.#wrong(line, what, "holds names, as texts, and numbers");
    } else if (id === undefined) {
      this.#wrong(
        line,
        shown,
        "is not known here: see /etc/passwd and /etc/group, or use a number",
      );
    } else if (id < 0 || id > MAX_ID) {
      this.#wrong(line, shown, `is no id: they go from 0 to ${MAX_ID}`);
    } else if (id === NOBODY) {
      this.#wrong(line, shown, "can never match: the kernel's overflow id has no identity");
    } else {
      return id;
    }
    return undefined;
  }
}

function unknownOperation(name: string): string {
  if (name === "export") return "can never match: no key leaves the daemon";
  return `is not known: use ${list(OPERATIONS)}`;
}

function unknownKind(name: string): string {
  if (name !== "certificates") return `is not known: use ${list(KINDS)}`;
  return "can never match: nobody comes with a certificate before there is a network mode";
}

/** A part of a dotted key, as TOML would have it. */
function quoted(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : JSON.stringify(name);
}

function list(names: readonly string[]): string {
  return names.join(", ");
}
