/**
 * The primitives that everything else is made of, behind one interface, because the fastest
 * implementation differs by platform: Web Crypto everywhere (here), the system's libcrypto where
 * Deno may load it (`platform/libcrypto.ts`). Both pass the same vectors.
 */
import type { Awaitable } from "./awaitable.ts";
import { type Bytes, scratch } from "./bytes.ts";

/** Plaintext bytes of a full chunk (c2sp.org/chunked-encryption@v1). */
export const CHUNK = 16_384;
/** Bytes of an AES-GCM tag. */
export const TAG = 16;
/** Bytes of an encrypted full chunk. */
export const SEALED_CHUNK = CHUNK + TAG;
/** The specification's bound on the number of chunks of a message. */
export const MAX_CHUNKS = 2 ** 38;

/** A run of consecutive chunks of one message. */
export interface ChunkRun {
  /** 32 bytes, the message's AES-256 key. */
  readonly key: Bytes;
  /** 12 bytes, XORed with the chunk number. */
  readonly baseNonce: Bytes;
  /** Number of the run's first chunk. */
  readonly first: number;
  /** Whole chunks, except that the last may be shorter. */
  readonly input: Bytes;
  /** Where the result goes: exactly as long as the result. */
  readonly output: Bytes;
}

/**
 * AES-256-GCM over runs of chunks, and HMAC-SHA-512. An engine that is done at once gives no
 * promise: for a short message, waiting for what is there takes longer than making it.
 */
export interface Engine {
  /** For `status` and benchmarks. */
  readonly name: "webcrypto" | "libcrypto";
  /** Chunks of a long message that are best given in one run. */
  readonly chunksAtOnce: number;
  /** HMAC-SHA-512 (RFC 2104), written to the 64 bytes of `output`. */
  hmacSha512(key: Bytes, data: Bytes, output: Bytes): Awaitable<void>;
  /** Encrypts each chunk of the run; `output` gets 16 bytes more for each. */
  sealChunks(run: ChunkRun): Awaitable<void>;
  /** Decrypts each chunk of the run; false if any is not authentic, and then `output` is void. */
  openChunks(run: ChunkRun): Awaitable<boolean>;
}

/** How many chunks a run of `length` bytes has; an empty run is one empty chunk. */
export function chunkCount(length: number, chunkLength: number): number {
  return Math.max(1, Math.ceil(length / chunkLength));
}

/** The base nonce XOR the chunk's number as a big-endian integer. */
export function chunkNonce(baseNonce: Bytes, number: number): Bytes {
  if (number === 0) return baseNonce;
  const nonce = scratch(baseNonce.length);
  nonce.set(baseNonce);
  for (let i = nonce.length - 1, rest = number; rest > 0; i--, rest = Math.floor(rest / 256)) {
    nonce[i]! ^= rest % 256;
  }
  return nonce;
}

/** The portable engine. Its chunks go to Web Crypto all at once, which is what makes it fast. */
export const webCrypto: Engine = {
  name: "webcrypto",
  chunksAtOnce: 128,

  async hmacSha512(key, data, output) {
    const algorithm = { name: "HMAC", hash: "SHA-512" };
    const imported = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
    output.set(new Uint8Array(await crypto.subtle.sign("HMAC", imported, data)));
  },

  async sealChunks(run) {
    const key = await crypto.subtle.importKey("raw", run.key, "AES-GCM", false, ["encrypt"]);
    await eachChunk(run, CHUNK, SEALED_CHUNK, (params, chunk) => {
      return crypto.subtle.encrypt(params, key, chunk);
    });
  },

  async openChunks(run) {
    const key = await crypto.subtle.importKey("raw", run.key, "AES-GCM", false, ["decrypt"]);
    try {
      await eachChunk(run, SEALED_CHUNK, CHUNK, (params, chunk) => {
        return crypto.subtle.decrypt(params, key, chunk);
      });
      return true;
    } catch {
      return false;
    }
  },
};

/** Runs every chunk of a run through `transform` at once and puts the results in their places. */
async function eachChunk(
  { baseNonce, first, input, output }: ChunkRun,
  inputChunk: number,
  outputChunk: number,
  transform: (params: AesGcmParams, chunk: Bytes) => Promise<ArrayBuffer>,
): Promise<void> {
  const count = chunkCount(input.length, inputChunk);
  const work = Array.from({ length: count }, async (_, i) => {
    const chunk = input.subarray(i * inputChunk, (i + 1) * inputChunk);
    const params = { name: "AES-GCM", iv: chunkNonce(baseNonce, first + i) };
    output.set(new Uint8Array(await transform(params, chunk)), i * outputChunk);
  });
  // All of them, also after one has failed: none may write into the caller's buffer later.
  await Promise.allSettled(work);
  await Promise.all(work);
}
