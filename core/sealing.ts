/** The sealing key on the rung `passphrase`. */
import type { Bytes } from "./bytes.ts";
import { CryptoError } from "./errors.ts";
import { openUnderPassphrase, sealUnderPassphrase } from "./passphrase.ts";
import { SEALING_KEY_LENGTH } from "./rungs.ts";

const USE = { use: "sealing-key" } as const;

/** The file of the rung `passphrase`: the sealing key in a message of kind 2. */
export function lockSealingKey(passphrase: string, sealingKey: Bytes): Promise<Bytes> {
  return sealUnderPassphrase(passphrase, sealingKey, USE);
}

/**
 * Opens what {@link lockSealingKey} made.
 * @throws {CryptoError} `decryption_failed`, `malformed`
 */
export async function unlockSealingKey(passphrase: string, locked: Bytes): Promise<Bytes> {
  const key = await openUnderPassphrase(passphrase, locked, USE);
  if (key.length !== SEALING_KEY_LENGTH) throw new CryptoError("malformed");
  return key;
}
