/** What the page has done: by the daemon, by the engine here, by the share server. */
import { type Bytes, concat, fromUtf8, utf8 } from "../../core/bytes.ts";
import type { Engine } from "../../core/engine.ts";
import { CryptoError } from "../../core/errors.ts";
import { newCode } from "../../core/share/code.ts";
import type { SendLink, ShareServer } from "../../core/share/sending.ts";
import type { KeyService } from "../keyservice.ts";
import { decryptFlow, encryptFlow } from "../message.ts";
import { sourceOf, streamOf } from "../stream.ts";
import type { Work } from "./jobs.ts";
import {
  type FileJob,
  MAX_TEXT,
  type Questions,
  type Results,
  type SendJob,
  type Sent,
} from "./wire.ts";

/** Pieces are of 16 chunks, since each is a new buffer, and what is too slow for more is HTTP. */
const PIECE_PARTS = 8;

/** What the work is done with. */
export interface Tools {
  readonly service: KeyService;
  readonly engine: Engine | undefined;
  readonly share: SendLink;
  /** The share server, and its storage if it has named one. */
  readonly server: ShareServer;
}

/** The work of one window. */
export class GuiWork implements Work {
  constructor(private readonly tools: Tools) {}

  async about(): Promise<Results["about"]> {
    const { service, server } = this.tools;
    return { keys: await service.keys(), server: server.origin };
  }

  /** @throws {CryptoError} what the daemon says; `too_large`; `invalid_text` if it is none */
  async text({ do: way, text, key, context }: Questions["text"]): Promise<Results["text"]> {
    const { service } = this.tools;
    if (way === "encrypt") {
      if (utf8(text).length > MAX_TEXT) throw new CryptoError("too_large");
      return { text: await service.encrypt(text, { key, context }) };
    }
    const bytes = utf8(text.trim());
    const job = { do: way, key, context, name: "", size: bytes.length };
    return { text: fromUtf8(await gather(this.crypt(job, new Blob([bytes]).stream()))) };
  }

  crypt(job: FileJob, input: ReadableStream<Uint8Array>): ReadableStream<Bytes> {
    const { service, engine } = this.tools;
    const { key, context, size } = job;
    const options = { key, context, size, engine };
    return streamOf(sourceOf(input), async (source) => {
      const { transform, ...flow } = job.do === "encrypt"
        ? await encryptFlow(service, source, options)
        : await decryptFlow(() => Promise.resolve(service), source, options);
      return { ...flow, transform: { ...transform, piece: transform.piece / PIECE_PARTS } };
    });
  }

  async send(job: SendJob, input: ReadableStream<Uint8Array>): Promise<Sent> {
    const { share, server, engine } = this.tools;
    const code = job.code ? newCode() : undefined;
    const sent = await share({
      ...server,
      files: job.files,
      length: job.size,
      read: () => exactly(input, job.size),
      terms: { ttl: job.ttl, views: 1 },
      passphrase: code,
      engine,
    });
    return { ...sent, code };
  }
}

/** All bytes of a stream that are to be shown. @throws {CryptoError} `too_large` */
async function gather(stream: ReadableStream<Bytes>): Promise<Bytes> {
  const parts: Bytes[] = [];
  let length = 0;
  for await (const part of stream) {
    parts.push(part);
    if ((length += part.length) > MAX_TEXT) throw new CryptoError("too_large");
  }
  return concat(...parts);
}

/** The bytes of a stream. @throws {CryptoError} `io` if they are more or fewer than was said */
async function* exactly(
  stream: ReadableStream<Uint8Array>,
  length: number,
): AsyncGenerator<Bytes> {
  let left = length;
  for await (const part of stream as ReadableStream<Bytes>) {
    if ((left -= part.length) < 0) break;
    yield part;
  }
  if (left !== 0) throw new CryptoError("io", { hint: "it changed while it was read" });
}
