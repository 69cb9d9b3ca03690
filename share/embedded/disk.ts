/** What a disk says that does not take what is written. */
import { CryptoError } from "../../core/errors.ts";

/** What the system calls a disk, or a quota, without room. */
const FULL: readonly unknown[] = ["ENOSPC", "EDQUOT"];

/** An error of a write or of its confirmation: `share_full`, `io`. */
export function diskFailure(cause: unknown, subject?: string): CryptoError {
  const isFull = cause instanceof Error && "code" in cause && FULL.includes(cause.code);
  return isFull
    ? new CryptoError("share_full", { cause })
    : new CryptoError("io", { subject, cause });
}
