/** Codes: four words to be spoken, kept out of the link; and how passphrases are spelled. */
import { CryptoError } from "../errors.ts";
import { WORDS } from "./words.ts";

const CODE_WORDS = 4;
const MAX_PASSPHRASE = 4_096;

/** Fills 32-bit numbers with random bits, as `crypto.getRandomValues` does. */
export type RandomNumbers = (numbers: Uint32Array<ArrayBuffer>) => unknown;

/** A new code: four words, each of the list as likely (41 bits), joined by hyphens. */
export function newCode(random: RandomNumbers = (numbers) => crypto.getRandomValues(numbers)) {
  return Array.from({ length: CODE_WORDS }, () => WORDS[below(WORDS.length, random)]!).join("-");
}

/** A whole number below `limit`, all alike: what would favour the first ones is drawn again. */
function below(limit: number, random: RandomNumbers): number {
  const numbers = new Uint32Array(1);
  const fair = 2 ** 32 - (2 ** 32 % limit);
  do random(numbers); while (numbers[0]! >= fair);
  return numbers[0]! % limit;
}

const WORD = `(?:${WORDS.join("|")})`;
const CODE = new RegExp(`^${WORD}(?:-${WORD}){${CODE_WORDS - 1}}$`);

/**
 * The one spelling of a passphrase: NFKC; and four words of the list, in whatever case and with
 * whatever spaces and hyphens between them, are a code.
 * @throws {CryptoError} `no_passphrase` unless it has 1 to 4,096 characters
 */
export function canonicalPassphrase(text: string): string {
  if (text.length === 0 || text.length > MAX_PASSPHRASE) throw new CryptoError("no_passphrase");
  const normal = text.normalize("NFKC");
  const code = normal.trim().toLowerCase().replace(/[\s\p{Pd}]+/gu, "-");
  return CODE.test(code) ? code : normal;
}
