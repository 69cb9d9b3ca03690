/** A secret's body: the manifest and the bytes it describes, sealed and opened piece by piece. */
import { type Bytes, concat, EMPTY } from "../bytes.ts";
import {
  createOpener,
  createSealer,
  type Opener,
  PREFIX_LENGTH,
  sealedLength,
  type Sealer,
} from "../cobblestone.ts";
import { CHUNK, type Engine, SEALED_CHUNK, webCrypto } from "../engine.ts";
import { CryptoError } from "../errors.ts";
import {
  decodeManifest,
  encodeManifest,
  type Manifest,
  MANIFEST_PREFIX,
  manifestLength,
  totalSize,
} from "./manifest.ts";
import { bodyContext, type Terms } from "./terms.ts";

/** Where a body's key and terms come together. */
export interface BodyOptions {
  readonly engine?: Engine | undefined;
  /** 24 bytes, for test vectors only. */
  readonly salt?: Bytes | undefined;
}

/** A body to be written: the sealer's prefix, then all plaintext, which begins with `head`. */
export interface BodySealer {
  readonly head: Bytes;
  readonly sealer: Sealer;
}

/** Starts a body. @throws {CryptoError} `too_large` for too many files */
export async function createBodySealer(
  key: Bytes,
  terms: Terms,
  manifest: Manifest,
  options: BodyOptions = {},
): Promise<BodySealer> {
  const sealer = await createSealer(key, { ...options, context: bodyContext(terms) });
  return { head: encodeManifest(manifest), sealer };
}

/** A key that only the beginning of the body tells: of the answer to a request. */
export interface KeyInBody {
  /** Bytes before the ciphertext. */
  readonly length: number;
  /** Gives the 32 bytes of the key. @throws {CryptoError} `decryption_failed` */
  derive(beginning: Bytes): Promise<Bytes>;
}

/** Bytes of a body whose manifest describes `length` bytes. */
export function bodyLength(manifest: Manifest, length: number): number {
  return sealedLength(encodeManifest(manifest).length + length);
}

/**
 * Reads a body. Everything that comes out is authentic; whether it is whole is known when
 * {@link finish} has returned.
 */
export class BodyReader {
  readonly #key: KeyInBody;
  #opener: Opener | undefined;
  #waiting: Bytes = EMPTY;
  #manifest: Manifest | undefined;
  /** Bytes before the content: the manifest and its length. */
  #head = 0;
  #read = 0;

  constructor(
    key: Bytes | KeyInBody,
    private readonly terms: Terms,
    private readonly options: Pick<BodyOptions, "engine"> = {},
  ) {
    const known = (key: Bytes) => ({ length: 0, derive: () => Promise.resolve(key) });
    this.#key = key instanceof Uint8Array ? known(key) : key;
  }

  /** Chunks that are best given at once. */
  get chunksAtOnce(): number {
    return (this.options.engine ?? webCrypto).chunksAtOnce;
  }

  /** Bytes before the first chunk. */
  get prefixLength(): number {
    return this.#key.length + PREFIX_LENGTH;
  }

  /** What is inside. It may be there after some updates, and is after {@link finish}. */
  get manifest(): Manifest | undefined {
    return this.#manifest;
  }

  /** How much of the content has come out. */
  get position(): number {
    return this.#read;
  }

  /**
   * Goes on elsewhere, once the manifest is there.
   * @param position one at which {@link position} was before, after an update of a body of this link
   * @returns the place in the body from which the ciphertext is to come next
   * @throws {CryptoError} `malformed` if that was never such a position
   */
  seek(position: number): number {
    const chunk = (this.#head + position) / CHUNK;
    if (!this.#opener || !Number.isSafeInteger(chunk)) throw new CryptoError("malformed");
    this.#opener.seek(chunk);
    this.#read = position;
    return this.prefixLength + chunk * SEALED_CHUNK;
  }

  /**
   * Takes ciphertext and gives what it holds of the bytes that the manifest describes. With `into`,
   * the result is placed there if it fits.
   * @throws {CryptoError} `decryption_failed`; `malformed` if a sender wrote another format
   */
  async update(ciphertext: Bytes, into?: Bytes): Promise<Bytes> {
    if (this.#opener) return this.#content(await this.#opener.update(ciphertext, into));
    const all = concat(this.#waiting, ciphertext);
    this.#waiting = all;
    const start = this.#key.length;
    const end = this.prefixLength;
    if (all.length < end) return EMPTY;
    const key = await this.#key.derive(all.slice(0, start));
    const options = { ...this.options, context: bodyContext(this.terms) };
    this.#opener = await createOpener(key, all.subarray(start, end), options);
    this.#waiting = EMPTY;
    return this.#content(await this.#opener.update(all.subarray(end)));
  }

  /** Gives the rest. @throws {CryptoError} `decryption_failed`, `malformed` */
  async finish(): Promise<Bytes> {
    if (!this.#opener) throw new CryptoError("decryption_failed");
    const rest = this.#content(await this.#opener.finish());
    if (!this.#manifest) throw new CryptoError("malformed");
    const { kind } = this.#manifest;
    const isWhole = kind === "text" || this.#read === totalSize(this.#manifest.files);
    if (!isWhole) throw new CryptoError("malformed");
    return rest;
  }

  /** The plaintext without the manifest. */
  #content(plaintext: Bytes): Bytes {
    const content = this.#manifest ? plaintext : this.#takeManifest(plaintext);
    this.#read += content.length;
    return content;
  }

  #takeManifest(plaintext: Bytes): Bytes {
    const all = concat(this.#waiting, plaintext);
    this.#waiting = all;
    if (all.length < MANIFEST_PREFIX) return EMPTY;
    const end = MANIFEST_PREFIX + manifestLength(all);
    if (all.length < end) return EMPTY;
    this.#manifest = decodeManifest(all.subarray(MANIFEST_PREFIX, end));
    this.#waiting = EMPTY;
    this.#head = end;
    return all.subarray(end);
  }
}
