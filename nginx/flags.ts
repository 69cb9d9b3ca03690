/**
 * Values of flags. Each becomes a part of a configuration file, so each has characters of its own
 * and no other: no space, semicolon, quote, brace, dollar or newline.
 */
import { CryptoError } from "../core/errors.ts";

const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
/** A name in the DNS, in small letters. */
export const DOMAIN = new RegExp(`^(?=.{1,253}$)(?:${LABEL}\\.)+(?!\\d+$)${LABEL}$`);

/** What a flag that is not as it should be is answered with. */
export function wrong(flag: string, what: string): CryptoError {
  return new CryptoError("usage", { subject: flag, hint: `it is to be ${what}` });
}

/** @throws {CryptoError} `usage` */
export function matching(text: string, flag: string, pattern: RegExp, what: string): string {
  if (pattern.test(text)) return text;
  throw wrong(flag, what);
}

/** From 1 on. @throws {CryptoError} `usage` */
export function wholeNumber(text: string, flag: string, most: number): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (value >= 1 && value <= most) return value;
  throw wrong(flag, `a whole number from 1 to ${most}`);
}
