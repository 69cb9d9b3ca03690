/** Receipts: by what a sender, and nobody who has only the link, asks about a secret. */
import { fromBase64Url, toBase64Url } from "../base64.ts";
import { type Bytes, concat } from "../bytes.ts";
import { CryptoError } from "../errors.ts";
import { ID_LENGTH, PROOF_LENGTH } from "./keys.ts";

const PREFIX = "crypto:receipt:v1:";

/** What a receipt says. */
export interface Receipt {
  /** 16 bytes. */
  readonly id: Bytes;
  /** 32 random bytes, which nothing of the link gives. */
  readonly receipt: Bytes;
}

/** Writes a receipt as one line of text. */
export function formatReceipt({ id, receipt }: Receipt): string {
  return PREFIX + toBase64Url(concat(id, receipt));
}

/**
 * Reads one. White space around it is fine.
 * @throws {CryptoError} `bad_link`, which quotes nothing of it
 */
export function parseReceipt(text: string): Receipt {
  const bytes = decode(text.trim());
  if (bytes.length !== ID_LENGTH + PROOF_LENGTH) throw notReceipt();
  return { id: bytes.slice(0, ID_LENGTH), receipt: bytes.slice(ID_LENGTH) };
}

function decode(text: string): Bytes {
  if (!text.startsWith(PREFIX)) throw notReceipt();
  try {
    return fromBase64Url(text.slice(PREFIX.length));
  } catch {
    throw notReceipt();
  }
}

function notReceipt(): CryptoError {
  return new CryptoError("bad_link", {
    hint: `a receipt starts with ${PREFIX} and has one line: copy all of it`,
  });
}
