/** What a sender asks for. The server keeps it exactly, and the ciphertext is bound to it. */
import { type Bytes, concat, utf8 } from "../bytes.ts";

/** Whether a secret was sent, or answers a request. */
export type SecretKind = "secret" | "answer";

/** The terms of one secret. */
export interface Terms {
  readonly kind: SecretKind;
  /** Lifetime in seconds. */
  readonly ttl: number;
  /** How many may read it. */
  readonly views: number;
  /** Whether a passphrase or code joins the link. */
  readonly passphrase: boolean;
}

/** Shortest and longest lifetime in seconds. A server may allow less. */
export const TTL_RANGE = { least: 60, most: 30 * 86_400 } as const;
/** Fewest and most readers. */
export const VIEWS_RANGE = { least: 1, most: 100 } as const;
/** Bodies up to this many bytes of ciphertext travel inside the JSON. */
export const INLINE_BYTES = 262_144;

const FORMAT = 1;
const KIND_BYTES: Readonly<Record<SecretKind, number>> = { secret: 0, answer: 1 };
const LABEL = "crypto/v1/share/body\0";

/** The context of a secret's ciphertext: docs/sharing.md, "Ciphertext". */
export function bodyContext({ kind, ttl, views, passphrase }: Terms): Bytes {
  const fixed = new DataView(new ArrayBuffer(15));
  fixed.setUint8(0, FORMAT);
  fixed.setUint8(1, KIND_BYTES[kind]);
  fixed.setBigUint64(2, BigInt(ttl));
  fixed.setUint32(10, views);
  fixed.setUint8(14, passphrase ? 1 : 0);
  return concat(utf8(LABEL), new Uint8Array(fixed.buffer));
}
