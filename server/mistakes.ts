/** Collecting what is wrong with a file, all of it, with lines. */
import { isTomlTable, type TomlNode, type TomlTable } from "../core/toml.ts";
import type { Accounts } from "./accounts.ts";
import { isCertificateName } from "./identity.ts";

/** Something in a file that cannot be meant. */
export interface Mistake {
  readonly line: number;
  /** What stands there, such as `keys."app-*".encrypt.users`. */
  readonly what: string;
  /** What is wrong with it, and what would not be: begins with "it". */
  readonly why: string;
}

const MAX_ID = 2 ** 32 - 2;
/** The kernel's overflow id, nobody's: who has it is refused before any rule is looked at. */
const NOBODY = 65_534;

/** The mistakes found so far, and what can be read besides. */
export class Mistakes {
  readonly found: Mistake[] = [];

  constructor(private readonly accounts: Accounts) {}

  add(line: number, what: string, why: string): void {
    this.found.push({ line, what, why: `it ${why}` });
  }

  /** The parts of a table; one that is none, or is empty, can never match anybody. */
  table({ line, value }: TomlNode, what: string, parts: string): TomlTable {
    if (!isTomlTable(value)) this.add(line, what, `is to be a table of ${parts}`);
    else if (value.size === 0) this.add(line, what, `has no ${parts}, so it can never match`);
    else return value;
    return new Map();
  }

  /** The id of a user or a group that is named, or given as a number. */
  id(kind: "users" | "groups", { line, value }: TomlNode, what: string): number | undefined {
    const shown = `${what}: ${value}`;
    if (typeof value !== "string" && typeof value !== "bigint") {
      this.add(line, what, "is to hold names in quotes, and numbers");
      return undefined;
    }
    const id = typeof value === "bigint" ? Number(value) : this.#lookUp(kind, value);
    if (id === undefined) {
      this.add(line, shown, "is not known here: see /etc/passwd and /etc/group, or use a number");
    } else if (id < 0 || id > MAX_ID) {
      this.add(line, shown, `is no id: they go from 0 to ${MAX_ID}`);
    } else if (id === NOBODY) {
      this.add(line, shown, "can never match: the kernel's overflow id has no identity");
    } else {
      return id;
    }
    return undefined;
  }

  /** A name of certificates. */
  certificate({ line, value }: TomlNode, what: string): string | undefined {
    if (isCertificateName(value)) return value;
    this.add(line, what, 'is to hold names of certificates, like "URI:…", "DNS:…", "SHA256:…"');
    return undefined;
  }

  #lookUp(kind: "users" | "groups", name: string): number | undefined {
    return kind === "users" ? this.accounts.userId(name) : this.accounts.groupId(name);
  }
}

/** A part of a dotted key, as TOML would have it. */
export function quoted(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : JSON.stringify(name);
}

/** Names one after the other. */
export function list(names: readonly string[]): string {
  return names.join(", ");
}
