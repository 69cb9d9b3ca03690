/**
 * What each user has had done, in two windows: the second and the day (UTC). Kept in memory: who
 * restarts the daemon, which is root's right, begins both anew.
 */
import { CryptoError } from "../core/errors.ts";
import { type Account, accountOf, type Identity, isNetworkCaller } from "./identity.ts";
import { type Quota, QUOTA_SETTINGS, type QuotaRules } from "./quota_rules.ts";

const SECOND = 1_000;
const DAY = 86_400_000;
const FIELDS = Object.values(QUOTA_SETTINGS);
const NAMES = Object.fromEntries(
  Object.entries(QUOTA_SETTINGS).map(([name, field]) => [field, name]),
) as Record<keyof Quota, string>;

/** What was used in the window that a number counts, since 1970. */
interface Used {
  window: number;
  amount: number;
}

/** What one user has used of each part of the quota. */
type Usage = Record<keyof Quota, Used>;

/** Counts what is done, and refuses what is too much. */
export class Quotas {
  readonly #accounts = new Map<Account, Usage>();
  #ofIdentity = new WeakMap<Identity, Quota>();
  #rules: QuotaRules | undefined;
  #today = 0;

  constructor(private readonly now: () => number = Date.now) {}

  /** Sets others, which hold from now on; what was used stays used. Undefined: none. */
  set rules(rules: QuotaRules | undefined) {
    this.#rules = rules;
    this.#ofIdentity = new WeakMap();
  }

  /**
   * Takes a request and its bytes off a user's quota. One that begins within the quota is done
   * whole, since a file can be larger than what a second allows; what it takes beyond is taken off
   * the windows of the day that follows. Not more: a size is no more than a client's word.
   * @throws {CryptoError} `quota_exceeded`, with the seconds until there is some again; then
   * nothing is taken
   */
  charge(who: Identity, bytes: number): void {
    if (!this.#rules) return;
    const now = this.now();
    const quota = this.#quotaOf(who, this.#rules);
    const account = this.#usage(accountOf(who), now);
    let wait = 0;
    let exceeded: keyof Quota | undefined;
    for (const field of FIELDS) {
      const left = waiting(account[field], { limit: quota[field], length: lengthOf(field), now });
      if (left > wait) [wait, exceeded] = [left, field];
    }
    if (exceeded) throw refusal(exceeded, Math.ceil(wait / SECOND));
    for (const field of FIELDS) {
      const most = (quota[field] ?? Infinity) * (1 + DAY / lengthOf(field));
      const amount = account[field].amount + (isCount(field) ? 1 : bytes);
      account[field].amount = Math.min(amount, most);
    }
  }

  #quotaOf(who: Identity, rules: QuotaRules): Quota {
    let quota = this.#ofIdentity.get(who);
    if (!quota) this.#ofIdentity.set(who, quota = ownQuota(who, rules) ?? rules.default);
    return quota;
  }

  #usage(of: Account, now: number): Usage {
    this.#forget(now);
    let account = this.#accounts.get(of);
    if (!account) this.#accounts.set(of, account = newAccount());
    return account;
  }

  /** Once a day, those who have used nothing since the day before. */
  #forget(now: number): void {
    const today = Math.floor(now / DAY);
    if (today === this.#today) return;
    this.#today = today;
    for (const [of, { requestsPerDay, bytesPerDay }] of this.#accounts) {
      const isOld = [requestsPerDay, bytesPerDay].every(({ window }) => window < today - 1);
      if (isOld) this.#accounts.delete(of);
    }
  }
}

/** What the file says of a caller in particular. */
function ownQuota(who: Identity, { users, groups, certificates }: QuotaRules): Quota | undefined {
  if (isNetworkCaller(who)) return firstOf(certificates, (name) => who.names.includes(name));
  const isIn = (gid: number) => who.gid === gid || who.groups.includes(gid);
  return users.get(who.uid) ?? firstOf(groups, isIn);
}

function firstOf<Id>(quotas: ReadonlyMap<Id, Quota>, fits: (id: Id) => boolean) {
  return [...quotas].find(([id]) => fits(id))?.[1];
}

function newAccount(): Usage {
  const none = () => ({ window: 0, amount: 0 });
  return {
    requestsPerSecond: none(),
    bytesPerSecond: none(),
    requestsPerDay: none(),
    bytesPerDay: none(),
  };
}

interface Measure {
  readonly limit: number | undefined;
  /** Of a window, in milliseconds. */
  readonly length: number;
  readonly now: number;
}

/** Milliseconds until something is left; 0 if something is. Begins the window that it is now. */
function waiting(used: Used, { limit = Infinity, length, now }: Measure): number {
  const window = Math.floor(now / length);
  // Where a clock was put back, the window before goes on.
  const passed = Math.max(0, window - used.window);
  used.amount = limit === Infinity ? 0 : Math.max(0, used.amount - passed * limit);
  used.window = window;
  if (used.amount < limit) return 0;
  return (window + Math.floor(used.amount / limit)) * length - now;
}

function lengthOf(field: keyof Quota): number {
  return field.endsWith("Second") ? SECOND : DAY;
}

function isCount(field: keyof Quota): boolean {
  return field.startsWith("requests");
}

function refusal(field: keyof Quota, retryAfter: number): CryptoError {
  const hint = `${NAMES[field]} is used up: come back in ${retryAfter} s`;
  return new CryptoError("quota_exceeded", { hint, retryAfter });
}
