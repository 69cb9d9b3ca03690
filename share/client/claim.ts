import type { Bytes } from "../../core/bytes.ts";

/** A taker's side of a claim. */
export interface Claim {
  /** 32 bytes. */
  readonly token: Bytes;
  /** How many bytes of the content are written, and will be there after a kill. */
  readonly position: number;
  /** A name for files that belong to it; nothing of the token can be learnt from it. */
  readonly mark: string;
  note(position: number): void;
  /** Nothing more will be asked. */
  end(): void;
}
