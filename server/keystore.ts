/**
 * The key ring on disk. It is written whole, beside the old one, and then takes its name: at every
 * moment one good ring is there. Its sealing key lies in another directory.
 */
import { type Bytes, randomBytes } from "../core/bytes.ts";
import type { Engine } from "../core/engine.ts";
import { CryptoError } from "../core/errors.ts";
import { type Layout, parent } from "../core/layout.ts";
import { DEFAULT_KEY, KeyRing, openRing, sealRing } from "../core/ring.ts";

const SEALING_KEY_LENGTH = 32;
/** A ring is far smaller; what is larger is not one. */
const MAX_RING_BYTES = 16 * 1024 * 1024;

/** The ring in use, and its file. */
export class KeyStore {
  #ring: KeyRing;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly path: string,
    private readonly sealingKey: Bytes,
    private readonly engine: Engine,
    ring: KeyRing,
  ) {
    this.#ring = ring;
  }

  get ring(): KeyRing {
    return this.#ring;
  }

  /**
   * Opens the ring, or makes the first one with a key named `default`.
   * @throws {CryptoError} `ring_unreadable` if ring and sealing key do not belong together, or one
   * of them is missing; `config` if a file cannot be read or made.
   */
  static async open(layout: Layout, engine: Engine): Promise<KeyStore> {
    const stored = readSecret(layout.sealingKey, SEALING_KEY_LENGTH);
    const sealingKey = stored ?? await createFirstRing(layout, engine);
    if (stored) finishFirstRing(layout);
    const file = readSecret(layout.ring, MAX_RING_BYTES);
    if (!file) throw missing(layout.ring, layout.sealingKey);
    return new KeyStore(layout.ring, sealingKey, engine, await openRing(file, sealingKey, engine));
  }

  /**
   * Changes the ring: first on disk, then here. One change at a time.
   * @param change makes the new ring of the present one
   * @throws {CryptoError} `ring_not_saved`; then the old ring stays, here and on disk.
   */
  update(change: (ring: KeyRing) => Promise<KeyRing>): Promise<KeyRing> {
    const result = this.#last.then(async () => {
      const ring = await change(this.#ring);
      this.#save(await sealRing(ring, this.sealingKey, this.engine));
      return this.#ring = ring;
    });
    this.#last = result.catch(() => undefined);
    return result;
  }

  #save(file: Bytes): void {
    try {
      writeDurably(`${this.path}.new`, file);
      renameDurably(`${this.path}.new`, this.path);
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

/** Reads a small file whole; undefined if it is not there. */
function readSecret(path: string, maxLength: number): Bytes | undefined {
  try {
    const { size } = Deno.statSync(path);
    if (size > maxLength) throw new CryptoError("ring_unreadable", { subject: path });
    return Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof CryptoError) throw error;
    throw new CryptoError("config", { subject: path, cause: error });
  }
}

/**
 * Makes sealing key and ring. The ring waits under its temporary name until the sealing key is
 * there, so that a crash between leaves what {@link finishFirstRing} completes.
 */
async function createFirstRing(layout: Layout, engine: Engine): Promise<Bytes> {
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
  return sealingKey;
}

/** Gives a ring that was written beside its sealing key its name, if it has none yet. */
function finishFirstRing({ ring }: Layout): void {
  if (exists(ring) || !exists(`${ring}.new`)) return;
  renameDurably(`${ring}.new`, ring);
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Writes a new file that only its owner can read, and waits until it is on the disk. */
function writeDurably(path: string, bytes: Bytes): void {
  if (exists(path)) Deno.removeSync(path);
  const file = Deno.openSync(path, { write: true, createNew: true, mode: 0o400 });
  try {
    for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
    file.syncSync();
  } catch (error) {
    // A torn file must not wait here for a start that could take it for a good one.
    Deno.removeSync(path);
    throw error;
  } finally {
    file.close();
  }
}

function renameDurably(from: string, to: string): void {
  Deno.renameSync(from, to);
  const directory = Deno.openSync(parent(to));
  try {
    directory.syncSync();
  } finally {
    directory.close();
  }
}
