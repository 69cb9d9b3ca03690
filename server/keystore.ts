/**
 * The key ring on disk. It is written whole, beside the old one, and then takes its name: at every
 * moment one good ring is there. Its sealing key lies in another directory.
 */
import { type Bytes, randomBytes } from "../core/bytes.ts";
import type { Engine } from "../core/engine.ts";
import { CryptoError } from "../core/errors.ts";
import type { Layout } from "../core/layout.ts";
import { DEFAULT_KEY, KeyRing, openRing, sealingKeyId, sealRing } from "../core/ring.ts";
import { type Rung, SEALING_KEY_LENGTH } from "../core/rungs.ts";
import { exists, renameDurably } from "../platform/durable.ts";
import { readSecret, replaceDurably, writeDurably } from "./durable.ts";
import { findSealingKey, hasSealingKey, isSealingKey, type SealingPlaces } from "./sealing.ts";

/** A ring is far smaller; what is larger is not one. */
export const MAX_RING_BYTES = 16 * 1024 * 1024;

/** A ring that is open, and what it is under. */
interface Opened {
  readonly ring: KeyRing;
  readonly sealingKey: Bytes;
}

/** The ring in use, and its file. */
export class KeyStore {
  #opened: Opened | undefined;
  #last: Promise<unknown> = Promise.resolve();
  readonly #unsealed = Promise.withResolvers<void>();

  private constructor(
    private readonly path: string,
    private readonly engine: Engine,
    readonly rung: Rung,
    opened: Opened | undefined,
  ) {
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

  /** @throws {CryptoError} `sealed` */
  get ring(): KeyRing {
    return this.#open.ring;
  }

  /** What the ring is sealed under. @throws {CryptoError} `sealed` */
  get sealingKey(): Bytes {
    return this.#open.sealingKey;
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
  static async open(places: SealingPlaces, engine: Engine): Promise<KeyStore> {
    const { layout } = places;
    if (exists(layout.sealingKey)) finishFirstRing(layout);
    else if (!hasSealingKey(places)) await createFirstRing(layout, engine);
    const file = readSecret(layout.ring, MAX_RING_BYTES);
    if (!file) throw missing(layout.ring, "a sealing key");
    const found = await findSealingKey(places, sealingKeyId(file), engine);
    if (!found && !exists(layout.lockedSealingKey)) throw new CryptoError("ring_unreadable");
    const opened = found && {
      ring: await openRing(file, found.sealingKey, engine),
      sealingKey: found.sealingKey,
    };
    return new KeyStore(layout.ring, engine, found?.rung ?? "passphrase", opened);
  }

  /**
   * Opens a sealed ring.
   * @returns false if it is open already, which this then does not change
   * @throws {CryptoError} `decryption_failed` if that is not its key; `ring_unreadable`
   */
  async unseal(sealingKey: Bytes): Promise<boolean> {
    if (!this.sealed) return false;
    const file = readSecret(this.path, MAX_RING_BYTES);
    if (!file) throw new CryptoError("ring_unreadable", { subject: this.path });
    if (!await isSealingKey(sealingKey, sealingKeyId(file), this.engine)) {
      throw new CryptoError("decryption_failed");
    }
    const ring = await openRing(file, sealingKey, this.engine);
    if (!this.sealed) return false;
    this.#opened = { ring, sealingKey };
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
    change: (ring: KeyRing) => Promise<KeyRing>,
    announce: () => Promise<void>,
  ): Promise<KeyRing> {
    const result = this.#last.then(async () => {
      const { ring, sealingKey } = this.#open;
      const changed = await change(ring);
      const file = await sealRing(changed, sealingKey, this.engine);
      await announce();
      this.#save(file);
      this.#opened = { ring: changed, sealingKey };
      return changed;
    });
    this.#last = result.catch(() => undefined);
    return result;
  }

  #save(file: Bytes): void {
    try {
      replaceDurably(this.path, file);
    } catch (cause) {
      throw new CryptoError("ring_not_saved", { cause });
    }
  }
}

function missing(path: string, other: string): CryptoError {
  const hint = `${other} is there without it: restore it from a backup, or, if nothing was ever ` +
    "encrypted here, remove the other one too and start again";
  return new CryptoError("ring_unreadable", { subject: path, hint });
}

/**
 * Makes sealing key and ring. The ring waits under its temporary name until the sealing key is
 * there, so that a crash between leaves what {@link finishFirstRing} completes.
 */
async function createFirstRing(layout: Layout, engine: Engine): Promise<void> {
  if (readSecret(layout.ring, MAX_RING_BYTES)) throw missing(layout.sealingKey, layout.ring);
  const sealingKey = randomBytes(SEALING_KEY_LENGTH);
  const ring = await new KeyRing().create(DEFAULT_KEY.seal, "seal", { engine });
  try {
    writeDurably(`${layout.ring}.new`, await sealRing(ring, sealingKey, engine));
    writeDurably(`${layout.sealingKey}.new`, sealingKey);
    renameDurably(`${layout.sealingKey}.new`, layout.sealingKey);
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
