/**
 * Cobblestone-256: c2sp.org/chunked-encryption@v1 with SHA-512 and AES-256-GCM.
 *
 * A message is `salt 24 || commitment 32 || chunks`; every chunk but the last holds 16 KiB, the
 * last is shorter and may be empty, so a message that ends with a full chunk has been cut.
 */
import { after, type Awaitable } from "./awaitable.ts";
import { type Bytes, concat, concatScratch, EMPTY, equalSecret, scratch } from "./bytes.ts";
import { CHUNK, type Engine, MAX_CHUNKS, SEALED_CHUNK, TAG, webCrypto } from "./engine.ts";
import { CryptoError } from "./errors.ts";
import { hkdfExpand } from "./hkdf.ts";

export const KEY_LENGTH = 32;
const SALT_LENGTH = 24;
const NONCE_LENGTH = 12;
const COMMITMENT_LENGTH = 32;
/** Bytes before the first chunk. */
export const PREFIX_LENGTH = SALT_LENGTH + COMMITMENT_LENGTH;

const LABEL = new TextEncoder().encode("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0");

/** What one message is encrypted with. */
export interface MessageKeys {
  readonly key: Bytes;
  readonly baseNonce: Bytes;
  readonly commitment: Bytes;
}

/** Options that every operation takes. */
export interface CobblestoneOptions {
  /** Application data that the message is bound to; empty by default. */
  readonly context?: Bytes | undefined;
  readonly engine?: Engine | undefined;
}

/** Options of what gives a whole result. */
export interface WholeOptions extends CobblestoneOptions {
  /** Makes the result, zeroed bytes of that length; a new array by default. */
  readonly allocate?: ((length: number) => Bytes) | undefined;
}

function newBytes(length: number): Bytes {
  return new Uint8Array(length);
}

function deriveKeys(
  engine: Engine,
  inputKey: Bytes,
  salt: Bytes,
  context: Bytes,
): Awaitable<MessageKeys> {
  const info = concatScratch(LABEL, salt, context);
  const length = KEY_LENGTH + NONCE_LENGTH + COMMITMENT_LENGTH;
  return after(hkdfExpand(engine, inputKey, info, length), (output) => ({
    key: output.subarray(0, KEY_LENGTH),
    baseNonce: output.subarray(KEY_LENGTH, KEY_LENGTH + NONCE_LENGTH),
    commitment: output.subarray(KEY_LENGTH + NONCE_LENGTH),
  }));
}

/** The keys are views of larger buffers, with other secrets in them. */
function copyKeys({ key, baseNonce, commitment }: MessageKeys): MessageKeys {
  return { key: key.slice(), baseNonce: baseNonce.slice(), commitment: commitment.slice() };
}

function requireKey(key: Bytes): void {
  if (key.length !== KEY_LENGTH) throw new RangeError(`a key has ${KEY_LENGTH} bytes`);
}

/** Bytes of a whole message with `length` bytes of plaintext. */
export function sealedLength(length: number): number {
  return PREFIX_LENGTH + length + (Math.floor(length / CHUNK) + 1) * TAG;
}

/**
 * Collects input of any pieces into runs of whole chunks. What does not fill a chunk waits; since
 * the last chunk of a message is always short, a full one can be worked on at once.
 */
class ChunkBuffer {
  #waiting = EMPTY;
  #next = 0;

  constructor(readonly chunkLength: number) {}

  /** All whole chunks there are now, and the number of the first. Does not copy when it need not. */
  take(input: Bytes): { run: Bytes; first: number } {
    const all = this.#waiting.length === 0 ? input : concat(this.#waiting, input);
    const whole = all.length - (all.length % this.chunkLength);
    // A copy: the caller may reuse its buffer for the next piece.
    this.#waiting = all.slice(whole);
    return { run: all.subarray(0, whole), first: this.#advance(whole / this.chunkLength) };
  }

  /** The rest, which is the last chunk. */
  last(): { run: Bytes; first: number } {
    return { run: this.#waiting, first: this.#advance(1) };
  }

  /** Goes on with another chunk: what comes next is its beginning. */
  seek(chunk: number): void {
    this.#waiting = EMPTY;
    this.#next = chunk;
  }

  #advance(chunks: number): number {
    const first = this.#next;
    this.#next += chunks;
    if (this.#next > MAX_CHUNKS) throw new CryptoError("too_large");
    return first;
  }
}

/** Where a run's result goes: the start of the caller's buffer if it is large enough. */
function room(length: number, into: Bytes | undefined): Bytes {
  return into && into.length >= length ? into.subarray(0, length) : new Uint8Array(length);
}

/** Encrypts one message piece by piece. Make one with {@link createSealer}. */
export class Sealer {
  readonly #chunks = new ChunkBuffer(CHUNK);

  /** `prefix` is the message's first 56 bytes. */
  constructor(
    readonly prefix: Bytes,
    private readonly keys: MessageKeys,
    private readonly engine: Engine,
  ) {}

  /** Chunks that are best given at once. */
  get chunksAtOnce(): number {
    return this.engine.chunksAtOnce;
  }

  /** What another sealer or opener of the same message is made with. */
  copyKeys(): MessageKeys {
    return copyKeys(this.keys);
  }

  /**
   * Takes the next piece of plaintext and gives the ciphertext that is complete with it, perhaps
   * none. With `into`, the result is placed there if it fits.
   * @throws {CryptoError} `too_large` beyond 2^38 chunks.
   */
  async update(plaintext: Bytes, into?: Bytes): Promise<Bytes> {
    const { run, first } = this.#chunks.take(plaintext);
    return run.length === 0 ? EMPTY : await this.#seal(run, first, into);
  }

  /** Goes on with another chunk: what comes next is its plaintext, which must never come twice. */
  seek(chunk: number): void {
    this.#chunks.seek(chunk);
  }

  /** Gives the last chunk. The message is then complete. */
  async finish(into?: Bytes): Promise<Bytes> {
    const { run, first } = this.#chunks.last();
    return await this.#seal(run, first, into);
  }

  async #seal(input: Bytes, first: number, into?: Bytes): Promise<Bytes> {
    const tags = Math.max(1, Math.ceil(input.length / CHUNK)) * TAG;
    const output = room(input.length + tags, into);
    const { key, baseNonce } = this.keys;
    await this.engine.sealChunks({ key, baseNonce, first, input, output });
    return output;
  }
}

/**
 * Decrypts one message piece by piece, after its prefix. Make one with {@link createOpener}.
 * Every piece of plaintext it gives is authentic; whether the message is whole is known only when
 * {@link finish} has returned.
 */
export class Opener {
  readonly #chunks = new ChunkBuffer(SEALED_CHUNK);
  #failed = false;

  constructor(private readonly keys: MessageKeys, private readonly engine: Engine) {}

  /** As {@link Sealer.chunksAtOnce}. */
  get chunksAtOnce(): number {
    return this.engine.chunksAtOnce;
  }

  /** As {@link Sealer.copyKeys}. */
  copyKeys(): MessageKeys {
    return copyKeys(this.keys);
  }

  /**
   * Takes the next piece of ciphertext and gives the plaintext that is proven with it.
   * @throws {CryptoError} `decryption_failed`, now and ever after.
   */
  async update(ciphertext: Bytes, into?: Bytes): Promise<Bytes> {
    if (this.#failed) this.#fail();
    const { run, first } = this.#chunks.take(ciphertext);
    return run.length === 0 ? EMPTY : await this.#open(run, first, into);
  }

  /** Goes on at another chunk: what comes next is its ciphertext, from its first byte on. */
  seek(chunk: number): void {
    this.#chunks.seek(chunk);
  }

  /**
   * Gives the last chunk.
   * @throws {CryptoError} `decryption_failed` if the message was cut or changed.
   */
  async finish(): Promise<Bytes> {
    const { run, first } = this.#chunks.last();
    if (this.#failed || run.length < TAG) this.#fail();
    return await this.#open(run, first);
  }

  async #open(input: Bytes, first: number, into?: Bytes): Promise<Bytes> {
    const output = room(input.length - Math.ceil(input.length / SEALED_CHUNK) * TAG, into);
    const { key, baseNonce } = this.keys;
    if (!await this.engine.openChunks({ key, baseNonce, first, input, output })) this.#fail();
    return output;
  }

  #fail(): never {
    this.#failed = true;
    throw new CryptoError("decryption_failed");
  }
}

/** Options of a new message. */
export interface SealOptions extends CobblestoneOptions {
  /** For test vectors only: a salt must never repeat under one key. 24 bytes. */
  readonly salt?: Bytes | undefined;
}

/**
 * Starts a new message under `key` (32 bytes), with a new random salt.
 */
export async function createSealer(key: Bytes, options: SealOptions = {}): Promise<Sealer> {
  const { salt, keys, engine } = await startMessage(key, options);
  return new Sealer(concat(salt, keys.commitment), keys, engine);
}

/** The beginning of a new message. */
interface Started {
  readonly salt: Bytes;
  readonly keys: MessageKeys;
  readonly engine: Engine;
}

function startMessage(
  key: Bytes,
  { context = EMPTY, engine = webCrypto, salt = crypto.getRandomValues(scratch(SALT_LENGTH)) }:
    SealOptions,
): Awaitable<Started> {
  requireKey(key);
  return after(deriveKeys(engine, key, salt, context), (keys) => ({ salt, keys, engine }));
}

/**
 * Starts reading a message whose first 56 bytes are `prefix`.
 * @throws {CryptoError} `decryption_failed` if the key or the context is not the message's.
 */
export async function createOpener(
  key: Bytes,
  prefix: Bytes,
  { context = EMPTY, engine = webCrypto }: CobblestoneOptions = {},
): Promise<Opener> {
  return new Opener(await openPrefix(key, prefix, context, engine), engine);
}

/** The keys of a message that begins with `prefix`, if `key` and `context` are the message's. */
function openPrefix(
  key: Bytes,
  prefix: Bytes,
  context: Bytes,
  engine: Engine,
): Awaitable<MessageKeys> {
  requireKey(key);
  if (prefix.length !== PREFIX_LENGTH) throw new CryptoError("decryption_failed");
  return after(deriveKeys(engine, key, prefix.subarray(0, SALT_LENGTH), context), (keys) => {
    if (equalSecret(keys.commitment, prefix.subarray(SALT_LENGTH))) return keys;
    throw new CryptoError("decryption_failed");
  });
}

/**
 * Encrypts a whole message.
 * @param header bytes to begin the result with, for formats that have some
 */
export function seal(
  key: Bytes,
  plaintext: Bytes,
  options: SealOptions & WholeOptions & { readonly header?: Bytes | undefined } = {},
): Awaitable<Bytes> {
  const { header = EMPTY, allocate = newBytes } = options;
  return after(startMessage(key, options), ({ salt, keys, engine }) => {
    const message = allocate(header.length + sealedLength(plaintext.length));
    message.set(header);
    message.set(salt, header.length);
    message.set(keys.commitment, header.length + SALT_LENGTH);
    const body = message.subarray(header.length + PREFIX_LENGTH);
    return after(sealBody(engine, keys, plaintext, body), () => message);
  });
}

/** Encrypts all chunks. After full ones there is one more, which is empty: the last is short. */
function sealBody(
  engine: Engine,
  { key, baseNonce }: MessageKeys,
  input: Bytes,
  output: Bytes,
): Awaitable<void> {
  if (input.length === 0 || input.length % CHUNK !== 0) {
    return engine.sealChunks({ key, baseNonce, first: 0, input, output });
  }
  const [full, last] = [output.subarray(0, -TAG), output.subarray(-TAG)];
  const first = input.length / CHUNK;
  return after(
    engine.sealChunks({ key, baseNonce, first: 0, input, output: full }),
    () => engine.sealChunks({ key, baseNonce, first, input: EMPTY, output: last }),
  );
}

/**
 * Decrypts a whole message.
 * @throws {CryptoError} `decryption_failed`, whatever was wrong with it.
 */
export function open(
  key: Bytes,
  message: Bytes,
  { context = EMPTY, engine = webCrypto, allocate = newBytes }: WholeOptions = {},
): Awaitable<Bytes> {
  const prefix = message.subarray(0, PREFIX_LENGTH);
  return after(openPrefix(key, prefix, context, engine), ({ key, baseNonce }) => {
    const input = message.subarray(PREFIX_LENGTH);
    if (input.length % SEALED_CHUNK < TAG) throw new CryptoError("decryption_failed");
    const tags = (Math.floor(input.length / SEALED_CHUNK) + 1) * TAG;
    const output = allocate(input.length - tags);
    const run = { key, baseNonce, first: 0, input, output };
    return after(engine.openChunks(run), (authentic) => {
      if (authentic) return output;
      throw new CryptoError("decryption_failed");
    });
  });
}
