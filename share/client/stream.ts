/** Sending what comes as a stream: for a program that has no file to name. */
import type { Bytes } from "../../core/bytes.ts";
import type { Engine } from "../../core/engine.ts";
import { formatLink } from "../../core/share/link.ts";
import type { SharedFile } from "../../core/share/manifest.ts";
import { formatReceipt } from "../../core/share/receipt.ts";
import type { Terms } from "../../core/share/terms.ts";
import { ShareApi } from "./api.ts";
import { sendSecret } from "./send.ts";

/** What is sent, to where and how. */
export interface StreamSending {
  readonly origin: string;
  /** Origin of where the server keeps large bodies, if not itself. */
  readonly storage?: string | undefined;
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
export interface SentStream {
  readonly link: string;
  readonly receipt: string;
  /** Milliseconds since 1970. */
  readonly expires: number;
}

/** Sends it. @throws {CryptoError} what the server says */
export async function sendStream(sending: StreamSending): Promise<SentStream> {
  const { origin, storage, files, length, read, terms, passphrase, engine } = sending;
  const manifest = files ? { kind: "files", files } as const : { kind: "text" } as const;
  const content = { manifest, length, read };
  const options = { terms, passphrase, engine };
  const { secret, id, receipt, expires } = await sendSecret(
    new ShareApi(origin, { storage }),
    content,
    options,
  );
  return { link: formatLink(origin, secret), receipt: formatReceipt({ id, receipt }), expires };
}
