/** `crypto key set`, `retire`, `disable`, `enable`, `destroy` and `restore`. */
import { formatDuration } from "../core/duration.ts";
import { CryptoError } from "../core/errors.ts";
import type { Changed, KeyInfo, Results, VersionInfo } from "../core/rpc.ts";
import type { ClientContext } from "./flags.ts";
import type { KeyService } from "./keyservice.ts";
import { ask, type ManageFlags, type Print } from "./manage.ts";

/** What `key set` is told. Seconds, and a number. */
export interface SetFlags extends ManageFlags {
  readonly rotateAfter?: number | undefined;
  readonly minVersion?: number | undefined;
}

/** What `key destroy` is told. */
export interface DestroyFlags extends ManageFlags {
  /** Seconds. */
  readonly grace?: number | undefined;
  readonly yes: boolean;
}

/** `crypto key set`. */
export async function setKey(flags: SetFlags, print: Print, name: string): Promise<void> {
  if (flags.rotateAfter === undefined && flags.minVersion === undefined) {
    const hint = "say what is to be set: --rotate-after, --min-version";
    throw new CryptoError("usage", { subject: name, hint });
  }
  await ask(flags, print, (service) => service.setKey(name, flags), describeSettings);
}

function describeSettings({ key, rotateAfter, minVersion }: Results["key.set"]): string {
  const age = rotateAfter > 0 ? `rotated every ${formatDuration(rotateAfter)}` : "never rotated";
  return `${key} is ${age} by the daemon; versions from ${minVersion} on decrypt`;
}

/** `crypto key retire` and `restore`. */
export async function changeVersion(
  change: "retire" | "restore",
  flags: ManageFlags,
  print: Print,
  ...[name, version]: readonly [string, number]
): Promise<void> {
  await ask(flags, print, (service) => service.changeVersion(change, name, version), describe);
}

/** `crypto key disable` and `enable`. */
export async function switchKey(
  change: "disable" | "enable",
  flags: ManageFlags,
  print: Print,
  ...[name, version]: readonly [string, number?]
): Promise<void> {
  await ask(flags, print, (service) => service.switchKey(change, name, version), describe);
}

const MEANING: Readonly<Record<Changed["state"], string>> = {
  active: "in use",
  retired: "retired: it decrypts or verifies what there is, and makes nothing new",
  disabled: "disabled: it does nothing",
  outdated: "below the key's minimum: it does nothing",
  scheduled: "to be destroyed: it does nothing",
  destroyed: "destroyed",
};

function describe({ key, version, state }: Changed): string {
  return `${version === undefined ? key : `${key} version ${version}`} is ${MEANING[state]}`;
}

/** `crypto key destroy`: asks before, since afterwards nobody can help. */
export async function destroyKey(
  { say, print, openTerminal }: ClientContext,
  flags: DestroyFlags,
  ...[name, version]: readonly [string, number]
): Promise<void> {
  const terminal = flags.yes ? undefined : openTerminal();
  const question = async (service: KeyService) => {
    if (!flags.yes) {
      say(describeLoss(name, requireDestroyable(await service.keys(), name, version)));
      const typed = await terminal?.ask(`Type "${name} ${version}" to go on: `);
      if (typed?.trim() !== `${name} ${version}`) throw new CryptoError("not_confirmed");
    }
    return await service.destroyKey(name, version, flags.grace);
  };
  await ask(flags, print, question, describeEnd);
}

/** Nobody is to confirm what the daemon would refuse: its rules, of what it has told. */
function requireDestroyable(
  keys: readonly KeyInfo[],
  name: string,
  number: number,
): VersionInfo {
  const key = keys.find((one) => one.name === name);
  if (!key) throw new CryptoError("denied", { subject: name });
  const version = key.versions.find((one) => one.version === number);
  const subject = `${name} version ${number}`;
  if (!version) {
    const hint = `it has the versions 1 to ${key.versions.length}`;
    throw new CryptoError("no_such_version", { subject, hint });
  }
  if (version.state === "destroyed") throw new CryptoError("key_destroyed", { subject });
  if ((key.encrypts ?? 0) <= number) throw new CryptoError("key_in_use", { subject });
  return version;
}

function describeLoss(name: string, version: VersionInfo): string {
  return `${name} version ${version.version} (${describeUse(version)}): what is under it ` +
    "cannot be read any more; `crypto rewrap --dry-run` shows which files are";
}

function describeUse({ id, encrypted, decrypted, lastUsed }: VersionInfo): string {
  const last = lastUsed ? `, last used on ${lastUsed.slice(0, 10)}` : "";
  return `id ${id}, encrypted ${encrypted} messages, decrypted ${decrypted}${last}`;
}

function describeEnd({ key, version, destroyAt, renews, sealing }: Results["key.destroy"]): string {
  const lines = [
    `${key} version ${version} does nothing any more, and is destroyed at ${destroyAt}`,
    `until then \`crypto key restore ${key} ${version}\` keeps it`,
    "backups of the keys go on holding it",
  ];
  if (renews) return [...lines, "older copies of the key ring will open no more"].join("\n");
  const how =
    `the daemon cannot make a new sealing key here (${sealing}), so older copies of the ` +
    `key ring go on opening until root runs \`crypto reseal ${sealing}\` after that`;
  return [...lines, how].join("\n");
}
