/**
 * The key ring on disk. It is written whole, beside the old one, and then takes its name: at every
 * moment one good ring is there. Its sealing key lies in another directory.
 */
import { type Bytes, randomBytes } from "../core/bytes.ts";
import type { Engine } from "../core/engine.ts";
import { CryptoError } from "../core/errors.ts";
import { type Layout, nextSealingKeys } from "../core/layout.ts";
import { dueForDestruction } from "../core/lifecycle.ts";
import { DEFAULT_KEY, KeyRing } from "../core/ring.ts";
import { openRing, sealingKeyId, sealRing } from "../core/ring_file.ts";
import { type Rung, SEALING_KEY_LENGTH } from "../core/rungs.ts";
import { exists, renameDurably } from "../platform/durable.ts";
import { carryContextKey } from "./audit/contexts.ts";
import { readSecret, replaceDurably, writeDurably } from "./durable.ts";
import {
  findSealingKey,
  hasSealingKey,
  isSealingKey,
  type SealingKey,
  type SealingPlaces,
  settleSealingKey,
} from "./sealing.ts";

/** A ring is far smaller; what is larger is not one. */
export const MAX_RING_BYTES = 16 * 1024 * 1024;

/** A ring that is open, and what it is under. */
interface Opened {
  readonly ring: KeyRing;
  readonly sealing: SealingKey;
}

/** What a store works with. */
export interface StoreParts extends SealingPlaces {
  readonly engine: Engine;
  /** Whether sealing keys may be written: a daemon may have no right to. */
  readonly ownsConfiguration: boolean;
}

/** Says in the log what is about to be done: what becomes of the ring. What it throws prevents that. */
export type Announce = (present: KeyRing, next: KeyRing) => Promise<void>;

/** The ring in use, and its file. */
export class KeyStore {
  #opened: Opened | undefined;
  #last: Promise<unknown> = Promise.resolve();
  readonly #unsealed = Promise.withResolvers<void>();

  private constructor(private readonly parts: StoreParts, opened: Opened | undefined) {
    this.#opened = opened;
  }

  /** Whether the ring waits for {@link unseal}. */
  get sealed(): boolean {
    return this.#opened === undefined;
  }

  /** Settles when {@link unseal} has opened the ring. */
  get unsealed(): Promise<void> {
    return this.#unsealed.promise;
  }

  get rung(): Rung {
    return this.#opened?.sealing.rung ?? "passphrase";
  }

  /** Whether {@link destroy} makes a new sealing key, so that older ring files open no more. */
  get renews(): boolean {
    return this.rung === "file" && this.parts.ownsConfiguration;
  }

  /** @throws {CryptoError} `sealed` */
  get ring(): KeyRing {
    return this.#open.ring;
  }

  /** What the ring is sealed under. @throws {CryptoError} `sealed` */
  get sealingKey(): Bytes {
    return this.#open.sealing.sealingKey;
  }

  get #open(): Opened {
    if (this.#opened) return this.#opened;
    throw new CryptoError("sealed");
  }

  /**
   * Opens the ring, or makes the first one with a key named `default`. A ring under a passphrase
   * stays sealed.
   * @throws {CryptoError} `ring_unreadable` if no sealing key that is there belongs to the ring, or
   * one of them is missing; `config` if a file cannot be read or made.
   */
  static async open(parts: StoreParts): Promise<KeyStore> {
    const { layout, engine } = parts;
    if (exists(firstPlace(parts))) finishFirstRing(layout);
    else if (!hasSealingKey(parts)) await createFirstRing(parts);
    const file = readSecret(layout.ring, MAX_RING_BYTES);
    if (!file) throw missing(layout.ring, "a sealing key");
    const sealing = await findSealingKey(parts, sealingKeyId(file), engine);
    if (!sealing && !exists(layout.lockedSealingKey)) throw new CryptoError("ring_unreadable");
    const opened = sealing && { ring: await openRing(file, sealing.sealingKey, engine), sealing };
    return new KeyStore(parts, opened);
  }

  /**
   * Opens a sealed ring.
   * @returns false if it is open already, which this then does not change
   * @throws {CryptoError} `decryption_failed` if that is not its key; `ring_unreadable`
   */
  async unseal(sealingKey: Bytes): Promise<boolean> {
    const { layout, engine } = this.parts;
    if (!this.sealed) return false;
    const file = readSecret(layout.ring, MAX_RING_BYTES);
    if (!file) throw new CryptoError("ring_unreadable", { subject: layout.ring });
    if (!await isSealingKey(sealingKey, sealingKeyId(file), engine)) {
      throw new CryptoError("decryption_failed");
    }
    const ring = await openRing(file, sealingKey, engine);
    if (!this.sealed) return false;
    const path = layout.lockedSealingKey;
    this.#opened = { ring, sealing: { rung: "passphrase", sealingKey, path } };
    this.#unsealed.resolve();
    return true;
  }

  /**
   * Changes the ring: first on disk, then here. One change at a time.
   * @param change makes the new ring of the present one
   * @param announce is called when nothing but the disk can stop it any more; what it throws does
   * @throws {CryptoError} `ring_not_saved`; then the old ring stays, here and on disk. Nothing else
   * is thrown after `announce` was called.
   */
  update(
    change: (ring: KeyRing) => Promise<KeyRing> | KeyRing,
    announce: Announce,
  ): Promise<KeyRing> {
    return this.#inTurn(async (opened) => {
      const ring = await change(opened.ring);
      if (ring === opened.ring) return opened;
      return await this.#replace({ ...opened, ring }, () => announce(opened.ring, ring));
    });
  }

  /**
   * Destroys the versions whose time has come. Where it may, it seals what is left under a new
   * sealing key, so that no older ring file opens any more.
   * @param announce as with {@link update}
   * @throws {CryptoError} `ring_not_saved`; then they are all there.
   */
  destroy(now: Date, announce: Announce): Promise<KeyRing> {
    return this.#inTurn(async (opened) => {
      const { ring, sealing } = opened;
      // Somebody may have restored them before this had its turn.
      if (!ring.keys.some((key) => dueForDestruction(key, now).length > 0)) return opened;
      const left = ring.destroyDue(now);
      await announce(ring, left);
      const renewed = this.renews ? await this.#renew(left, sealing) : undefined;
      return renewed ?? await this.#replace({ ring: left, sealing });
    });
  }

  #inTurn(change: (opened: Opened) => Promise<Opened>): Promise<KeyRing> {
    const result = this.#last.then(async () => {
      this.#opened = await change(this.#open);
      return this.#opened.ring;
    });
    this.#last = result.catch(() => undefined);
    return result;
  }

  async #replace(opened: Opened, announce?: () => Promise<void>): Promise<Opened> {
    const file = await sealRing(opened.ring, opened.sealing.sealingKey, this.parts.engine);
    if (file.length > MAX_RING_BYTES) {
      const hint = "it would become too large: there are too many keys and versions";
      throw new CryptoError("ring_not_saved", { hint });
    }
    await announce?.();
    try {
      replaceDurably(this.parts.layout.ring, file);
    } catch (cause) {
      throw new CryptoError("ring_not_saved", { cause });
    }
    return opened;
  }

  /**
   * The ring under a new sealing key, as a move of the ladder from one file to another does it.
   * Killed at any point, one of the two sealing keys opens what is there. Undefined if there can be
   * no new one.
   */
  async #renew(ring: KeyRing, present: SealingKey): Promise<Opened | undefined> {
    const { layout } = this.parts;
    const next = nextSealingKeys(layout).sealingKey;
    const sealingKey = randomBytes(SEALING_KEY_LENGTH);
    if (
      !succeeds(() => settleSealingKey(present)) ||
      !succeeds(() => replaceDurably(next, sealingKey))
    ) {
      return undefined;
    }
    const contextKey = { path: layout.contextKey, engine: this.parts.engine };
    await carryContextKey(contextKey, { from: present.sealingKey, to: sealingKey });
    const sealing = { rung: "file", sealingKey, path: next } as const;
    const opened = await this.#replace({ ring: ring.underNewKey(), sealing });
    // If it is left beside, it is found there, and settled before the next one.
    if (!succeeds(() => settleSealingKey(sealing))) return opened;
    return { ...opened, sealing: { ...sealing, path: layout.sealingKey } };
  }
}

function succeeds(act: () => void): boolean {
  try {
    act();
    return true;
  } catch {
    return false;
  }
}

function missing(path: string, other: string): CryptoError {
  const hint = `${other} is there without it: restore it from a backup, or, if nothing was ever ` +
    "encrypted here, remove the other one too and start again";
  return new CryptoError("ring_unreadable", { subject: path, hint });
}

/** Where the first sealing key goes: under the system's protection, where this process can ask it. */
function firstPlace({ layout, credential }: SealingPlaces): string {
  return credential?.encrypt ? credential.path : layout.sealingKey;
}

/**
 * Makes sealing key and ring. The ring waits under its temporary name until the sealing key is
 * there, so that a crash between leaves what {@link finishFirstRing} completes.
 */
async function createFirstRing(parts: StoreParts): Promise<void> {
  const { layout, engine, credential } = parts;
  const place = firstPlace(parts);
  if (readSecret(layout.ring, MAX_RING_BYTES)) throw missing(place, layout.ring);
  const sealingKey = randomBytes(SEALING_KEY_LENGTH);
  const ring = await new KeyRing().create(DEFAULT_KEY.seal, "seal", { engine });
  try {
    writeDurably(`${layout.ring}.new`, await sealRing(ring, sealingKey, engine));
    writeDurably(`${place}.new`, await credential?.encrypt?.(sealingKey) ?? sealingKey);
    renameDurably(`${place}.new`, place);
    finishFirstRing(layout);
  } catch (cause) {
    const hint = "the first key cannot be written: check the directory's owner and free space";
    throw new CryptoError("config", { subject: layout.ring, hint, cause });
  }
}

/** Gives a ring that was written beside its sealing key its name, if it has none yet. */
function finishFirstRing({ ring }: Layout): void {
  if (exists(ring) || !exists(`${ring}.new`)) return;
  renameDurably(`${ring}.new`, ring);
}
