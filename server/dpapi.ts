/**
 * The ladder's credential on Windows: the sealing key under DPAPI, for the account that the daemon
 * runs as.
 */
import { CryptoError } from "../core/errors.ts";
import { Dpapi } from "../platform/dpapi.ts";
import { readSecret } from "./durable.ts";
import type { Credential } from "./sealing.ts";

const PURPOSE = "crypto/v1/sealing-key";
const MAX_BYTES = 4_096;
const NOT_OPENED = "Windows does not open the sealing key: it is another account's or machine's, " +
  "somebody else has set this one's password, or the file was changed; restore a backup";

/**
 * Loads what it takes, which needs `ffi`. What it gives makes the credential of a file under DPAPI.
 * @throws {CryptoError} `config` elsewhere than on Windows
 */
export function loadDpapi(): (path: string) => Required<Credential> {
  const dpapi = new Dpapi(PURPOSE);
  return (path) => ({
    path,
    encrypt: (sealingKey) => Promise.resolve(dpapi.protect(sealingKey)),
    async decrypt() {
      const message = readSecret(path, MAX_BYTES);
      try {
        return message && await dpapi.unprotect(message);
      } catch (cause) {
        throw new CryptoError("ring_unreadable", { subject: path, hint: NOT_OPENED, cause });
      }
    },
  });
}
