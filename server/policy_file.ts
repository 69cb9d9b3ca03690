/** The policy file on the disk, and the policy that is in force. */
import { CryptoError } from "../core/errors.ts";
import type { Access } from "./access.ts";
import { Accounts } from "./accounts.ts";
import { type Mistake, parsePolicy, type Policy } from "./policy.ts";
import { type AccessParts, policyAccess } from "./policy_access.ts";
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

/** What the policy file says, read again when somebody asks for it. */
export class PolicyFile {
  #found = false;

  constructor(private readonly path: string, private readonly uid: number) {}

  /**
   * Reads it. A file that has vanished since is an error: that nothing holds any more of what it
   * said is not what somebody meant who moved it for a moment.
   * @throws {CryptoError} `unsafe_path`, `config`
   */
  read(): Policy {
    const policy = readPolicy(this.path, this.uid);
    if (!policy && this.#found) {
      const hint = "it has vanished, and its rules stay; to go on without it, restart the daemon";
      throw new CryptoError("config", { subject: this.path, hint });
    }
    this.#found = policy !== undefined;
    return policy ?? NO_POLICY;
  }
}

/** Access by a policy that can be replaced by another between two questions. */
export class CurrentAccess implements Access {
  #access!: Access;

  constructor(policy: Policy, private readonly parts: AccessParts) {
    this.policy = policy;
  }

  set policy(policy: Policy) {
    this.#access = policyAccess(policy, this.parts);
  }

  mayConnect: Access["mayConnect"] = (who) => this.#access.mayConnect(who);
  mayAdminister: Access["mayAdminister"] = (who) => this.#access.mayAdminister(who);
  may: Access["may"] = (who, operation, key) => this.#access.may(who, operation, key);
}
