/** Standard output and error, where it is to be known whether somebody gets what is written there. */
import { fstatSync } from "node:fs";
import { CryptoError } from "../../core/errors.ts";

/** Linux' number of the null device: major 1, minor 3. */
const NULL_DEVICE = 0x103;

/** Refuses an output that leads nowhere. @throws {CryptoError} `io` */
export function requireOutput(): void {
  requireWritten(1, "standard output");
}

/** The same, for what goes to standard error and is needed. @throws {CryptoError} `io` */
export function requireErrorOutput(): void {
  requireWritten(2, "standard error");
}

/**
 * Refuses the null device, which the runtime also puts where a stream is closed: everything seems
 * to be written then. Other systems number it otherwise: there it is not looked for.
 */
function requireWritten(descriptor: number, subject: string): void {
  if (Deno.build.os !== "linux") return;
  if (fstatSync(descriptor).rdev !== NULL_DEVICE) return;
  const hint = "it is closed, or leads nowhere: what is written there would be lost";
  throw new CryptoError("io", { subject, hint });
}
