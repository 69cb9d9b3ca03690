/**
 * Moving a ring between rungs, backing it up and restoring it. Each is a sequence of durable steps
 * and may be killed between any two of them: what is there then opens, or the same command again
 * completes it.
 */
import { type Bytes, randomBytes } from "../core/bytes.ts";
import type { Engine } from "../core/engine.ts";
import { CryptoError } from "../core/errors.ts";
import { type Layout, parent } from "../core/layout.ts";
import { openUnderPassphrase, sealUnderPassphrase } from "../core/passphrase.ts";
import {
  decodeRing,
  encodeRing,
  type KeyRing,
  openRing,
  sealingKeyId,
  sealRing,
} from "../core/ring.ts";
import {
  lockSealingKey,
  type Rung,
  SEALING_KEY_LENGTH,
  unlockSealingKey,
} from "../core/sealing.ts";
import {
  exists,
  linkDurably,
  type Own,
  readSecret,
  removeDurably,
  renameDurably,
  replaceDurably,
} from "./durable.ts";
import { MAX_RING_BYTES } from "./keystore.ts";
import { findSealingKey, isSealingKey, type SealingKey } from "./sealing.ts";

const BACKUP = { use: "backup" } as const;
const MAX_LOCKED_BYTES = 1_024;

/** The credential's encrypted file, and the tool that makes and opens it. */
export interface Credential {
  readonly path: string;
  encrypt(sealingKey: Bytes): Promise<Bytes>;
  decrypt(): Promise<Bytes>;
}

/** The ring of one daemon, and the rungs that it can stand on. */
export interface Ladder {
  readonly layout: Layout;
  readonly engine: Engine;
  /** Gives the ring and the daemon's own sealing keys their owner. */
  readonly own: Own;
  /** Only where there is a system service. */
  readonly credential?: Credential | undefined;
}

/** What somebody typed. */
export interface Passphrases {
  /** That of the sealing key in use, if it is under one. */
  readonly current?: string | undefined;
  /** That of what is to be made, or of the backup. */
  readonly given?: string | undefined;
}

/**
 * Moves the ring to a rung under a new sealing key. Gives the name of each step that is done.
 * On the rung `passphrase` already, it only changes the passphrase.
 * @throws {CryptoError} `sealed` if the present passphrase is needed; `decryption_failed` if it is
 * another; `ring_unreadable`; `config` for a rung that there is not
 */
export async function* move(
  ladder: Ladder,
  to: Rung,
  { current, given }: Passphrases,
): AsyncGenerator<string, void> {
  const { layout, engine, own } = ladder;
  const file = readRing(layout);
  const { rung, sealingKey } = await findKey(ladder, sealingKeyId(file), current);
  const ring = await openRing(file, sealingKey, engine);
  if (rung !== to) {
    const fresh = randomBytes(SEALING_KEY_LENGTH);
    await place(ladder, to, fresh, given);
    yield "placed";
    replaceDurably(layout.ring, await sealRing(ring, fresh, engine), own);
    yield "resealed";
  } else if (to === "passphrase") {
    await place(ladder, to, sealingKey, given);
    yield "placed";
  }
  for (const path of otherPlaces(ladder, to)) {
    removeDurably(path);
    yield "removed";
  }
}

/** The ring under a passphrase, in a message of kind 2. */
export async function makeBackup(ladder: Ladder, passphrases: Passphrases): Promise<Bytes> {
  const { layout, engine } = ladder;
  const file = readRing(layout);
  const { sealingKey } = await findKey(ladder, sealingKeyId(file), passphrases.current);
  const content = encodeRing(await openRing(file, sealingKey, engine));
  return await sealUnderPassphrase(required(passphrases.given), content, { ...BACKUP, engine });
}

/**
 * Reads what {@link makeBackup} made.
 * @throws {CryptoError} `decryption_failed`, `malformed`
 */
export async function openBackup(backup: Bytes, passphrase: string, engine: Engine) {
  return await decodeRing(await openUnderPassphrase(passphrase, backup, { ...BACKUP, engine }));
}

/**
 * Puts a ring in place: under the sealing key in use if that can be had without asking, else under
 * a new key file. What was there is kept under another name.
 * @param kept what those names end with
 */
export async function* restore(
  ladder: Ladder,
  ring: KeyRing,
  kept: string,
): AsyncGenerator<string, void> {
  const { layout, engine, own } = ladder;
  const old = readSecret(layout.ring, MAX_RING_BYTES);
  const found = old && await findKeyIfThere(ladder, old);
  if (old) linkDurably(layout.ring, `${layout.ring}.${kept}`);
  yield "kept";
  const sealingKey = found?.sealingKey ?? randomBytes(SEALING_KEY_LENGTH);
  if (!found) {
    if (exists(layout.sealingKey)) {
      linkDurably(layout.sealingKey, `${layout.sealingKey}.${kept}`);
    }
    replaceDurably(layout.sealingKey, sealingKey, own);
    yield "placed";
  }
  replaceDurably(layout.ring, await sealRing(ring, sealingKey, engine), own);
  yield "resealed";
  for (const path of otherPlaces(ladder, found?.rung ?? "file")) {
    if (exists(path)) renameDurably(path, `${path}.${kept}`);
    yield "kept";
  }
}

async function findKeyIfThere(ladder: Ladder, file: Bytes): Promise<SealingKey | undefined> {
  try {
    return await findKey(ladder, sealingKeyId(file));
  } catch (error) {
    // A key that is lost, or a ring that is no ring, is what a backup is for.
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}

function readRing({ ring }: Layout): Bytes {
  const file = readSecret(ring, MAX_RING_BYTES);
  if (file) return file;
  const hint = "there is no ring: start the daemon once, or restore a backup";
  throw new CryptoError("ring_unreadable", { subject: ring, hint });
}

/** The sealing key with an id, from whichever rung has it. */
async function findKey(ladder: Ladder, id: Bytes, current?: string): Promise<SealingKey> {
  const { layout, engine, credential } = ladder;
  const onDisk = await findSealingKey({ layout }, id, engine);
  if (onDisk) return onDisk;
  if (credential && exists(credential.path)) {
    const sealingKey = await credential.decrypt();
    if (await isSealingKey(sealingKey, id, engine)) return { rung: "credential", sealingKey };
  }
  const locked = readSecret(layout.lockedSealingKey, MAX_LOCKED_BYTES);
  if (!locked) throw new CryptoError("ring_unreadable", { subject: layout.ring });
  if (current === undefined) throw new CryptoError("sealed");
  const sealingKey = await unlockSealingKey(current, locked);
  if (await isSealingKey(sealingKey, id, engine)) return { rung: "passphrase", sealingKey };
  throw new CryptoError("ring_unreadable", { subject: layout.ring });
}

/** Writes a sealing key on a rung. What was there did not open the ring. */
async function place(ladder: Ladder, to: Rung, sealingKey: Bytes, given?: string): Promise<void> {
  const { layout, own, credential } = ladder;
  if (to === "file") return replaceDurably(layout.sealingKey, sealingKey, own);
  if (to === "passphrase") {
    const locked = await lockSealingKey(required(given), sealingKey);
    return replaceDurably(layout.lockedSealingKey, locked, own);
  }
  if (!credential) {
    const hint = "a credential is for the system's service: choose file or passphrase";
    throw new CryptoError("config", { subject: "credential", hint });
  }
  Deno.mkdirSync(parent(credential.path), { recursive: true, mode: 0o700 });
  replaceDurably(credential.path, await credential.encrypt(sealingKey));
}

function otherPlaces({ layout, credential }: Ladder, rung: Rung): string[] {
  const places: readonly (readonly [Rung, string | undefined])[] = [
    ["file", layout.sealingKey],
    ["passphrase", layout.lockedSealingKey],
    ["credential", credential?.path],
  ];
  return places.flatMap(([of, path]) => of === rung || path === undefined ? [] : [path]);
}

function required(passphrase: string | undefined): string {
  if (passphrase !== undefined) return passphrase;
  throw new CryptoError("no_passphrase");
}
