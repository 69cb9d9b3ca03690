/** The first key: made once, and never where there are keys. */
import { randomBytes } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { DEFAULT_KEY, KeyRing } from "../core/ring.ts";
import { sealRing } from "../core/ring_file.ts";
import { SEALING_KEY_LENGTH } from "../core/rungs.ts";
import { exists, removeIfThere, renameDurably, writeNew } from "../platform/durable.ts";

const SECRET = 0o400;

/** Where the two parts of the keys are. */
export interface KeyPlaces {
  readonly sealingKey: string;
  readonly ring: string;
}

/**
 * Makes sealing key and ring, the service's own, or finishes what was interrupted. The ring waits
 * under another name until the sealing key is there, as the daemon does it.
 * @param give gives a new file to the service
 * @throws {CryptoError} `ring_unreadable` if there is a ring
 */
export async function makeKeys(places: KeyPlaces, give: (path: string) => void): Promise<void> {
  const { sealingKey, ring } = places;
  if (exists(ring)) {
    const hint = "it was made in the meantime, and stays: install again";
    throw new CryptoError("ring_unreadable", { subject: ring, hint });
  }
  if (!exists(sealingKey)) await writeKeys(places, give);
  renameDurably(`${ring}.new`, ring);
}

async function writeKeys(
  { sealingKey, ring }: KeyPlaces,
  give: (path: string) => void,
): Promise<void> {
  const secret = randomBytes(SEALING_KEY_LENGTH);
  const keys = await new KeyRing().create(DEFAULT_KEY.seal, "seal");
  const temporary = [`${ring}.new`, `${sealingKey}.new`] as const;
  try {
    writeNew(temporary[0], await sealRing(keys, secret), SECRET, give);
    writeNew(temporary[1], secret, SECRET, give);
    renameDurably(temporary[1], sealingKey);
  } catch (error) {
    temporary.forEach(removeIfThere);
    throw error;
  }
}

/** Removes keys that have not been used. */
export function removeKeys({ sealingKey, ring }: KeyPlaces): void {
  for (const path of [sealingKey, ring]) removeIfThere(path);
}
