/** Reading and writing JSON of an exact shape: both sides of the API are made of these. */
import { fromBase64Url, toBase64Url } from "../base64.ts";
import type { Bytes } from "../bytes.ts";
import { CryptoError } from "../errors.ts";

/** One kind of value, as it is in a program and as it is in JSON. */
export interface Codec<T> {
  /** Takes anything. @throws {CryptoError} `invalid_params`, naming the field, never the value */
  read(json: unknown, field: string): T;
  write(value: T): unknown;
}

/** What a codec reads. */
export type Of<C> = C extends Codec<infer T> ? T : never;

/** What is answered to a value that is not as it should be: it names the field, never the value. */
export function misfit(field: string): CryptoError {
  const hint = "see docs/sharing.md for what each call is asked";
  return new CryptoError("invalid_params", { subject: field, hint });
}

function requireThat(holds: boolean, field: string): asserts holds {
  if (!holds) throw misfit(field);
}

/** Just so many bytes, or at most so many, as base64url in its one spelling. */
export function bytes(length: number, least: number = length): Codec<Bytes> {
  return {
    read(json, field) {
      const longest = Math.ceil(length * 4 / 3);
      requireThat(typeof json === "string" && json.length <= longest, field);
      const value = decode(json, field);
      requireThat(value.length >= least && value.length <= length, field);
      return value;
    },
    write: toBase64Url,
  };
}

function decode(text: string, field: string): Bytes {
  try {
    return fromBase64Url(text);
  } catch {
    throw misfit(field);
  }
}

/** A whole number in a range; no text, no fraction, nothing that rounds. */
export function integer(least: number, most: number = Number.MAX_SAFE_INTEGER): Codec<number> {
  return {
    read(json, field) {
      requireThat(typeof json === "number" && Number.isSafeInteger(json), field);
      requireThat(json >= least && json <= most, field);
      return json;
    },
    write: (value) => value,
  };
}

export const flag: Codec<boolean> = {
  read(json, field) {
    requireThat(typeof json === "boolean", field);
    return json;
  },
  write: (value) => value,
};

/** One of some texts. */
export function oneOf<const T extends string>(...texts: readonly T[]): Codec<T> {
  return {
    read(json, field) {
      const found = texts.find((text) => text === json);
      requireThat(found !== undefined, field);
      return found;
    },
    write: (value) => value,
  };
}

/** What may be left out; `null` is not the same. */
export function optional<T>(codec: Codec<T>): Codec<T | undefined> {
  return {
    read: (json, field) => json === undefined ? undefined : codec.read(json, field),
    write: (value) => value === undefined ? undefined : codec.write(value),
  };
}

/** Any number of the same. */
export function list<T>(codec: Codec<T>, most: number): Codec<readonly T[]> {
  return {
    read(json, field) {
      requireThat(Array.isArray(json) && json.length <= most, field);
      return json.map((item) => codec.read(item, field));
    },
    write: (value) => value.map((item) => codec.write(item)),
  };
}

type Shape = Readonly<Record<string, Codec<unknown>>>;
type Fields<S extends Shape> = { readonly [K in keyof S]: Of<S[K]> };

/** An object with these fields and no other. */
export function object<S extends Shape>(shape: S): Codec<Fields<S>> {
  const names = Object.keys(shape);
  return {
    read(json, field) {
      requireThat(typeof json === "object" && json !== null && !Array.isArray(json), field);
      const extra = Object.keys(json).some((name) => !Object.hasOwn(shape, name));
      requireThat(!extra, field);
      const given = new Map(Object.entries(json));
      const read = names.map((name) => [name, shape[name]!.read(given.get(name), name)]);
      return Object.fromEntries(read) as Fields<S>;
    },
    write(value) {
      return Object.fromEntries(names.map((name) => [name, shape[name]!.write(value[name])]));
    },
  };
}

/** One of two kinds of object, told apart by a field that only the second has. */
export function either<A extends object, B extends object>(
  first: Codec<A>,
  mark: keyof B & string,
  second: Codec<B>,
): Codec<A | B> {
  const isSecond = (value: unknown): value is B => {
    return typeof value === "object" && value !== null && Object.hasOwn(value, mark);
  };
  return {
    read: (json, field) => (isSecond(json) ? second : first).read(json, field),
    write: (value) => isSecond(value) ? second.write(value) : first.write(value),
  };
}
