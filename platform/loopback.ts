/** This machine's own addresses, which nobody else reaches. */
import { CryptoError } from "../core/errors.ts";
import type { TcpAddress } from "./tcp.ts";

const ADDRESSES: ReadonlyMap<string, readonly number[]> = new Map([
  ["127.0.0.1", [127, 0, 0, 1]],
  ["::1", [...new Uint8Array(15), 1]],
]);

/** The bytes of such an address. @throws {CryptoError} `config` for one that others could reach */
export function loopbackBytes(at: TcpAddress): readonly number[] {
  const bytes = ADDRESSES.get(at.host);
  if (bytes) return bytes;
  const hint = "on Windows the daemon listens for this machine alone: tls://127.0.0.1:PORT or " +
    "tls://[::1]:PORT";
  throw new CryptoError("config", { subject: at.host, hint });
}
