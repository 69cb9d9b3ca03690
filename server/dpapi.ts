/**
 * The ladder's credential on Windows: the sealing key under DPAPI, for the account that the daemon
 * runs as.
 */
import { Dpapi } from "../platform/dpapi.ts";
import { readSecret } from "./durable.ts";
import type { Credential } from "./sealing.ts";

const PURPOSE = "crypto/v1/sealing-key";
const MAX_BYTES = 4_096;

/**
 * Loads what it takes, which needs `ffi`.
 * @param path of the file under DPAPI
 * @throws {CryptoError} `config` elsewhere than on Windows
 */
export function dpapiCredential(path: string): Required<Credential> {
  const dpapi = new Dpapi(PURPOSE);
  return {
    path,
    encrypt: (sealingKey) => Promise.resolve(dpapi.protect(sealingKey)),
    decrypt() {
      const message = readSecret(path, MAX_BYTES);
      return Promise.resolve(message && dpapi.unprotect(message));
    },
  };
}
