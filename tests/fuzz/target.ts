/** What a fuzzer tries. */
import type { Bytes } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";

/** Something that reads what others wrote. */
export interface Target extends AsyncDisposable {
  /** Inputs as they should be: others are made of them. */
  readonly seeds: readonly Bytes[];
  /** Reads one. Throws anything but a {@link CryptoError} where it does what it must not. */
  read(input: Bytes): unknown;
}

/** A target that holds nothing. */
export function target(seeds: readonly Bytes[], read: Target["read"]): Target {
  return { seeds, read, [Symbol.asyncDispose]: () => Promise.resolve() };
}

/** What a refusal is: an error of the table that is not an unforeseen one. */
export function isRefusal(thrown: unknown): boolean {
  return thrown instanceof CryptoError && thrown.code !== "internal";
}
