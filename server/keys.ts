/** The methods that make keys, change and show them. */
import type { Bytes } from "../core/bytes.ts";
import { invalidParam } from "../core/calls.ts";
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
import { isPurpose } from "../core/ring.ts";
import type { KeyInfo, Method, Params, VersionInfo } from "../core/rpc.ts";
import { OPERATIONS } from "./access.ts";
import { type Done, type Handlers, type ServiceParts, used } from "./handlers.ts";
import type { Identity } from "./identity.ts";
import type { KeyLookup } from "./lookup.ts";
import type { Usage } from "./usage.ts";

/** What these methods work with. */
export interface KeysParts extends Pick<ServiceParts, "store" | "access" | "engine" | "usage"> {
  readonly lookup: KeyLookup;
}

type KeyMethod = Extract<Method, `key.${string}`>;

/** The methods whose names begin with `key.`. */
export function keyHandlers(parts: KeysParts): Handlers<KeyMethod> {
  const keys = new Keys(parts);
  return {
    "key.list": (_, who) => keys.list(who),
    "key.create": ({ name, purpose }, who) => keys.create(who, name, purpose),
    "key.import": ({ name, purpose, material }, who) => keys.create(who, name, purpose, material),
    "key.rotate": ({ name }, who) => keys.rotate(who, name),
    "key.set": (params, who) => keys.set(who, params),
    "key.retire": (params, who) => {
      return keys.change(who, params, (key) => retire(key, params.version, new Date()));
    },
    "key.restore": (params, who) => {
      return keys.change(who, params, (key) => cancelDestruction(key, params.version));
    },
    "key.destroy": (params, who) => keys.scheduleDestruction(who, params),
    "key.disable": (params, who) => keys.setDisabled(who, params, true),
    "key.enable": (params, who) => keys.setDisabled(who, params, false),
  };
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

  async create(who: Identity, name: string, purpose: string = "seal", material?: Bytes) {
    this.parts.lookup.requireRight({ who, operation: "manage" }, name);
    if (!isPurpose(purpose)) throw invalidParam("purpose", `is none of ${PURPOSES.join(", ")}`);
    const { store, engine } = this.parts;
    const ring = await store.update((ring) => ring.create(name, purpose, { material, engine }));
    return made(ring.get(name)!);
  }

  async rotate(who: Identity, name: string) {
    const { store, engine } = this.parts;
    this.parts.lookup.named({ who, operation: "manage" }, name);
    const ring = await store.update((ring) => ring.rotate(name, { engine }));
    return made(ring.get(name)!);
  }

  async set(who: Identity, { name, rotateAfter, minVersion }: Params<"key.set">) {
    const key = await this.#update(who, name, (key) => configure(key, { rotateAfter, minVersion }));
    const result = { rotateAfter: key.rotateAfter ?? 0, minVersion: key.minVersion ?? 1 };
    return { result, by: { key: name } };
  }

  async change(
    who: Identity,
    { name, version }: Params<"key.retire">,
    change: (key: RingKey) => RingKey,
  ) {
    const found = versionOf(await this.#update(who, name, change), version);
    return { result: { state: stateOf(found) }, by: used(found) };
  }

  async setDisabled(
    who: Identity,
    { name, version }: Params<"key.disable">,
    disabled: boolean,
  ): Promise<Done<"key.disable">> {
    const change = (key: RingKey) => setDisabled(key, version, disabled);
    if (version !== undefined) return await this.change(who, { name, version }, change);
    await this.#update(who, name, change);
    return { result: { state: disabled ? "disabled" : "active" }, by: { key: name } };
  }

  async scheduleDestruction(who: Identity, params: Params<"key.destroy">) {
    const { version, after = GRACE.usual } = params;
    if (after > GRACE.most) throw invalidParam("after", "is more than 366 days");
    const at = new Date(Date.now() + after * 1_000);
    const change = (key: RingKey) => scheduleDestruction(key, version, at);
    const { result, by } = await this.change(who, params, change);
    const { renews, rung } = this.parts.store;
    return { result: { ...result, destroyAt: at.toISOString(), renews, sealing: rung }, by };
  }

  /** The key as it is after a change. */
  async #update(who: Identity, name: string, change: (key: RingKey) => RingKey): Promise<RingKey> {
    this.parts.lookup.named({ who, operation: "manage" }, name);
    const ring = await this.parts.store.update((ring) => ring.change(name, change));
    return ring.get(name)!;
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
