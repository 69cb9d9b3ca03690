/** `crypto policy check` and `explain`: a policy file, for people. */
import { CryptoError } from "../core/errors.ts";
import { printable } from "../core/printable.ts";
import { type Layout, SERVICE_USER, SYSTEM_LAYOUT, userLayout } from "../core/layout.ts";
import { isKeyName } from "../core/ring.ts";
import { exists } from "../platform/durable.ts";
import { dropAllPermissions } from "../platform/permissions.ts";
import { type Operation, OPERATIONS, ownerAccess } from "./access.ts";
import { Accounts } from "./accounts.ts";
import { readConfig } from "./config.ts";
import { mayReach } from "./door.ts";
import { type Identity, isCertificateName, isNetworkCaller, type LocalCaller } from "./identity.ts";
import { parsePolicy, type Policy, type Rule } from "./policy.ts";
import { type Grant, RuleSet } from "./policy_access.ts";
import { NO_POLICY, readPolicy } from "./policy_file.ts";
import { readAnyText, readTrustedText } from "./trusted.ts";

/** What the program hands to these subcommands. */
export interface PolicyContext {
  /** Prints data on standard output. */
  readonly print: (text: string) => void;
  /** Prints a line for people. */
  readonly say: (line: string) => void;
}

/** Who may do what, as it is asked on the command line. */
export interface Question {
  /** A user's name or number, or a name of certificates. */
  readonly caller: string;
  readonly key: string;
  readonly operation: Operation;
}

/**
 * Prints every mistake of a policy file.
 * @param file another than the daemon's own, which others may be able to write
 * @throws {CryptoError} `config` if there are any
 */
export function checkPolicy({ print, say }: PolicyContext, file?: string): void {
  const path = file ?? daemonLayout().policy;
  const text = file === undefined ? readTrustedText(path, daemonUser()) : readAnyText(file);
  const accounts = Accounts.read();
  dropAllPermissions();
  if (text === undefined) return say(`${path} is not there: ${USUAL_RULE}`);
  const { mistakes } = parsePolicy(text, accounts);
  const lines = mistakes.map(({ line, what, why }) => `${path}:${line}: ${what}: ${why}`);
  print(lines.map((line) => `${printable(line)}\n`).join(""));
  if (mistakes.length === 0) return say(`${path} has no mistake`);
  const subject = `${path}: ${mistakes.length} ${mistakes.length === 1 ? "mistake" : "mistakes"}`;
  throw new CryptoError("config", { subject, hint: "the daemon would go on with its old policy" });
}

/**
 * Prints whether somebody may, and by which line of the daemon's policy. A user's groups are those
 * of the group database.
 * @throws {CryptoError} `denied` if not
 */
export function explainPolicy({ print }: PolicyContext, question: Question): void {
  if (!isKeyName(question.key)) {
    throw new CryptoError("usage", { subject: question.key, hint: NAMES });
  }
  const layout = daemonLayout();
  const uid = daemonUser();
  const policy = readPolicy(layout.policy, uid) ?? NO_POLICY;
  const { clients } = readConfig(layout.config, uid).network;
  const accounts = Accounts.read();
  const who = identityOf(question.caller, accounts);
  const isShutOut = layout.mode === "system" && !isNetworkCaller(who) &&
    mayReach(layout.socket, who) === false;
  dropAllPermissions();
  const owner = {
    uid,
    group: layout.mode === "system" ? accounts.groupId(SERVICE_USER) : undefined,
  };
  const paths = { path: layout.policy, config: layout.config };
  const { may, why } = explain(policy, { ...question, who, owner, clients, accounts, ...paths });
  const door = may && isShutOut
    ? `, but the modes of ${layout.socket} do not let them connect`
    : "";
  const isAllowed = may && !isShutOut;
  print(`${isAllowed ? "yes" : "no"}: ${printable(why)}${door}\n`);
  if (isAllowed) return;
  const { caller, operation, key } = question;
  const hint = may ? TO_LET_IN : TO_ALLOW;
  throw new CryptoError("denied", { subject: `${caller}, ${operation} ${key}`, hint });
}

const USUAL_RULE = "root and the daemon's user may do all, members of its group may use every key";
const NAMES = "give the name of one key: 1 to 64 of a-z 0-9 . _ - and no punctuation first";
const TO_LET_IN =
  "put them into the group of the socket, such as by `usermod -aG crypto-service`, " +
  "and have them log in again";
const TO_ALLOW = "an administrator allows it in the policy file, and reloads the daemon";

/** What an explanation is made of. */
interface Case extends Question {
  readonly who: Identity;
  readonly owner: { readonly uid: number; readonly group?: number | undefined };
  /** The certificates that may use the keys where there are no rules. */
  readonly clients: readonly string[];
  readonly accounts: Accounts;
  readonly path: string;
  readonly config: string;
}

/** Whether somebody may, and why. */
function explain(policy: Policy, one: Case): { readonly may: boolean; readonly why: string } {
  const { who, owner, clients, operation, key, path } = one;
  const usual = ownerAccess(owner, () => clients);
  if (!policy.sections) return { may: usual.may(who, operation, key), why: usualRule(one) };
  if (operation === "manage" && usual.mayAdminister(who)) {
    return { may: true, why: "root and the daemon's user manage every key" };
  }
  const rules = new RuleSet(policy, () => true);
  const grant = rules.grant(who, operation, key);
  if (grant) return { may: true, why: describeGrant(grant, one) };
  const others = rules.rulesFor(operation, key).flatMap((rule) => named(rule, one));
  const instead = others.length === 0 ? "no line allows it to anybody" : others.join(", ");
  return { may: false, why: `nothing in ${path} names ${one.caller} for it; ${instead}` };
}

/** What holds without rules. */
function usualRule({ who, config }: Case): string {
  if (!isNetworkCaller(who)) return USUAL_RULE;
  return `certificates that clients in ${config} names may use every key, and manage none`;
}

function describeGrant({ line, section, kind, id }: Grant, { operation, path, accounts }: Case) {
  const rule = `keys.${JSON.stringify(section)}.${operation}.${kind}`;
  return `${path}:${line}: ${rule} names ${nameOf(kind, id, accounts)}`;
}

/** Whom a rule names, with the lines that do. */
function named({ users, groups, certificates }: Rule, { accounts }: Case): string[] {
  const show = (kind: Grant["kind"]) => ([id, line]: [number | string, number]) => {
    return `line ${line} names ${kind.slice(0, -1)} ${nameOf(kind, id, accounts)}`;
  };
  return [
    ...[...users].map(show("users")),
    ...[...groups].map(show("groups")),
    ...[...certificates].map(show("certificates")),
  ];
}

function nameOf(kind: Grant["kind"], id: number | string, accounts: Accounts): string {
  if (typeof id === "string") return id;
  return (kind === "users" ? accounts.userName(id) : accounts.groupName(id)) ?? String(id);
}

/** A certificate by one of its names; a user by name or number, as somebody who logs in now. */
function identityOf(caller: string, accounts: Accounts): Identity {
  if (isCertificateName(caller)) return { names: [caller], expires: Infinity, address: "" };
  return userOf(caller, accounts);
}

function userOf(user: string, accounts: Accounts): LocalCaller {
  const uid = accounts.userId(user) ?? (/^\d{1,10}$/.test(user) ? Number(user) : undefined);
  if (uid === undefined) {
    throw new CryptoError("usage", {
      subject: user,
      hint: "no user has this name (see /etc/passwd), and certificates' are like URI:… and DNS:…",
    });
  }
  const groups = [...accounts.groupsOf(uid)];
  // A user who is only a number is in no group: -1 is none's.
  return { uid, gid: groups[0] ?? -1, groups, pid: 0 };
}

/** The system's where there is a system's service, else the user's. */
function daemonLayout(): Layout {
  if (exists(SYSTEM_LAYOUT.configDirectory)) return SYSTEM_LAYOUT;
  // No socket is used, so the runtime directory need not be known.
  return userLayout((name) => Deno.env.get(name), "/");
}

/** The user that the daemon runs as. */
function daemonUser(): number {
  const own = Deno.uid() ?? 0;
  if (daemonLayout().mode === "user") return own;
  return Accounts.read().userId(SERVICE_USER) ?? own;
}

/** @throws {CryptoError} `usage` */
export function readOperation(text: string): Operation {
  const operation = OPERATIONS.find((name) => name === text);
  if (operation) return operation;
  throw new CryptoError("usage", { subject: text, hint: `choose one of ${OPERATIONS.join(", ")}` });
}
