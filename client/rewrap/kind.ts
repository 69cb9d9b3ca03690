/** What a file holds, as its beginning tells. */
import { armor, ARMOR_PREFIX, unarmor } from "../../core/armor.ts";
import { type Bytes, fromUtf8, utf8 } from "../../core/bytes.ts";
import { looksLikeFernet } from "../../core/fernet.ts";
import { HEADER_LENGTH, KEY_ID_LENGTH, looksLikeMessage, readHeader } from "../../core/header.ts";
import { ENVELOPE_LENGTH } from "../../core/message.ts";

/** How a message is written. */
export type Form = "bytes" | "text";

/** A message that names a key version. */
export interface Held {
  readonly kind: "direct" | "enveloped";
  readonly form: Form;
  /** 8 bytes. */
  readonly keyId: Bytes;
  /** 117 bytes if it is enveloped, else its header. */
  readonly start: Bytes;
}

/** Or why there is nothing to rewrap. */
export type Content = Held | { readonly kind: "passphrase" | "fernet" | "other" };

const ARMOR_START = utf8(ARMOR_PREFIX);
/** Characters that are a whole number of bytes: all of an envelope, and a little more than a header. */
const ENVELOPE_TEXT = ENVELOPE_LENGTH / 3 * 4;
const HEADER_TEXT = Math.ceil(HEADER_LENGTH / 3) * 4;
/** Bytes of a file that tell. */
export const START_LENGTH: number = ARMOR_PREFIX.length + ENVELOPE_TEXT;

/** Reads the first {@link START_LENGTH} bytes of a file, or all of a shorter one. */
export function readContent(start: Bytes): Content {
  try {
    if (looksLikeMessage(start)) return readMessage(start, "bytes");
    if (ARMOR_START.every((byte, i) => start[i] === byte)) return readText(fromUtf8(start));
    return { kind: looksLikeFernet(fromUtf8(start)) ? "fernet" : "other" };
  } catch {
    return { kind: "other" };
  }
}

function readText(text: string): Content {
  const head = (length: number) => unarmor(text.slice(0, ARMOR_PREFIX.length + length));
  const { kind } = readHeader(head(HEADER_TEXT));
  return readMessage(head(kind === "enveloped" ? ENVELOPE_TEXT : HEADER_TEXT), "text");
}

function readMessage(start: Bytes, form: Form): Content {
  const { kind, keyId } = readHeader(start);
  if (kind === "passphrase") return { kind };
  const length = kind === "enveloped" ? ENVELOPE_LENGTH : HEADER_LENGTH;
  if (start.length < length) return { kind: "other" };
  return { kind, form, keyId: keyId.slice(), start: start.slice(0, length) };
}

/** What a file begins with whose envelope (117 bytes) this is. */
export function spellEnvelope(form: Form, envelope: Bytes): Bytes {
  return form === "text" ? utf8(armor(envelope)) : envelope;
}

/** Where in that begins what another envelope may have otherwise. */
export function envelopeOffset(form: Form): number {
  return form === "text" ? ARMOR_PREFIX.length : HEADER_LENGTH - KEY_ID_LENGTH;
}
