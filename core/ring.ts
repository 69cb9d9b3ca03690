/**
 * The key ring: named keys, each with one purpose and one or more versions. Pure: every change
 * gives a new ring, so that a daemon can write the new one before it uses it. What becomes of a
 * key's versions is in `lifecycle.ts`, how a ring is written in `ring_file.ts`.
 */
import { type Bytes, equalSecret, randomBytes } from "./bytes.ts";
import { type Engine, webCrypto } from "./engine.ts";
import { CryptoError } from "./errors.ts";
import { keyId } from "./header.ts";
import {
  destroyDue,
  type Found,
  isLive,
  type LiveVersion,
  type Purpose,
  PURPOSES,
  type RingKey,
  versionsOf,
} from "./lifecycle.ts";

/** Bytes of a key version. */
export const MATERIAL_LENGTH = 32;
/** Names are for people, shells and policy files alike. */
const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** The name of the key that is used when none is named, for each purpose. */
export const DEFAULT_KEY: Readonly<Record<Purpose, string>> = {
  seal: "default",
  mac: "mac",
  fernet: "fernet",
};

/** Whether a text can be a key's name: 1 to 64 of a-z 0-9 . _ - and no punctuation first. */
export function isKeyName(text: unknown): text is string {
  return typeof text === "string" && NAME.test(text);
}

/** Whether a text is a purpose. */
export function isPurpose(text: unknown): text is Purpose {
  return PURPOSES.includes(text as Purpose);
}

/** An immutable set of keys, found by name and by version id. */
export class KeyRing {
  readonly #byName: ReadonlyMap<string, RingKey>;
  readonly #byId = new Map<string, Found>();

  /**
   * @param isStale whether a version was destroyed since its sealing key was made: then an older
   * ring file, which holds that version, opens with the same one
   */
  constructor(readonly keys: readonly RingKey[] = [], readonly isStale: boolean = false) {
    this.#byName = new Map(keys.map((key) => [key.name, key]));
    for (const found of keys.flatMap(versionsOf)) {
      this.#byId.set(mapKey(found.version.id), found);
    }
  }

  /** The key of that name. */
  get(name: string): RingKey | undefined {
    return this.#byName.get(name);
  }

  /** The version with that id (8 bytes), whatever its state. */
  find(id: Bytes): Found | undefined {
    return this.#byId.get(mapKey(id));
  }

  /**
   * This ring and a new key.
   * @param material 32 bytes to import; random if absent
   * @throws {CryptoError} `key_exists` if name, id or material is there already.
   */
  async create(name: string, purpose: Purpose, { material, now, engine }: CreateOptions = {}) {
    if (!isKeyName(name)) throw invalidName(name);
    if (this.#byName.has(name)) throw new CryptoError("key_exists", { subject: name });
    const version = await this.#makeVersion(name, material, now, engine);
    return new KeyRing([...this.keys, { name, purpose, versions: [version] }], this.isStale);
  }

  /**
   * This ring with a new random version of a key, which from then on encrypts.
   * @throws {CryptoError} `denied` if there is no such key.
   */
  async rotate(name: string, { now, engine }: CreateOptions = {}): Promise<KeyRing> {
    const key = this.get(name);
    if (!key) throw new CryptoError("denied");
    const version = await this.#makeVersion(key.name, undefined, now, engine);
    return this.change(name, (old) => ({ ...old, versions: [...old.versions, version] }));
  }

  /**
   * This ring with a key in another state.
   * @throws {CryptoError} `denied` if there is no such key.
   */
  change(name: string, change: (key: RingKey) => RingKey): KeyRing {
    const key = this.get(name);
    if (!key) throw new CryptoError("denied");
    const changed = change(key);
    if (changed === key) return this;
    return new KeyRing(this.keys.map((other) => other === key ? changed : other), this.isStale);
  }

  /** This ring without the versions whose time has come, under whatever sealing key. */
  destroyDue(now: Date): KeyRing {
    return new KeyRing(this.keys.map((key) => destroyDue(key, now)), true);
  }

  /** This ring as it is under a new sealing key. */
  underNewKey(): KeyRing {
    return new KeyRing(this.keys);
  }

  async #makeVersion(
    name: string,
    material = randomBytes(MATERIAL_LENGTH),
    now = new Date(),
    engine: Engine = webCrypto,
  ): Promise<LiveVersion> {
    if (material.length !== MATERIAL_LENGTH) {
      throw new CryptoError("malformed", { subject: "key", hint: "a key has 32 bytes" });
    }
    const id = await keyId(material, engine);
    const versions = this.keys.flatMap((key) => key.versions).filter(isLive);
    if (this.find(id) || versions.some((other) => equalSecret(other.material, material))) {
      throw new CryptoError("key_exists", { subject: name });
    }
    return { id, material, created: now.toISOString() };
  }
}

/** Options of what makes a key version. */
export interface CreateOptions {
  readonly material?: Bytes | undefined;
  readonly now?: Date | undefined;
  readonly engine?: Engine | undefined;
}

/** An id as a map can hold it: a character for each byte, which is quicker than base64. */
function mapKey(id: Bytes): string {
  return Reflect.apply(String.fromCharCode, undefined, id);
}

function invalidName(name: string): CryptoError {
  const hint = "a key's name has 1 to 64 of a-z 0-9 . _ - and starts with a letter or digit";
  return new CryptoError("invalid_params", { subject: JSON.stringify(name.slice(0, 80)), hint });
}
