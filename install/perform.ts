/** Does to the system what a plan says. */
import { utf8 } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { exists, ifThere, removeIfThere, renameDurably } from "../platform/durable.ts";
import { type GiveAway, loadGiveAway } from "../platform/ownership.ts";
import { mustRun } from "../platform/programs.ts";
import { type Account, findAccount } from "./account.ts";
import type { Action, Owner } from "./actions.ts";
import { asFileError, makeDirectory, removeIfEmpty, replace, replaceByCopy } from "./files.ts";
import { type KeyPlaces, makeKeys, removeKeys } from "./keys.ts";
import { placesBelow } from "./places.ts";
import { type Accounts, prove } from "./prove.ts";

const PUBLIC_FILE = 0o644;
const PUBLIC_PROGRAM = 0o755;

/** Does one thing. Gives what people should know of it, if it is not what the plan says. */
export type Perform = (action: Action) => Promise<string | undefined | void>;

/** Does to the system below a root directory what the actions say. */
export function performer(root: string, giveAway: GiveAway = loadGiveAway()): Perform {
  let made: KeyPlaces | undefined;
  const directories = new Set<string>();
  const perform: Perform = async (action) => {
    switch (action.do) {
      case "directory":
        if (exists(action.path)) return;
        directories.add(action.path);
        return makeDirectory(action.path, action.mode, giver(root, action.owner, giveAway));
      case "unmakeDirectory":
        if (!directories.has(action.path) || !exists(action.path)) return;
        for (const name of action.names) removeIfThere(`${action.path}/${name}`);
        return Deno.removeSync(action.path);
      case "write":
        return replace(action.path, utf8(action.text), PUBLIC_FILE);
      case "copy":
        return replaceByCopy(action.from, action.to, PUBLIC_PROGRAM);
      case "link":
        // What is there already is what was proven before an interruption.
        return exists(action.to) ? undefined : Deno.linkSync(action.from, action.to);
      case "rename":
        return exists(action.from) ? renameDurably(action.from, action.to) : undefined;
      case "remove":
        return removeIfThere(action.path);
      case "removeEmpty":
        return removeIfEmpty(action.path);
      case "removeAll":
        return ifThere(() => Deno.removeSync(action.path, { recursive: true }));
      case "makeKeys":
        await makeKeys(action, giver(root, "service", giveAway));
        made = action;
        return;
      case "unmakeKeys":
        return made && removeKeys(made);
      case "run":
        await mustRun(action.program, action.args, { accept: action.accept });
        return;
      case "prove":
        return await prove(action.program, {
          account: service(root),
          taken: readAccounts(root),
          policy: exists(placesBelow(root).layout.policy),
        });
    }
  };
  return async (action) => {
    try {
      return await perform(action);
    } catch (error) {
      throw asFileError(error, pathOf(action));
    }
  };
}

/** The path that an action is about. */
function pathOf(action: Action): string | undefined {
  if ("path" in action) return action.path;
  return "to" in action ? action.to : action.do === "makeKeys" ? action.ring : undefined;
}

/** Gives to an owner what root has made. The account is looked up before that is made. */
function giver(root: string, owner: Owner, giveAway: GiveAway): (path: string) => void {
  if (owner === "root") return () => {};
  const { uid, gid } = service(root);
  return (path) => giveAway(path, uid, gid);
}

/** The files that name the users and groups of the system below a root directory. */
export function readAccounts(root: string): Accounts {
  const read = (path: string) => ifThere(() => Deno.readTextFileSync(`${root}${path}`)) ?? "";
  return { passwd: read("/etc/passwd"), group: read("/etc/group") };
}

function service(root: string): Account {
  const { passwd, group } = readAccounts(root);
  const account = findAccount(passwd, group);
  if (account) return account;
  const hint = `systemd-sysusers did not write it to ${root}/etc/passwd: is it known elsewhere?`;
  throw new CryptoError("config", { subject: "user crypto-service", hint });
}
