/** The policy file on the disk, and the policy that is in force. */
import { CryptoError } from "../core/errors.ts";
import type { Access } from "./access.ts";
import { Accounts } from "./accounts.ts";
import type { Mistake } from "./mistakes.ts";
import { parsePolicy, type Policy } from "./policy.ts";
import { type AccessParts, policyAccess } from "./policy_access.ts";
import { Quotas } from "./quotas.ts";
import { readTrustedText } from "./trusted.ts";

/** What holds where there is no policy file. */
export const NO_POLICY: Policy = { checkGroups: false };

/**
 * Reads the policy file.
 * @param uid the daemon's user, who may own the file, as root may
 * @param root the directory of an image, whose users and groups are meant; "" for the system
 * @returns undefined if it is not there
 * @throws {CryptoError} `unsafe_path` if others could write it; `config`, naming its first mistake
 */
export function readPolicy(path: string, uid: number, root = ""): Policy | undefined {
  const text = readTrustedText(path, uid);
  if (text === undefined) return undefined;
  const { policy, mistakes } = parsePolicy(text, Accounts.read(root));
  const [first] = mistakes;
  if (first) throw wrongPolicy(path, first, mistakes.length - 1);
  return policy;
}

function wrongPolicy(path: string, { line, what, why }: Mistake, others: number): CryptoError {
  const more = others > 0 ? ` (and ${others} more: see \`crypto policy check\`)` : "";
  return new CryptoError("config", { subject: `${path}:${line}: ${what}`, hint: why + more });
}

/** Where the policy is, and what it is asked with. */
export interface PolicyParts extends AccessParts {
  readonly path: string;
}

/** The policy in force: as the file was when it was last read whole. */
export class PolicyInForce {
  readonly quotas: Quotas = new Quotas();
  /** Asks whichever policy is in force then. */
  readonly access: Access = {
    mayConnect: (who) => this.#access.mayConnect(who),
    mayAdminister: (who) => this.#access.mayAdminister(who),
    may: (who, operation, key) => this.#access.may(who, operation, key),
  };
  #access!: Access;
  #found = false;

  /** @throws {CryptoError} what {@link load} throws */
  constructor(private readonly parts: PolicyParts) {
    this.load();
  }

  /**
   * Reads the file; from then on it holds. A file that has vanished since is an error: that nothing
   * holds any more of what it said is not what somebody meant who moved it for a moment.
   * @throws {CryptoError} `unsafe_path`, `config`; then all stays as it was
   */
  load(): void {
    const { path, owner } = this.parts;
    const policy = readPolicy(path, owner.uid);
    if (!policy && this.#found) {
      const hint = "it has vanished, and its rules stay; to go on without it, restart the daemon";
      throw new CryptoError("config", { subject: path, hint });
    }
    this.#found = policy !== undefined;
    this.#access = policyAccess(policy ?? NO_POLICY, this.parts);
    this.quotas.rules = policy?.quotas;
  }
}
