/** A policy as the daemon asks it, for each connection and each key. */
import { type Access, type Clients, type Operation, type Owner, ownerAccess } from "./access.ts";
import { type Identity, isNetworkCaller, type LocalCaller } from "./identity.ts";
import { matcher, type Policy, type Rule, type Section } from "./policy.ts";

/** Whether the group database has a user in a group. */
export type IsMember = (uid: number, gid: number) => boolean;

/** What policies are asked with. */
export interface AccessParts {
  readonly owner: Owner;
  /** Asked only where the policy says so, of groups that the kernel has named already. */
  readonly isMember: IsMember;
  /** Who may use the keys over the network where there are no rules. */
  readonly clients?: Clients | undefined;
}

/** By what somebody may: a line of the file, and whom that names. */
export interface Grant {
  readonly line: number;
  readonly section: string;
  readonly kind: "users" | "groups" | "certificates";
  readonly id: number | string;
}

/**
 * The access that a policy gives. Who administers, root and the daemon's user, manages every key;
 * to use one they have to be named like others.
 */
export function policyAccess(policy: Policy, parts: AccessParts): Access {
  const { mayAdminister, ...usual } = ownerAccess(parts.owner, parts.clients);
  if (!policy.sections) return { ...usual, mayAdminister };
  const rules = new RuleSet(policy, parts.isMember);
  return {
    mayAdminister,
    mayConnect: (who) => mayAdminister(who) || rules.name(who),
    may: (who, operation, key) => {
      const administers = operation === "manage" && mayAdminister(who);
      return administers || rules.grant(who, operation, key) !== undefined;
    },
  };
}

/** The rules of a policy, by what is asked of them. */
export class RuleSet {
  readonly #sections: readonly (Section & { readonly matches: (key: string) => boolean })[];
  readonly #all: Rule;
  readonly #checkGroups: boolean;

  constructor({ sections = [], checkGroups }: Policy, private readonly isMember: IsMember) {
    this.#sections = sections.map((one) => ({ ...one, matches: matcher(one.pattern) }));
    this.#all = union(sections.flatMap(({ rules }) => [...rules.values()]));
    this.#checkGroups = checkGroups;
  }

  /** Whether any rule names them. */
  name(who: Identity): boolean {
    return this.#named(this.#all, who) !== undefined;
  }

  /** The first rule of the file by which they may. */
  grant(who: Identity, operation: Operation, key: string): Grant | undefined {
    for (const { pattern, rules, matches } of this.#sections) {
      const rule = rules.get(operation);
      const named = rule && matches(key) ? this.#named(rule, who) : undefined;
      if (named) return { ...named, section: pattern };
    }
    return undefined;
  }

  /** The rules for an operation with a key, whomever they name. */
  rulesFor(operation: Operation, key: string): Rule[] {
    return this.#sections.filter(({ matches }) => matches(key))
      .flatMap(({ rules }) => rules.get(operation) ?? []);
  }

  #named(rule: Rule, who: Identity): Omit<Grant, "section"> | undefined {
    if (!isNetworkCaller(who)) return this.#namedUser(rule, who);
    const { certificates } = rule;
    const id = who.names.find((name) => certificates.has(name));
    return id === undefined ? undefined : { kind: "certificates", id, line: certificates.get(id)! };
  }

  #namedUser({ users, groups }: Rule, { uid, gid, groups: others }: LocalCaller) {
    const line = users.get(uid);
    if (line !== undefined) return { kind: "users", id: uid, line } as const;
    if (groups.size === 0) return undefined;
    const found = [gid, ...others].find((one) => {
      return groups.has(one) && (!this.#checkGroups || this.isMember(uid, one));
    });
    return found === undefined
      ? undefined
      : { kind: "groups", id: found, line: groups.get(found)! } as const;
  }
}

function union(rules: readonly Rule[]): Rule {
  return {
    users: new Map(rules.flatMap(({ users }) => [...users])),
    groups: new Map(rules.flatMap(({ groups }) => [...groups])),
    certificates: new Map(rules.flatMap(({ certificates }) => [...certificates])),
  };
}
