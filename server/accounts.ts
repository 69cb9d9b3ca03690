/**
 * Users and groups as /etc/passwd and /etc/group say. What else NSS may know (LDAP, users of a
 * service manager's) is not asked: it would take libraries and connections into the process that
 * holds the keys. Such users and groups are named by their numbers.
 */
import { CryptoError } from "../core/errors.ts";
import { ACCOUNTS } from "../core/privileges.ts";
import { IS_WINDOWS } from "../platform/library.ts";

/** A user. */
interface User {
  readonly name: string;
  readonly uid: number;
  /** The primary group. */
  readonly gid: number;
}

interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/** What the two files say. */
export class Accounts {
  readonly #users: readonly User[];
  readonly #groups: readonly Group[];

  /** Takes the texts of the two files. A line that is none is passed over, as libc does. */
  constructor(passwd: string, group: string) {
    this.#users = entries(passwd).flatMap(([name, , uid, gid]): User[] => {
      return isId(uid) && isId(gid) ? [{ name, uid: Number(uid), gid: Number(gid) }] : [];
    });
    this.#groups = entries(group).flatMap(([name, , gid, members = ""]): Group[] => {
      return isId(gid) ? [{ name, gid: Number(gid), members: members.split(",") }] : [];
    });
  }

  /** Reads the files. Windows has none, and no user of it is known. @throws {CryptoError} `config` */
  static read(root = ""): Accounts {
    if (IS_WINDOWS) return new Accounts("", "");
    const [passwd, group] = ACCOUNTS.map((path) => readFile(root + path)) as [string, string];
    return new Accounts(passwd, group);
  }

  userId(name: string): number | undefined {
    return this.#users.find((user) => user.name === name)?.uid;
  }

  groupId(name: string): number | undefined {
    return this.#groups.find((group) => group.name === name)?.gid;
  }

  userName(uid: number): string | undefined {
    return this.#users.find((user) => user.uid === uid)?.name;
  }

  groupName(gid: number): string | undefined {
    return this.#groups.find((group) => group.gid === gid)?.name;
  }

  /** The groups that a user has when logging in: the primary one, and those that name the user. */
  groupsOf(uid: number): ReadonlySet<number> {
    const users = this.#users.filter((user) => user.uid === uid);
    const naming = this.#groups.filter(({ members }) => {
      return users.some(({ name }) => members.includes(name));
    });
    return new Set([...users, ...naming].map(({ gid }) => gid));
  }
}

type Fields = readonly [name: string, ...(string | undefined)[]];

/** The lines of a file that begin with a name; `+` and `-` are older marks of NIS. */
function entries(file: string): Fields[] {
  const lines = file.split("\n").filter((line) => /^[^#:+-][^:]*:/.test(line));
  return lines.map((line) => line.split(":") as [string, ...string[]]);
}

function isId(text: string | undefined): boolean {
  return text !== undefined && /^\d{1,10}$/.test(text);
}

function readFile(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    throw new CryptoError("config", { subject: path, hint: "it cannot be read", cause });
  }
}

/** How long what was read is taken for true, in milliseconds. */
const FRESH = 1_000;

/**
 * The groups that the files name for a user now: read again when they have changed, which is looked
 * at once a second, when somebody asks.
 */
export class GroupDatabase {
  #looked = -Infinity;
  #state = "";
  #accounts: Accounts | undefined;
  #groups = new Map<number, ReadonlySet<number>>();

  constructor(private readonly root = "", private readonly now: () => number = Date.now) {}

  /** Whether a user is a member. Nobody is one while the files cannot be read. */
  isMember(uid: number, gid: number): boolean {
    this.#look();
    let groups = this.#groups.get(uid);
    if (!groups) this.#groups.set(uid, groups = this.#accounts?.groupsOf(uid) ?? new Set());
    return groups.has(gid);
  }

  #look(): void {
    const now = this.now();
    // A clock that was put back is no reason to go on believing.
    if (Math.abs(now - this.#looked) < FRESH) return;
    this.#looked = now;
    try {
      const state = stateOf(ACCOUNTS.map((path) => this.root + path));
      if (this.#accounts && state === this.#state) return;
      this.#accounts = Accounts.read(this.root);
      this.#state = state;
    } catch {
      this.#accounts = undefined;
    }
    this.#groups.clear();
  }
}

/** Changes whenever one of the files does. */
function stateOf(paths: readonly string[]): string {
  return paths.map((path) => {
    const { ino, size, mtime, ctime } = Deno.statSync(path);
    return [ino, size, mtime?.getTime(), ctime?.getTime()].join(" ");
  }).join(";");
}
