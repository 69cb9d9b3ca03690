/**
 * The key ring: named keys, each with one purpose and one or more versions. Pure: every change
 * gives a new ring, so that a daemon can write the new one before it uses it.
 */
import {
  type Bytes,
  equalSecret,
  fromBase64Url,
  fromUtf8,
  randomBytes,
  toBase64Url,
  utf8,
} from "./bytes.ts";
import { type Engine, webCrypto } from "./engine.ts";
import { CryptoError } from "./errors.ts";
import { formatKeyId, keyId, readHeader } from "./header.ts";
import { type KeyVersion, openDirect, sealDirect } from "./message.ts";

const MATERIAL_LENGTH = 32;
const RING_CONTEXT = utf8("crypto/v1/ring");
const FORMAT = 1;
/** Names are for people, shells and policy files alike. */
const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;

export const PURPOSES = ["seal", "mac", "fernet"] as const;
/** What a key may be used for, fixed when it is made. */
export type Purpose = (typeof PURPOSES)[number];

/** The name of the key that is used when none is named, for each purpose. */
export const DEFAULT_KEY: Readonly<Record<Purpose, string>> = {
  seal: "default",
  mac: "mac",
  fernet: "fernet",
};

/** A version as the ring keeps it. */
export interface RingVersion extends KeyVersion {
  /** ISO 8601, UTC. */
  readonly created: string;
}

/** A key: its versions oldest first; the last one encrypts. */
export interface RingKey {
  readonly name: string;
  readonly purpose: Purpose;
  readonly versions: readonly RingVersion[];
}

/** Where a version stands, for whoever looks one up by its id. */
export interface Found {
  readonly key: RingKey;
  /** Counted from 1. */
  readonly number: number;
  readonly version: RingVersion;
}

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

  constructor(readonly keys: readonly RingKey[] = []) {
    this.#byName = new Map(keys.map((key) => [key.name, key]));
    for (const key of keys) {
      key.versions.forEach((version, i) => {
        this.#byId.set(formatKeyId(version.id), { key, number: i + 1, version });
      });
    }
  }

  /** The key of that name. */
  get(name: string): RingKey | undefined {
    return this.#byName.get(name);
  }

  /** The version with that id (8 bytes). */
  find(id: Bytes): Found | undefined {
    return this.#byId.get(formatKeyId(id));
  }

  /** The version of a key that encrypts. */
  newest(key: RingKey): Found {
    const number = key.versions.length;
    return { key, number, version: key.versions[number - 1]! };
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
    return new KeyRing([...this.keys, { name, purpose, versions: [version] }]);
  }

  /**
   * This ring with a new random version of a key, which from then on encrypts.
   * @throws {CryptoError} `denied` if there is no such key.
   */
  async rotate(name: string, { now, engine }: CreateOptions = {}): Promise<KeyRing> {
    const key = this.get(name);
    if (!key) throw new CryptoError("denied");
    const version = await this.#makeVersion(key.name, undefined, now, engine);
    const rotated = { ...key, versions: [...key.versions, version] };
    return new KeyRing(this.keys.map((other) => other === key ? rotated : other));
  }

  async #makeVersion(
    name: string,
    material = randomBytes(MATERIAL_LENGTH),
    now = new Date(),
    engine: Engine = webCrypto,
  ): Promise<RingVersion> {
    if (material.length !== MATERIAL_LENGTH) {
      throw new CryptoError("malformed", { subject: "key", hint: "a key has 32 bytes" });
    }
    const id = await keyId(material, engine);
    const versions = this.keys.flatMap((key) => key.versions);
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

function invalidName(name: string): CryptoError {
  const hint = "a key's name has 1 to 64 of a-z 0-9 . _ - and starts with a letter or digit";
  return new CryptoError("invalid_params", { subject: JSON.stringify(name.slice(0, 80)), hint });
}

/** What a ring file, and a backup, hold: JSON in UTF-8, with every secret in it. */
export function encodeRing(ring: KeyRing): Bytes {
  const keys = ring.keys.map(({ name, purpose, versions }) => ({
    name,
    purpose,
    versions: versions.map(({ id, material, created }) => ({
      id: toBase64Url(id),
      material: toBase64Url(material),
      created,
    })),
  }));
  return utf8(JSON.stringify({ format: FORMAT, keys }));
}

/**
 * Reads what {@link encodeRing} wrote.
 * @throws {CryptoError} `ring_unreadable` if it is anything but a ring of this format.
 */
export async function decodeRing(content: Bytes, engine: Engine = webCrypto): Promise<KeyRing> {
  try {
    return requireDistinct(new KeyRing(await readKeys(JSON.parse(fromUtf8(content)), engine)));
  } catch {
    // No cause: what a parser says may quote what it read.
    throw new CryptoError("ring_unreadable");
  }
}

/**
 * Writes a ring as a file: a direct message under the sealing key.
 * @param sealingKey 32 bytes
 */
export async function sealRing(
  ring: KeyRing,
  sealingKey: Bytes,
  engine: Engine = webCrypto,
): Promise<Bytes> {
  const version = { id: await keyId(sealingKey, engine), material: sealingKey };
  return await sealDirect(version, encodeRing(ring), { context: RING_CONTEXT, engine });
}

/**
 * The key id of the sealing key that a ring file is under.
 * @throws {CryptoError} `ring_unreadable`
 */
export function sealingKeyId(file: Bytes): Bytes {
  try {
    const { kind, keyId } = readHeader(file);
    if (kind === "direct") return keyId;
  } catch {
    // See below.
  }
  throw new CryptoError("ring_unreadable");
}

/**
 * Reads a ring file.
 * @throws {CryptoError} `ring_unreadable` if this sealing key does not open it, or it holds
 * anything but a ring of this format.
 */
export async function openRing(
  file: Bytes,
  sealingKey: Bytes,
  engine: Engine = webCrypto,
): Promise<KeyRing> {
  try {
    const version = { id: await keyId(sealingKey, engine), material: sealingKey };
    const header = readHeader(file);
    const plaintext = await openDirect(version, header, file, { context: RING_CONTEXT, engine });
    return await decodeRing(plaintext, engine);
  } catch {
    throw new CryptoError("ring_unreadable");
  }
}

/** What a sealed ring holds. It is authentic; the checks are against our own mistakes. */
interface RingFile {
  readonly format: number;
  readonly keys: readonly {
    readonly name: string;
    readonly purpose: string;
    readonly versions: readonly { id: string; material: string; created: string }[];
  }[];
}

/** A name or an id that stands there twice would make one of the two unreachable. */
function requireDistinct(ring: KeyRing): KeyRing {
  const isReachable = (key: RingKey) => {
    const versions = key.versions.every(({ id }) => ring.find(id)?.key === key);
    return versions && ring.get(key.name) === key;
  };
  if (!ring.keys.every(isReachable)) throw new CryptoError("ring_unreadable");
  return ring;
}

async function readKeys(file: RingFile, engine: Engine): Promise<RingKey[]> {
  if (file.format !== FORMAT) throw new CryptoError("ring_unreadable");
  return await Promise.all(file.keys.map(async ({ name, purpose, versions }) => {
    if (!isKeyName(name) || !isPurpose(purpose) || versions.length === 0) {
      throw new CryptoError("ring_unreadable");
    }
    return { name, purpose, versions: await Promise.all(versions.map(readVersion(engine))) };
  }));
}

function readVersion(engine: Engine) {
  return async ({ id, material, created }: RingFile["keys"][number]["versions"][number]) => {
    const version = { id: fromBase64Url(id), material: fromBase64Url(material), created };
    const expected = await keyId(version.material, engine);
    const fits = version.material.length === MATERIAL_LENGTH && equalSecret(version.id, expected);
    if (!fits) throw new CryptoError("ring_unreadable");
    return version;
  };
}
