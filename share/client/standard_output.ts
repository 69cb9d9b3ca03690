/** Standard output, where it is to be known whether somebody gets what is written there. */
import { fstatSync } from "node:fs";
import { CryptoError } from "../../core/errors.ts";

const DESCRIPTOR = 1;
/** Linux' number of the null device: major 1, minor 3. */
const NULL_DEVICE = 0x103;

/**
 * Refuses the null device, which the runtime also puts where standard output is closed: everything
 * seems to be written then.
 * @throws {CryptoError} `io`
 */
export function requireOutput(): void {
  if (fstatSync(DESCRIPTOR).rdev !== NULL_DEVICE) return;
  const hint = "it is closed, or leads nowhere: what is written there would be lost";
  throw new CryptoError("io", { subject: "standard output", hint });
}
