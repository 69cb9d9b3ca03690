/** What the page asks and is answered, as JSON; types alone, so that both sides have them. */
import type { KeyInfo } from "../../core/rpc.ts";
import type { SharedFile } from "../../core/share/manifest.ts";
import type { SentLink } from "../../core/share/sending.ts";

/** What a message is made or read with. */
export interface Terms {
  /** The key's name; absent: the daemon's default, or that of the message. */
  readonly key?: string | undefined;
  /** What the message is bound to. */
  readonly context?: string | undefined;
}

/** The two ways of a message. */
export type Way = "encrypt" | "decrypt";

/** A file that goes through. */
export interface FileJob extends Terms {
  readonly do: Way;
  /** The name of what is made. */
  readonly name: string;
  /** Bytes that go in. */
  readonly size: number;
}

/** What is sent as a link: files, whose bytes go in one after the other, or a text. */
export interface SendJob {
  readonly do: "send";
  readonly files?: readonly SharedFile[] | undefined;
  /** Bytes that go in. */
  readonly size: number;
  /** Seconds that it can be opened for. */
  readonly ttl: number;
  /** Whether a code joins the link. */
  readonly code: boolean;
}

/** What is asked at once. */
export interface Questions {
  readonly about: object;
  readonly text: Terms & { readonly do: Way; readonly text: string };
  readonly job: FileJob | SendJob;
}

/** What was sent. */
export interface Sent extends SentLink {
  readonly code?: string | undefined;
}

/** The answers. */
export interface Results {
  readonly about: {
    readonly keys: readonly KeyInfo[];
    /** Origin of the share server. */
    readonly server: string;
  };
  readonly text: { readonly text: string };
  readonly job: {
    /** Names it in addresses, once each: 32 random bytes as base64url. */
    readonly id: string;
  };
}

/** The header that carries the key of the session. */
export const SESSION_HEADER = "x-crypto-session";
/** The longest text that is encrypted or shown, in bytes; what is longer is a file. */
export const MAX_TEXT = 524_288;
