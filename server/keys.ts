/** The methods that make keys, change and show them. */
import type { Bytes } from "../core/bytes.ts";
import { invalidParam } from "../core/calls.ts";
import { CryptoError } from "../core/errors.ts";
import { formatKeyId } from "../core/header.ts";
import {
  cancelDestruction,
  configure,
  encryptingVersion,
  type Found,
  GRACE,
  isLive,
  PURPOSES,
  retire,
  type RingKey,
  scheduleDestruction,
  setDisabled,
  stateOf,
  versionOf,
  versionsOf,
} from "../core/lifecycle.ts";
import { isPurpose, type KeyRing } from "../core/ring.ts";
import type { Method, Params } from "../core/methods.ts";
import type { KeyInfo, VersionInfo } from "../core/rpc.ts";
import { OPERATIONS } from "./access.ts";
import { describeChange } from "./audit/attempt.ts";
import { type Done, type Handlers, type ServiceParts, used } from "./handlers.ts";
import type { Identity } from "./identity.ts";
import type { Announce } from "./keystore.ts";
import type { KeyLookup } from "./lookup.ts";
import type { Usage } from "./usage.ts";

/** What these methods work with. */
export interface KeysParts
  extends Pick<ServiceParts, "store" | "access" | "engine" | "usage" | "log"> {
  readonly lookup: KeyLookup;
}

type KeyMethod = Extract<Method, `key.${string}`>;

/** The methods whose names begin with `key.`. */
export function keyHandlers(parts: KeysParts): Handlers<KeyMethod> {
  const keys = new Keys(parts);
  return {
    "key.list": (_, who) => keys.list(who),
    "key.create": (params, who) => keys.create({ who, op: "key.create", params }, params),
    "key.import": (params, who) => keys.create({ who, op: "key.import", params }, params),
    "key.rotate": (params, who) => keys.rotate({ who, op: "key.rotate", params }, params.name),
    "key.set": (params, who) => keys.set({ who, op: "key.set", params }, params),
    "key.retire": (params, who) => {
      const change = (key: RingKey) => retire(key, params.version, new Date());
      return keys.change({ who, op: "key.retire", params }, params, change);
    },
    "key.restore": (params, who) => {
      const change = (key: RingKey) => cancelDestruction(key, params.version);
      return keys.change({ who, op: "key.restore", params }, params, change);
    },
    "key.destroy": (params, who) =>
      keys.scheduleDestruction({ who, op: "key.destroy", params }, params),
    "key.disable": (params, who) =>
      keys.setDisabled({ who, op: "key.disable", params }, params, true),
    "key.enable": (params, who) =>
      keys.setDisabled({ who, op: "key.enable", params }, params, false),
  };
}

/** Who changes the ring, by which method. */
interface Deed {
  readonly who: Identity;
  readonly op: KeyMethod;
  readonly params: Record<string, unknown>;
}

class Keys {
  constructor(private readonly parts: KeysParts) {}

  /** The keys that the caller may do something with. */
  list(who: Identity) {
    const { access, store, usage } = this.parts;
    const keys = store.ring.keys.filter(({ name }) => {
      return OPERATIONS.some((operation) => access.may(who, operation, name));
    });
    return { result: { keys: keys.map((key) => describeKey(key, usage)) } };
  }

  async create(
    deed: Deed,
    { name, purpose = "seal", material }: Params<"key.create"> & { readonly material?: Bytes },
  ) {
    this.parts.lookup.requireRight({ who: deed.who, operation: "manage" }, name);
    if (!isPurpose(purpose)) throw invalidParam("purpose", `is none of ${PURPOSES.join(", ")}`);
    const { store, engine } = this.parts;
    const create = (ring: KeyRing) => ring.create(name, purpose, { material, engine });
    const ring = await store.update(create, this.#announce(deed, name));
    return made(ring.get(name)!);
  }

  async rotate(deed: Deed, name: string) {
    const { store, engine } = this.parts;
    this.parts.lookup.named({ who: deed.who, operation: "manage" }, name);
    const rotate = (ring: KeyRing) => ring.rotate(name, { engine });
    const ring = await store.update(rotate, this.#announce(deed, name));
    return made(ring.get(name)!);
  }

  async set(deed: Deed, { name, ...settings }: Params<"key.set">) {
    const key = await this.#update(deed, name, (key) => configure(key, settings));
    const result = { rotateAfter: key.rotateAfter ?? 0, minVersion: key.minVersion ?? 1 };
    return { result, by: { key: name } };
  }

  async change(
    deed: Deed,
    { name, version }: Params<"key.retire">,
    change: (key: RingKey) => RingKey,
  ) {
    const found = versionOf(await this.#update(deed, name, change), version);
    return { result: { state: stateOf(found) }, by: used(found) };
  }

  async setDisabled(
    deed: Deed,
    { name, version }: Params<"key.disable">,
    disabled: boolean,
  ): Promise<Done<"key.disable">> {
    const change = (key: RingKey) => setDisabled(key, version, disabled);
    if (version !== undefined) return await this.change(deed, { name, version }, change);
    await this.#update(deed, name, change);
    return { result: { state: disabled ? "disabled" : "active" }, by: { key: name } };
  }

  async scheduleDestruction(deed: Deed, params: Params<"key.destroy">) {
    const { version, after = GRACE.usual } = params;
    if (after > GRACE.most) throw invalidParam("after", "is more than 366 days");
    const at = new Date(Date.now() + after * 1_000);
    const change = (key: RingKey) => scheduleDestruction(key, version, at);
    const { result, by } = await this.change(deed, params, change);
    const { renews, rung } = this.parts.store;
    return { result: { ...result, destroyAt: at.toISOString(), renews, sealing: rung }, by };
  }

  /** The key as it is after a change. */
  async #update(deed: Deed, name: string, change: (key: RingKey) => RingKey): Promise<RingKey> {
    this.parts.lookup.named({ who: deed.who, operation: "manage" }, name);
    const changed = (ring: KeyRing) => ring.change(name, change);
    const ring = await this.parts.store.update(changed, this.#announce(deed, name));
    return ring.get(name)!;
  }

  /** Says in the log, before it is done, what is about to change the ring. */
  #announce({ who, op, params }: Deed, key: string): Announce {
    return async (present, next) => {
      const [before, after] = [present, next].map((ring) => ring.get(key)?.versions.length);
      const made = before === after ? {} : { version: after };
      const intent = { op, key, ...describeChange(op, params), ...made, stage: "intent" } as const;
      const logged = await this.parts.log.write(who, [intent]);
      if (!logged) throw new CryptoError("log_unavailable");
    };
  }
}

function made(key: RingKey) {
  const found = versionOf(key, key.versions.length);
  return { result: { id: formatKeyId(found.version.id) }, by: used(found) };
}

function describeKey(key: RingKey, usage: Usage): KeyInfo {
  const { name, purpose, disabled, rotateAfter, minVersion } = key;
  const encrypts = encryptingVersion(key)?.number;
  const versions = versionsOf(key).map((found) => describeVersion(found, usage));
  return { name, purpose, disabled, rotateAfter, minVersion, encrypts, versions };
}

function describeVersion(found: Found, usage: Usage): VersionInfo {
  const { version, number } = found;
  const { id, created } = version;
  const times = isLive(version)
    ? { retired: version.retired, destroyAt: version.destroyAt }
    : { destroyed: version.destroyed };
  const use = usage.of(id);
  return { id: formatKeyId(id), version: number, state: stateOf(found), created, ...times, ...use };
}
