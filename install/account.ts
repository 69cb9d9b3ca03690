/** The service's user and group, as /etc/passwd and /etc/group say. */
import { CryptoError } from "../core/errors.ts";
import { SERVICE_USER } from "../core/layout.ts";

/** The service's ids. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** The first id of people, as login.defs(5) has it on every distribution with systemd. */
const FIRST_PERSON = 1_000;
const NO_LOGIN = /\/(nologin|false)$/;

/** The fields of a line of a colon-separated file that begins with a name. */
function entry(file: string, name: string): string[] | undefined {
  return file.split("\n").map((line) => line.split(":")).find(([first]) => first === name);
}

/**
 * The service's user and group.
 * @param passwd text of /etc/passwd
 * @param group text of /etc/group
 * @returns undefined if neither is there
 * @throws {CryptoError} `occupied` if either is somebody else's, or one is there without the other
 */
export function findAccount(passwd: string, group: string): Account | undefined {
  const [user, users] = [entry(passwd, SERVICE_USER), entry(group, SERVICE_USER)];
  if (!user && !users) return undefined;
  // A group alone is fine: systemd-sysusers adds the user to it.
  const gid = users ? Number(users[2]) : undefined;
  if (gid !== undefined) requireSystemId("group", gid);
  if (!user) return undefined;
  const uid = Number(user[2]);
  requireSystemId("user", uid);
  if (!NO_LOGIN.test(user[6] ?? "")) throw taken("user", "can log in");
  if (gid === undefined || Number(user[3]) !== gid) throw taken("user", "has another group");
  return { uid, gid };
}

/** The id of the service's group, with its user or, if that was interrupted, without. */
export function groupId(group: string): number | undefined {
  const found = entry(group, SERVICE_USER);
  return found && Number(found[2]);
}

function requireSystemId(kind: string, id: number): void {
  const ofSystem = Number.isInteger(id) && id > 0 && id < FIRST_PERSON;
  if (!ofSystem) throw taken(kind, `has the id ${id}, which is not a system account's`);
}

function taken(kind: string, why: string): CryptoError {
  const hint = `the ${kind} of this name ${why}: remove or rename it, then install`;
  return new CryptoError("occupied", { subject: `${kind} ${SERVICE_USER}`, hint });
}

/** Whether an id belongs to a user or a group. */
export function isKnownId(id: number, passwd: string, group: string): boolean {
  return [passwd, group].some((file) => {
    return file.split("\n").some((line) => Number(line.split(":")[2] || NaN) === id);
  });
}
