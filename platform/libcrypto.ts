/**
 * The engine of OpenSSL 3's libcrypto through FFI: several times faster than Web Crypto, and it
 * answers at once. One cipher context serves all, since every call sets key and nonce anew.
 *
 * Each buffer's length is checked before libcrypto sees its address, and no raw call leaves this
 * module. Functions: EVP_CipherInit_ex(3), HMAC(3), EVP_DigestInit(3). The one-shot HMAC() was
 * three times slower than the same with a context, the one-shot SHA256() twice.
 */
import { type Bytes, equalSecret, utf8 } from "../core/bytes.ts";
import {
  CHUNK,
  chunkCount,
  chunkNonce,
  type ChunkRun,
  type Engine,
  SEALED_CHUNK,
  TAG,
} from "../core/engine.ts";
import { INT, int } from "./libc.ts";
import { openLibcrypto } from "./library.ts";

const GET_TAG = 0x10;
const SET_TAG = 0x11;
const SEAL = 1;
const OPEN = 0;
const KEY_LENGTH = 32;
const NONCE_LENGTH = 12;
const HASH_LENGTH = 64;
const SHA256_LENGTH = 32;

const INIT = ["pointer", "pointer", "pointer", "buffer", "buffer", "i32"] as const;
const UPDATE = ["pointer", "buffer", "buffer", "buffer", "i32"] as const;
const FINAL = ["pointer", "buffer", "buffer"] as const;

/** What is called once; see {@link INT}, which is one argument more than they look at. */
const MAKE = { parameters: [INT], result: "pointer" } as const;
const FETCH = { parameters: ["pointer", "buffer", "pointer", INT], result: "pointer" } as const;

const SYMBOLS = {
  EVP_CIPHER_CTX_new: MAKE,
  EVP_CIPHER_CTX_ctrl: { parameters: ["pointer", "i32", "i32", "buffer"], result: "i32" },
  EVP_aes_256_gcm: MAKE,
  EVP_CipherInit_ex: { parameters: INIT, result: "i32" },
  EVP_CipherUpdate: { parameters: UPDATE, result: "i32" },
  EVP_CipherFinal_ex: { parameters: FINAL, result: "i32" },
  EVP_MD_fetch: FETCH,
  HMAC_CTX_new: MAKE,
  HMAC_Init_ex: { parameters: ["pointer", "buffer", "i32", "pointer", "pointer"], result: "i32" },
  HMAC_Update: { parameters: ["pointer", "buffer", "usize"], result: "i32" },
  HMAC_Final: { parameters: FINAL, result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const DIGEST_SYMBOLS = {
  EVP_DigestFinal_ex: { parameters: FINAL, result: "i32" },
  EVP_DigestInit_ex: { parameters: ["pointer", "pointer", "pointer"], result: "i32" },
  EVP_DigestUpdate: { parameters: ["pointer", "buffer", "usize"], result: "i32" },
  EVP_MD_CTX_new: MAKE,
  EVP_MD_fetch: FETCH,
} as const satisfies Deno.ForeignLibraryInterface;

/** For what takes one argument less. */
const NONE = int(0);

type Symbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

/** libcrypto's engine, or undefined where there is no OpenSSL 3 or no permission to load it. */
export function loadLibcrypto(): Engine | undefined {
  try {
    const symbols = openLibcrypto(SYMBOLS);
    return symbols && createEngine(symbols);
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

/** SHA-256 of some bytes: 32 bytes, which the next call overwrites. */
export type Sha256 = (data: Bytes) => Bytes;

/** libcrypto's SHA-256, or undefined as with {@link loadLibcrypto}. Apart: few need it. */
export function loadSha256(): Sha256 | undefined {
  const lib = openLibcrypto(DIGEST_SYMBOLS);
  if (!lib) return undefined;
  const context = lib.EVP_MD_CTX_new(NONE);
  const digest = new Uint8Array(SHA256_LENGTH);
  const written = new Uint8Array(4);
  must(lib.EVP_DigestInit_ex(context, lib.EVP_MD_fetch(null, utf8("SHA256\0"), null, NONE), null));
  return (data) => {
    // Without a type it is the one of before.
    must(lib.EVP_DigestInit_ex(context, null, null));
    must(lib.EVP_DigestUpdate(context, data, BigInt(data.length)));
    must(lib.EVP_DigestFinal_ex(context, digest, written));
    return digest;
  };
}

/** A refusal of libcrypto where only a lack of memory or a broken library can be the cause. */
function must(result: number): void {
  if (result !== 1) throw new Error("libcrypto refused an operation that cannot fail");
}

function requireRun({ key, baseNonce, input, output }: ChunkRun, outputLength: number): void {
  const fits = key.length === KEY_LENGTH && baseNonce.length === NONCE_LENGTH &&
    input.length < 2 ** 31 && output.length === outputLength;
  if (!fits) throw new RangeError("a run's buffers do not fit together");
}

/** The `i`th of the parts of some length. The only one is the whole: a view of it takes longer. */
function part(whole: Bytes, i: number, length: number): Bytes {
  if (i === 0 && whole.length <= length) return whole;
  return whole.subarray(i * length, (i + 1) * length);
}

function createEngine(lib: Symbols): Engine {
  const context = lib.EVP_CIPHER_CTX_new(NONE);
  const hmac = lib.HMAC_CTX_new(NONE);
  // Fetched once: with EVP_sha512() libcrypto would look it up again for each HMAC.
  const sha512 = lib.EVP_MD_fetch(null, utf8("SHA512\0"), null, NONE);
  const written = new Uint8Array(4);
  let scheduled: Bytes | undefined;
  must(lib.EVP_CipherInit_ex(context, lib.EVP_aes_256_gcm(NONE), null, null, null, SEAL));

  function sealChunk(nonce: Bytes, input: Bytes, output: Bytes): void {
    must(lib.EVP_CipherInit_ex(context, null, null, null, nonce, SEAL));
    must(lib.EVP_CipherUpdate(context, output, written, input, input.length));
    // Of GCM it writes nothing.
    must(lib.EVP_CipherFinal_ex(context, output, written));
    must(lib.EVP_CIPHER_CTX_ctrl(context, GET_TAG, TAG, output.subarray(input.length)));
  }

  function openChunk(nonce: Bytes, input: Bytes, output: Bytes): boolean {
    const length = input.length - TAG;
    must(lib.EVP_CipherInit_ex(context, null, null, null, nonce, OPEN));
    must(lib.EVP_CipherUpdate(context, output, written, input, length));
    must(lib.EVP_CIPHER_CTX_ctrl(context, SET_TAG, TAG, input.subarray(length)));
    // Of GCM it writes nothing.
    return lib.EVP_CipherFinal_ex(context, output, written) === 1;
  }

  /** The same key as last time needs no new schedule, and in the daemon it mostly is the same. */
  function startHmac(key: Bytes): void {
    if (scheduled && equalSecret(key, scheduled)) {
      return must(lib.HMAC_Init_ex(hmac, null, 0, null, null));
    }
    must(lib.HMAC_Init_ex(hmac, key, key.length, sha512, null));
    scheduled = key.slice();
  }

  return {
    name: "libcrypto",
    // 256 KiB and their result stay in the cache of a core, which has half a megabyte or more:
    // reading twice as much took five times as long.
    chunksAtOnce: 16,

    hmacSha512(key, data, output) {
      if (output.length !== HASH_LENGTH) throw new RangeError("an HMAC has 64 bytes");
      startHmac(key);
      must(lib.HMAC_Update(hmac, data, BigInt(data.length)));
      must(lib.HMAC_Final(hmac, output, written));
    },

    sealChunks(run) {
      const { key, baseNonce, first, input, output } = run;
      const count = chunkCount(input.length, CHUNK);
      requireRun(run, input.length + count * TAG);
      must(lib.EVP_CipherInit_ex(context, null, null, key, null, SEAL));
      for (let i = 0; i < count; i++) {
        const chunk = part(input, i, CHUNK);
        const sealed = part(output, i, SEALED_CHUNK);
        sealChunk(chunkNonce(baseNonce, first + i), chunk, sealed);
      }
    },

    openChunks(run) {
      const { key, baseNonce, first, input, output } = run;
      const count = chunkCount(input.length, SEALED_CHUNK);
      const lastLength = input.length - (count - 1) * SEALED_CHUNK;
      if (lastLength < TAG) return false;
      requireRun(run, input.length - count * TAG);
      must(lib.EVP_CipherInit_ex(context, null, null, key, null, OPEN));
      for (let i = 0; i < count; i++) {
        const chunk = part(input, i, SEALED_CHUNK);
        const opened = part(output, i, CHUNK);
        if (!openChunk(chunkNonce(baseNonce, first + i), chunk, opened)) return false;
      }
      return true;
    },
  };
}
