/** A message as one line of text: `crypto:v1:` and base64url without padding. */
import { fromBase64Url, fromBase64UrlScratch, toBase64Url } from "./base64.ts";
import { type Bytes, concat, EMPTY, utf8 } from "./bytes.ts";
import { CryptoError } from "./errors.ts";

export const ARMOR_PREFIX = "crypto:v1:";

/** Writes a message as text, without a line break. */
export function armor(message: Bytes): string {
  return ARMOR_PREFIX + toBase64Url(message);
}

/**
 * Reads a message from text. Nothing but the one canonical spelling is accepted.
 * @throws {CryptoError} `malformed`
 */
export function unarmor(text: string): Bytes {
  return fromBase64Url(withoutPrefix(text));
}

/** The same for what stays inside; see {@link scratch}. */
export function unarmorScratch(text: string): Bytes {
  return fromBase64UrlScratch(withoutPrefix(text));
}

function withoutPrefix(text: string): string {
  if (text.startsWith(ARMOR_PREFIX)) return text.slice(ARMOR_PREFIX.length);
  throw new CryptoError("malformed");
}

const latin1 = new TextDecoder("latin1");

/** One character for each byte: what is not ASCII is no base64url either, and refused as such. */
function characters(bytes: Bytes): string {
  return latin1.decode(bytes);
}

/** Splits a stream into runs whose length is a multiple of `unit`; the rest waits for more. */
class Regrouper {
  #waiting: Bytes = EMPTY;

  constructor(private readonly unit: number) {}

  take(bytes: Bytes): Bytes {
    const all = concat(this.#waiting, bytes);
    const whole = all.length - (all.length % this.unit);
    this.#waiting = all.slice(whole);
    return all.subarray(0, whole);
  }

  rest(): Bytes {
    return this.#waiting;
  }
}

/** Writes a message as text piece by piece; the result of all pieces is one line. */
export class ArmorEncoder {
  readonly #pieces = new Regrouper(3);

  /** What the text starts with. */
  readonly prefix = utf8(ARMOR_PREFIX);

  update(bytes: Bytes): Bytes {
    return utf8(toBase64Url(this.#pieces.take(bytes)));
  }

  /** The end, with the line break. */
  finish(): Bytes {
    return utf8(toBase64Url(this.#pieces.rest()) + "\n");
  }
}

/** Reads a message from text piece by piece, after its prefix. One line break may end it. */
export class ArmorDecoder {
  readonly #pieces = new Regrouper(4);
  #ended = false;

  /** @throws {CryptoError} `malformed` */
  update(text: Bytes): Bytes {
    return fromBase64Url(characters(this.#pieces.take(this.#withoutLineBreak(text))));
  }

  /** @throws {CryptoError} `malformed` */
  finish(): Bytes {
    return fromBase64Url(characters(this.#pieces.rest()));
  }

  /** The text up to its line break, after which only nothing may come. */
  #withoutLineBreak(text: Bytes): Bytes {
    if (this.#ended && text.length > 0) throw new CryptoError("malformed");
    const end = text.length - (text.at(-1) === 0x0a ? 1 : 0);
    this.#ended ||= end < text.length;
    return text.subarray(0, end);
  }
}
