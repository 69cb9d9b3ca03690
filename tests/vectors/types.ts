/** The shape of crypto-v1.json. docs/format.md describes it for readers of other languages. */

/** What must come of an entry. */
export type Expected =
  | { readonly result: "valid"; readonly length: number }
  | { readonly result: "invalid"; readonly error: "malformed" | "decryption_failed" };

interface Message {
  readonly comment: string;
  /** Null: none is given. */
  readonly context: string | null;
  readonly message: string;
}

/** A direct or an enveloped message. */
export type KeyedVector = Message & Expected & { readonly key: string };

/** A passphrase message. */
export type PassphraseVector =
  & Message
  & Expected
  & { readonly passphrase: string; readonly use: string };

/** A mac, and the data that it is to be verified with, known by their length. */
export interface MacVector {
  readonly comment: string;
  readonly key: string;
  readonly context: string | null;
  readonly length: number;
  readonly mac: string;
  /** Absent: it fits, and is what is made. */
  readonly error?: "malformed" | "verification_failed";
}

/** The JSON inside a ring file. */
export interface RingContent {
  readonly format: number;
  readonly stale?: true;
  readonly keys: readonly {
    readonly name: string;
    readonly purpose: string;
    readonly disabled?: true;
    readonly rotateAfter?: number;
    readonly minVersion?: number;
    readonly versions: readonly {
      readonly id: string;
      readonly material?: string;
      readonly created: string;
      readonly retired?: string;
      readonly disabled?: true;
      readonly destroyAt?: string;
      readonly destroyed?: string;
    }[];
  }[];
}

/** The whole file. Byte strings are base64url without padding. */
export interface CryptoVectors {
  readonly format: "crypto/v1";
  readonly keyIds: readonly { readonly key: string; readonly id: string }[];
  readonly armor: readonly (
    & { readonly comment: string; readonly text: string }
    & ({ readonly bytes: string } | { readonly error: "malformed" })
  )[];
  readonly direct: readonly KeyedVector[];
  /** What every envelope holds. */
  readonly dataKey: string;
  readonly enveloped: readonly KeyedVector[];
  readonly passphrase: readonly PassphraseVector[];
  readonly mac: readonly MacVector[];
  readonly ring: readonly (
    & { readonly comment: string; readonly sealingKey: string; readonly file: string }
    & ({ readonly content: RingContent } | { readonly error: "ring_unreadable" })
  )[];
}
