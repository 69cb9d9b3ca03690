/** A body on its way from the server into files: taken up again where a line was cut or a process ended. */
import type { Bytes } from "../../core/bytes.ts";
import { CHUNK, SEALED_CHUNK } from "../../core/engine.ts";
import { CryptoError } from "../../core/errors.ts";
import type { BodyReader } from "../../core/share/body.ts";
import type { Manifest } from "../../core/share/manifest.ts";
import type { Request } from "../../core/share/wire.ts";
import { mayPass, pause, type ShareApi } from "./api.ts";
import type { Claim } from "./claim.ts";
import { regroup } from "./pieces.ts";
import type { OnProgress } from "./upload.ts";

const TRIES = 6;
/** How much is written before it is noted that it is there. */
const NOTE_BYTES = 32 * 1_048_576;

/** Where a secret goes. */
export interface Output {
  /**
   * Comes first.
   * @returns the position to go on from: the claim's, or 0
   * @throws {CryptoError} if it cannot be written
   */
  begin(manifest: Manifest, claim: Claim): Promise<number>;
  write(bytes: Bytes): Promise<void>;
  /** Whether what was written will be there for a later run. */
  sync(): Promise<boolean>;
  /** All of it was authentic: makes it last. */
  complete(): Promise<void>;
  /** The line is dead: what is there stays for a later run. */
  suspend(): void;
  /** It was not authentic, or something failed: nothing stays. */
  discard(): Promise<void>;
}

/** The bytes of a body from an offset on. */
export type BodyFrom = (offset: number) => AsyncIterable<Bytes> | Iterable<Bytes>;

/** What a body goes through. */
interface Way {
  readonly reader: BodyReader;
  readonly output: Output;
  readonly claim: Claim;
}

/** Decrypts a body into an output, from where an earlier run of the same claim has come to. */
export async function writeOut(from: BodyFrom, way: Way): Promise<void> {
  const { reader, output, claim } = way;
  const writing = new Writing(way);
  try {
    for (let offset: number | undefined = 0; offset !== undefined;) {
      offset = await writing.pass(from, offset);
    }
    const elsewhere = await writing.write(await reader.finish());
    if (elsewhere !== undefined) throw new CryptoError("malformed");
    await output.complete();
  } catch (error) {
    if (mayPass(error)) {
      output.suspend();
      throw error;
    }
    await output.discard();
    claim.note(0);
    throw error;
  }
}

/** What a body goes through, and how far it has come. */
class Writing {
  readonly #room: Bytes;
  /** Bytes of ciphertext that are best decrypted at once. */
  readonly #piece: number;
  #begun = false;

  constructor(private readonly way: Way) {
    const { chunksAtOnce } = way.reader;
    this.#room = new Uint8Array(chunksAtOnce * CHUNK);
    this.#piece = chunksAtOnce * SEALED_CHUNK;
  }

  /**
   * @param offset 0, or where a chunk begins
   * @returns where the body is to come from instead, if it is there up to some place already
   */
  async pass(from: BodyFrom, offset: number): Promise<number | undefined> {
    const { reader } = this.way;
    const first = offset === 0 ? reader.prefixLength : this.#piece;
    for await (const piece of regroup(from(offset), this.#piece, first)) {
      const elsewhere = await this.write(await reader.update(piece, this.#room));
      if (elsewhere !== undefined) return elsewhere;
      await this.#note();
    }
    return undefined;
  }

  /** Writes content. @returns see {@link pass} */
  async write(content: Bytes): Promise<number | undefined> {
    const position = await this.#begin();
    if (position > 0) return this.way.reader.seek(position);
    if (content.length > 0) await this.way.output.write(content);
    return undefined;
  }

  /** @returns how much is there already; 0 also when that has been asked before */
  async #begin(): Promise<number> {
    const { reader: { manifest }, output, claim } = this.way;
    if (this.#begun || !manifest) return 0;
    this.#begun = true;
    const position = await output.begin(manifest, claim);
    if (position !== claim.position) claim.note(position);
    return position;
  }

  async #note(): Promise<void> {
    const { reader: { position }, output, claim } = this.way;
    if (position - claim.position < NOTE_BYTES) return;
    if (await output.sync()) claim.note(position);
  }
}

/** All of a body from an offset on, taken up again where a connection was cut. */
export async function* download(
  api: ShareApi,
  { offset: start, ...claim }: Request<"body">,
  size: number,
  onProgress: OnProgress = () => {},
): AsyncGenerator<Bytes> {
  let offset = start;
  let last: unknown;
  for (let tries = 1; offset < size; tries++) {
    const before = offset;
    try {
      for await (const piece of api.body({ ...claim, offset })) {
        offset += piece.length;
        if (offset > size) throw new CryptoError("bad_answer");
        onProgress(offset, size);
        yield piece;
      }
    } catch (error) {
      if (!mayPass(error)) throw error;
      last = error;
    }
    if (offset > before) tries = 1;
    if (tries === TRIES) throw last ?? new CryptoError("share_unreachable");
    if (offset < size) await pause(tries);
  }
}
