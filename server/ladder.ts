/**
 * Moving a ring between rungs, backing it up and restoring it. Each is a sequence of durable steps
 * and may be killed between any two of them: what is there then opens, or the same command again
 * completes it.
 */
import { type Bytes, randomBytes } from "../core/bytes.ts";
import type { Engine } from "../core/engine.ts";
import { asCryptoError, CryptoError } from "../core/errors.ts";
import { type Layout, nextSealingKeys, parent } from "../core/layout.ts";
import { openUnderPassphrase, sealUnderPassphrase } from "../core/passphrase.ts";
import type { KeyRing } from "../core/ring.ts";
import { decodeRing, encodeRing, openRing, sealingKeyId, sealRing } from "../core/ring_file.ts";
import { type Rung, SEALING_KEY_LENGTH } from "../core/rungs.ts";
import { lockSealingKey, unlockSealingKey } from "../core/sealing.ts";
import { exists, type Give, renameDurably } from "../platform/durable.ts";
import { carryContextKey } from "./audit/contexts.ts";
import { linkDurably, readSecret, removeDurably, replaceDurably } from "./durable.ts";
import { MAX_RING_BYTES } from "./keystore.ts";
import {
  type Credential,
  findSealingKey,
  isSealingKey,
  type SealingKey,
  settleSealingKey,
} from "./sealing.ts";

const BACKUP = { use: "backup" } as const;
const MAX_LOCKED_BYTES = 1_024;

/** The ring of one daemon, and the rungs that it can stand on. */
export interface Ladder {
  readonly layout: Layout;
  readonly engine: Engine;
  /** Gives the ring and the daemon's own sealing keys their owner. */
  readonly own: Give;
  /** Only where there is a system service. */
  readonly credential?: Required<Credential> | undefined;
}

/** What somebody typed. */
export interface Passphrases {
  /** That of the sealing key in use, if it is under one. */
  readonly current?: string | undefined;
  /** That of what is to be made, or of the backup. */
  readonly given?: string | undefined;
}

/**
 * Moves the ring to a rung under a new sealing key, also where it stands there already: then what
 * opened it before opens it no more. Gives the name of each step that is done.
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
  const found = await findKey(ladder, sealingKeyId(file), current);
  const { rung, sealingKey } = found;
  if (settleSealingKey(found)) yield "settled";
  if (rung === to && to === "credential") {
    // A credential has one name, so there is no place beside it: by way of the file.
    yield* move(ladder, "file", {});
    return yield* move(ladder, to, {});
  }
  const ring = await openRing(file, sealingKey, engine);
  const fresh = randomBytes(SEALING_KEY_LENGTH);
  // Beside the old one if that is in its place, until the ring is under the new one.
  await place(rung === to ? beside(ladder) : ladder, to, fresh, given);
  yield "placed";
  const contextKey = { path: layout.contextKey, engine, own };
  await carryContextKey(contextKey, { from: sealingKey, to: fresh });
  replaceDurably(layout.ring, await sealRing(ring.underNewKey(), fresh, engine), own);
  yield "resealed";
  if (rung === to) {
    await place(ladder, to, fresh, given);
    yield "replaced";
  }
  for (const path of otherPlaces(ladder, to)) {
    removeDurably(path);
    yield "removed";
  }
}

/** The same ladder, with the daemon's own sealing keys under the names of those to come. */
function beside(ladder: Ladder): Ladder {
  return { ...ladder, layout: nextSealingKeys(ladder.layout) };
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
 * Puts a ring in place, under a new key file. What was there, ring and sealing keys, is kept under
 * other names, so that it can be put back.
 * @param kept what those names end with
 */
export async function* restore(
  ladder: Ladder,
  ring: KeyRing,
  kept: string,
): AsyncGenerator<string, void> {
  const { layout, engine, own } = ladder;
  for (const path of [layout.ring, layout.sealingKey]) {
    if (exists(path)) linkDurably(path, `${path}.${kept}`);
    yield "kept";
  }
  const sealingKey = randomBytes(SEALING_KEY_LENGTH);
  await place(beside(ladder), "file", sealingKey);
  yield "placed";
  replaceDurably(layout.ring, await sealRing(ring.underNewKey(), sealingKey, engine), own);
  yield "resealed";
  await place(ladder, "file", sealingKey);
  removeDurably(nextSealingKeys(layout).sealingKey);
  yield "replaced";
  for (const path of otherPlaces(ladder, "file")) {
    if (exists(path)) renameDurably(path, `${path}.${kept}`);
    yield "kept";
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
  return await findSealingKey(ladder, id, ladder.engine) ?? await unlock(ladder, id, current);
}

/** The sealing key with an id, from under a passphrase: in its place, or on its way there. */
async function unlock(
  { layout, engine }: Ladder,
  id: Bytes,
  current?: string,
): Promise<SealingKey> {
  const paths = [layout, nextSealingKeys(layout)].map((one) => one.lockedSealingKey);
  const locked = paths.flatMap((path) => {
    const one = readSecret(path, MAX_LOCKED_BYTES);
    return one ? [{ path, one }] : [];
  });
  if (locked.length > 0 && current === undefined) throw new CryptoError("sealed");
  let failure = new CryptoError("ring_unreadable", { subject: layout.ring });
  for (const { path, one } of locked) {
    try {
      const sealingKey = await unlockSealingKey(required(current), one);
      if (await isSealingKey(sealingKey, id, engine)) {
        return { rung: "passphrase", sealingKey, path };
      }
    } catch (error) {
      failure = asCryptoError(error);
    }
  }
  throw failure;
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
  const places: readonly (readonly [Rung | "on its way", string | undefined])[] = [
    ["file", layout.sealingKey],
    ["passphrase", layout.lockedSealingKey],
    ["credential", credential?.path],
    // Once the ring is under a key in its place, none is on its way.
    ["on its way", nextSealingKeys(layout).sealingKey],
    ["on its way", nextSealingKeys(layout).lockedSealingKey],
  ];
  return places.flatMap(([of, path]) => of === rung || path === undefined ? [] : [path]);
}

function required(passphrase: string | undefined): string {
  if (passphrase !== undefined) return passphrase;
  throw new CryptoError("no_passphrase");
}
