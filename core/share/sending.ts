/** Sending what comes as a stream, for a program that does so as one of many things. */
import type { Bytes } from "../bytes.ts";
import type { Engine } from "../engine.ts";
import type { SharedFile } from "./manifest.ts";
import type { Terms } from "./terms.ts";

/** A share server. */
export interface ShareServer {
  readonly origin: string;
  /** Origin of where it keeps large bodies, if not itself. */
  readonly storage?: string | undefined;
}

/** What is sent, to where and how. */
export interface Sending extends ShareServer {
  /** What the bytes are, one file after the other; absent: a text. */
  readonly files?: readonly SharedFile[] | undefined;
  /** Bytes that {@link read} gives, exactly. */
  readonly length: number;
  /** Each piece is to be used before the next is asked for. */
  read(): AsyncIterable<Bytes>;
  readonly terms: Pick<Terms, "ttl" | "views">;
  readonly passphrase?: string | undefined;
  readonly engine?: Engine | undefined;
}

/** What a sender gets, as text. */
export interface SentLink {
  readonly link: string;
  readonly receipt: string;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

/** Sends it. @throws {CryptoError} what the server says */
export type SendLink = (sending: Sending) => Promise<SentLink>;
