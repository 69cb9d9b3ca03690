/**
 * Values of flags. Each becomes a part of a configuration file, so each has characters of its own
 * and no other: no space, semicolon, quote, brace, dollar or newline.
 */
import { CryptoError } from "../core/errors.ts";

const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
/** A name in the DNS, in small letters. */
export const DOMAIN = new RegExp(`^(?=.{1,253}$)(?:${LABEL}\\.)+(?!\\d+$)${LABEL}$`);

const ADDRESS = /^(\d[\d.]*|\[[0-9a-f:.]+\])(?::([1-9]\d{0,4}))?$/;
const MOST_PORTS = 65_535;

/** Where something listens. */
export interface Address {
  /** An IPv4 address, or an IPv6 address in brackets. */
  readonly host: string;
  readonly port: number | undefined;
}

/** Reads an address that nginx takes; undefined for every other text, such as a name. */
export function readAddress(text: string): Address | undefined {
  const [, host = "", digits] = ADDRESS.exec(text) ?? [];
  const port = digits === undefined ? undefined : Number(digits);
  const known = URL.parse(`http://${host}`)?.hostname;
  // Of IPv4 the one spelling: there are others, which nginx reads in another way or not at all.
  const isAddress = host.startsWith("[") ? known !== undefined : known === host;
  return isAddress && (port ?? 1) <= MOST_PORTS ? { host, port } : undefined;
}

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
