/** The key ring as bytes: what a ring file and a backup hold. docs/format.md, section 11. */
import { fromBase64Url, toBase64Url } from "./base64.ts";
import { type Bytes, equalSecret, fromUtf8, utf8 } from "./bytes.ts";
import { type Engine, webCrypto } from "./engine.ts";
import { CryptoError } from "./errors.ts";
import { KEY_ID_LENGTH, keyId, readHeader } from "./header.ts";
import { isLive, type RingKey, type RingVersion } from "./lifecycle.ts";
import { openDirect, sealDirect } from "./message.ts";
import { isKeyName, isPurpose, KeyRing, MATERIAL_LENGTH } from "./ring.ts";

const RING_CONTEXT = utf8("crypto/v1/ring");
/** What is written. Format 1, which knows no states of versions, is read as well. */
const FORMAT = 2;

/** What a ring file, and a backup, hold: JSON in UTF-8, with every secret in it. */
export function encodeRing({ keys, isStale }: KeyRing): Bytes {
  const written = keys.map(({ versions, ...key }) => ({
    ...key,
    versions: versions.map(encodeVersion),
  }));
  return utf8(JSON.stringify({ format: FORMAT, stale: isStale || undefined, keys: written }));
}

function encodeVersion(version: RingVersion) {
  const id = toBase64Url(version.id);
  return isLive(version)
    ? { ...version, id, material: toBase64Url(version.material) }
    : { ...version, id };
}

/**
 * Reads what {@link encodeRing} wrote.
 * @throws {CryptoError} `ring_unreadable` if it is anything but a ring of a format that is known.
 */
export async function decodeRing(content: Bytes, engine: Engine = webCrypto): Promise<KeyRing> {
  try {
    const file: RingFile = JSON.parse(fromUtf8(content));
    requireKnownFormat(file.format);
    return requireDistinct(new KeyRing(await readKeys(file, engine), readFlag(file.stale)));
  } catch (error) {
    // No cause: what a parser says may quote what it read.
    const isOurs = error instanceof CryptoError && error.code === "ring_unreadable";
    throw isOurs ? error : new CryptoError("ring_unreadable");
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
 * anything but a ring of a format that is known.
 */
export async function openRing(
  file: Bytes,
  sealingKey: Bytes,
  engine: Engine = webCrypto,
): Promise<KeyRing> {
  return await decodeRing(await openFile(file, sealingKey, engine), engine);
}

async function openFile(file: Bytes, sealingKey: Bytes, engine: Engine): Promise<Bytes> {
  try {
    const version = { id: await keyId(sealingKey, engine), material: sealingKey };
    const header = readHeader(file);
    return await openDirect(version, header, file, { context: RING_CONTEXT, engine });
  } catch {
    throw new CryptoError("ring_unreadable");
  }
}

/** What a sealed ring holds. It is authentic; the checks are against our own mistakes. */
interface RingFile {
  readonly format: unknown;
  readonly stale?: unknown;
  readonly keys: readonly {
    readonly name: unknown;
    readonly purpose: unknown;
    readonly disabled?: unknown;
    readonly rotateAfter?: unknown;
    readonly minVersion?: unknown;
    readonly versions: readonly VersionFile[];
  }[];
}

interface VersionFile {
  readonly id: string;
  readonly created: string;
  readonly material?: string;
  readonly retired?: unknown;
  readonly disabled?: unknown;
  readonly destroyAt?: unknown;
  readonly destroyed?: unknown;
}

function requireKnownFormat(format: unknown): void {
  if (format === 1 || format === FORMAT) return;
  const hint = "it is of another format: the program is too old for it, or it is no ring";
  throw new CryptoError("ring_unreadable", { hint });
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

async function readKeys({ keys }: RingFile, engine: Engine): Promise<RingKey[]> {
  return await Promise.all(keys.map(async ({ name, purpose, versions, ...more }) => {
    if (!isKeyName(name) || !isPurpose(purpose) || versions.length === 0) {
      throw new CryptoError("ring_unreadable");
    }
    return {
      name,
      purpose,
      ...present("disabled", readFlag(more.disabled) || undefined),
      ...present("rotateAfter", readCount(more.rotateAfter)),
      ...present("minVersion", readCount(more.minVersion)),
      versions: await Promise.all(versions.map((version) => readVersion(version, engine))),
    };
  }));
}

async function readVersion(file: VersionFile, engine: Engine): Promise<RingVersion> {
  const [id, created] = [fromBase64Url(file.id), readTime(file.created) ?? ""];
  if (file.material === undefined) return { id, created, destroyed: readTombstone(id, file) };
  const material = fromBase64Url(file.material);
  const fits = material.length === MATERIAL_LENGTH &&
    equalSecret(id, await keyId(material, engine));
  if (!fits) throw new CryptoError("ring_unreadable");
  return {
    id,
    material,
    created,
    ...present("retired", readTime(file.retired)),
    ...present("disabled", readFlag(file.disabled) || undefined),
    ...present("destroyAt", readTime(file.destroyAt)),
  };
}

/** The time in what is left of a destroyed version. */
function readTombstone({ length }: Bytes, { destroyed }: VersionFile): string {
  const time = readTime(destroyed);
  if (time === undefined || length !== KEY_ID_LENGTH) throw new CryptoError("ring_unreadable");
  return time;
}

/** A member that is there only if it has a value. */
function present<K extends string, T>(name: K, value: T | undefined): { [P in K]?: T } {
  return value === undefined ? {} : { [name]: value } as { [P in K]: T };
}

function readFlag(value: unknown): boolean {
  if (value === undefined || value === true) return value === true;
  throw new CryptoError("ring_unreadable");
}

function readCount(value: unknown): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && (value as number) > 0)) {
    return value as number | undefined;
  }
  throw new CryptoError("ring_unreadable");
}

/** A time that something depends on: one that is none would never come. */
function readTime(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "string" && !Number.isNaN(Date.parse(value))) return value;
  throw new CryptoError("ring_unreadable");
}
