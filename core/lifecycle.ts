/**
 * What becomes of a key's versions: each is made, encrypts, decrypts, is retired, disabled and at
 * last destroyed. Pure: every change gives a new key. The numbers of versions never change, since
 * what is destroyed leaves its place, its id and the time.
 */
import type { Bytes } from "./bytes.ts";
import { CryptoError } from "./errors.ts";
import type { KeyVersion } from "./message.ts";

export const PURPOSES = ["seal", "mac", "fernet"] as const;
/** What a key may be used for, fixed when it is made. */
export type Purpose = (typeof PURPOSES)[number];

/** A version whose key there is. Times are ISO 8601, UTC. */
export interface LiveVersion extends KeyVersion {
  readonly created: string;
  /** Since when it encrypts no more. */
  readonly retired?: string | undefined;
  readonly disabled?: boolean | undefined;
  /** When it is to be destroyed. Until then it does nothing. */
  readonly destroyAt?: string | undefined;
}

/** What is left of a version whose key there was. */
export interface DestroyedVersion {
  /** 8 bytes. */
  readonly id: Bytes;
  readonly created: string;
  readonly destroyed: string;
}

/** A version as the ring keeps it. */
export type RingVersion = LiveVersion | DestroyedVersion;

/** What is set for a key. */
export interface KeySettings {
  /** Seconds after which the newest version gets a successor. */
  readonly rotateAfter?: number | undefined;
  /** The lowest number of a version that does anything. */
  readonly minVersion?: number | undefined;
}

/** A key: its versions oldest first, counted from 1. */
export interface RingKey extends KeySettings {
  readonly name: string;
  readonly purpose: Purpose;
  readonly disabled?: boolean | undefined;
  readonly versions: readonly RingVersion[];
}

/** Where a version stands. */
export interface Found {
  readonly key: RingKey;
  /** Counted from 1. */
  readonly number: number;
  readonly version: RingVersion;
}

/** A version that can be used. */
export interface Usable extends Found {
  readonly version: LiveVersion;
}

/**
 * `active` may encrypt, and the newest such does; `retired` decrypts only; `disabled` does nothing
 * until it is enabled, `outdated` nothing until the key's minimum is lowered, `scheduled` nothing
 * until it is restored, which it can be until it is `destroyed`.
 */
export type VersionState =
  | "active"
  | "retired"
  | "disabled"
  | "outdated"
  | "scheduled"
  | "destroyed";

/** The least and the most that may be set for a key to be rotated after, in seconds. */
export const ROTATE_AFTER = { least: 3_600, most: 3_660 * 86_400 } as const;
/** How long a version that is to be destroyed can be restored, in seconds. */
export const GRACE = { usual: 7 * 86_400, most: 366 * 86_400 } as const;
/**
 * Messages that one version should encrypt at most. Every message has a key of its own, derived by
 * HMAC-SHA-512 from 24 random bytes: after 2^32 of them the chance that two have the same is
 * 2^-129 (docs/format.md, section 3), so this is far below what would do harm.
 */
export const MESSAGE_BOUND = 2 ** 32;
/** From this many on people are warned. */
export const MESSAGE_WARNING = MESSAGE_BOUND * 0.75;

/** Whether its key is still there. */
export function isLive(version: RingVersion): version is LiveVersion {
  return "material" in version;
}

/** All versions of a key with their numbers, oldest first. */
export function versionsOf(key: RingKey): Found[] {
  return key.versions.map((version, i) => ({ key, version, number: i + 1 }));
}

/** What a version does. */
export function stateOf({ key, number, version }: Found): VersionState {
  if (!isLive(version)) return "destroyed";
  if (version.destroyAt !== undefined) return "scheduled";
  if (version.disabled || key.disabled) return "disabled";
  if (number < (key.minVersion ?? 1)) return "outdated";
  return version.retired === undefined ? "active" : "retired";
}

/** The version of a key that encrypts: the newest that is active. */
export function encryptingVersion(key: RingKey): Usable | undefined {
  return versionsOf(key).reverse().find((found): found is Usable => stateOf(found) === "active");
}

const WHY: Readonly<Partial<Record<VersionState, string>>> = {
  disabled: "it is disabled: `crypto key enable` makes it usable again",
  outdated: "it is older than the key's minimum: `crypto key set --min-version` lowers that",
  scheduled: "it is to be destroyed: `crypto key restore` keeps it",
};

/**
 * A version as one that decrypts.
 * @throws {CryptoError} `key_destroyed`, `key_disabled`
 */
export function requireUsable(found: Found): Usable {
  const state = stateOf(found);
  if (state === "active" || state === "retired") return found as Usable;
  const subject = nameOf(found);
  if (state === "destroyed") throw new CryptoError("key_destroyed", { subject });
  throw new CryptoError("key_disabled", { subject, hint: WHY[state] });
}

/**
 * The version of a key that encrypts.
 * @throws {CryptoError} `key_disabled` if there is none
 */
export function requireEncrypting(key: RingKey): Usable {
  const found = encryptingVersion(key);
  if (found) return found;
  const hint = "none of its versions encrypts: `crypto key enable` or `crypto key rotate` it";
  throw new CryptoError("key_disabled", { subject: key.name, hint });
}

/** What people call a version. */
function nameOf({ key, number }: Found): string {
  return `${key.name} version ${number}`;
}

/** @throws {CryptoError} `no_such_version` */
export function versionOf(key: RingKey, number: number): Found {
  const version = key.versions[number - 1];
  if (version) return { key, number, version };
  const hint = `it has the versions 1 to ${key.versions.length}`;
  throw new CryptoError("no_such_version", { subject: `${key.name} version ${number}`, hint });
}

/** @throws {CryptoError} `no_such_version`, `key_destroyed` */
function liveVersionOf(key: RingKey, number: number): Usable {
  const found = versionOf(key, number);
  if (isLive(found.version)) return found as Usable;
  throw new CryptoError("key_destroyed", { subject: nameOf(found) });
}

/** @throws {CryptoError} `key_in_use` unless a newer version encrypts */
function requireSuccessor(found: Found): void {
  if ((encryptingVersion(found.key)?.number ?? 0) > found.number) return;
  throw new CryptoError("key_in_use", { subject: nameOf(found) });
}

function withVersion({ key, number }: Found, version: RingVersion): RingKey {
  return { ...key, versions: key.versions.with(number - 1, version) };
}

/**
 * From now on the version decrypts only. Again, it changes nothing.
 * @throws {CryptoError} `key_in_use`, `key_destroyed`, `no_such_version`
 */
export function retire(key: RingKey, number: number, now: Date): RingKey {
  const found = liveVersionOf(key, number);
  if (found.version.retired !== undefined) return key;
  requireSuccessor(found);
  return withVersion(found, { ...found.version, retired: now.toISOString() });
}

/**
 * Disables or enables a version, or without a number the key.
 * @throws {CryptoError} `key_destroyed`, `no_such_version`
 */
export function setDisabled(key: RingKey, number: number | undefined, disabled: boolean): RingKey {
  const flag = disabled || undefined;
  if (number === undefined) return { ...key, disabled: flag };
  const found = liveVersionOf(key, number);
  return withVersion(found, { ...found.version, disabled: flag });
}

/**
 * The version does nothing any more, and is to be destroyed at a time; a later call moves that.
 * @throws {CryptoError} `key_in_use`, `key_destroyed`, `no_such_version`
 */
export function scheduleDestruction(key: RingKey, number: number, at: Date): RingKey {
  const found = liveVersionOf(key, number);
  requireSuccessor(found);
  return withVersion(found, { ...found.version, destroyAt: at.toISOString() });
}

/**
 * The version is what it was before {@link scheduleDestruction}.
 * @throws {CryptoError} `key_destroyed`, `no_such_version`
 */
export function cancelDestruction(key: RingKey, number: number): RingKey {
  const found = liveVersionOf(key, number);
  return withVersion(found, { ...found.version, destroyAt: undefined });
}

/** The versions of a key whose time has come. */
export function dueForDestruction(key: RingKey, now: Date): Usable[] {
  return versionsOf(key).filter((found): found is Usable => {
    const { version } = found;
    return isLive(version) && version.destroyAt !== undefined && isOver(version.destroyAt, now);
  });
}

/** The key without the material of those. */
export function destroyDue(key: RingKey, now: Date): RingKey {
  return dueForDestruction(key, now).reduce((changed, { number, version: { id, created } }) => {
    const destroyed = now.toISOString();
    return withVersion({ ...versionOf(changed, number) }, { id, created, destroyed });
  }, key);
}

/** Whether the newest version is as old as is set for the key. */
export function dueForRotation({ rotateAfter, disabled, versions }: RingKey, now: Date): boolean {
  if (rotateAfter === undefined || disabled) return false;
  const due = new Date(Date.parse(versions.at(-1)!.created) + rotateAfter * 1_000);
  return isOver(due.toISOString(), now);
}

function isOver(time: string, now: Date): boolean {
  return Date.parse(time) <= now.getTime();
}

/**
 * Changes what is set for a key; what is not given stays. `rotateAfter` 0 ends it.
 * @throws {CryptoError} `invalid_params`, `no_such_version`; `key_in_use` for a minimum above what
 * encrypts
 */
export function configure(key: RingKey, settings: KeySettings): RingKey {
  const { rotateAfter = key.rotateAfter, minVersion = key.minVersion } = settings;
  requireRotateAfter(settings.rotateAfter);
  const changed = {
    ...key,
    rotateAfter: rotateAfter || undefined,
    minVersion: (minVersion ?? 0) > 1 ? minVersion : undefined,
  };
  if (settings.minVersion !== undefined) requireMinimum(key, settings.minVersion);
  return changed;
}

function requireRotateAfter(seconds: number = 0): void {
  if (seconds === 0 || (seconds >= ROTATE_AFTER.least && seconds <= ROTATE_AFTER.most)) return;
  const hint = "a key is rotated after 1 hour to 3,660 days, or 0: never";
  throw new CryptoError("invalid_params", { subject: "rotateAfter", hint });
}

function requireMinimum(key: RingKey, minimum: number): void {
  if (minimum > 1) versionOf(key, minimum);
  const { number } = requireEncrypting(key);
  if (minimum <= number) return;
  throw new CryptoError("key_in_use", { subject: `${key.name} version ${number}` });
}
