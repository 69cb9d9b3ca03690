/** Strict reading of a request's fields: one type, one spelling, exact lengths, nothing unknown. */
import { type Bytes, fromBase64Url } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";

function wrong(subject: string, hint: string): CryptoError {
  return new CryptoError("invalid_params", { subject, hint });
}

/** The fields of one request. Every method throws `invalid_params`, naming the field. */
export class Fields {
  readonly #left: Map<string, unknown>;

  constructor(value: object) {
    this.#left = new Map(Object.entries(value));
  }

  #take(name: string): unknown {
    const value = this.#left.get(name);
    this.#left.delete(name);
    return value;
  }

  has(name: string): boolean {
    return this.#left.has(name);
  }

  /** Bytes as base64url without padding, of exactly this length unless a longest one is given. */
  bytes(name: string, length: number, longest: number = length): Bytes {
    const text = this.#take(name);
    if (typeof text === "string" && text.length <= Math.ceil(longest * 4 / 3)) {
      const bytes = decoded(text);
      if (bytes && bytes.length >= length && bytes.length <= longest) return bytes;
    }
    throw wrong(name, `base64url without padding of ${length} bytes is wanted`);
  }

  optionalBytes(name: string, length: number): Bytes | undefined {
    return this.has(name) ? this.bytes(name, length) : undefined;
  }

  /** A whole number. */
  integer(name: string, least: number, most: number): number {
    const value = this.#take(name);
    if (
      typeof value === "number" && Number.isSafeInteger(value) && value >= least && value <= most
    ) {
      return value;
    }
    throw wrong(name, `a whole number from ${least} to ${most} is wanted`);
  }

  oneOf<T extends string>(name: string, values: readonly T[]): T {
    const value = this.#take(name);
    const known = values.find((one) => one === value);
    if (known !== undefined) return known;
    throw wrong(name, `one of ${values.join(", ")} is wanted`);
  }

  /** Refuses what nobody asked for: a misspelt name would otherwise be ignored. */
  end(): void {
    if (this.#left.size > 0) throw wrong("body", "it has a field that is not known");
  }
}

function decoded(text: string): Bytes | undefined {
  try {
    return fromBase64Url(text);
  } catch {
    return undefined;
  }
}
