/**
 * Windows' own protection of secrets, under the logon of this process's user: CryptProtectData and
 * CryptUnprotectData of DPAPI. Run under Wine, never on Windows: see docs/systems.md. Lengths are
 * checked here, and no raw call leaves this module.
 */
import { type Bytes, utf8 } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { openLibrary } from "./library.ts";

const TRANSFORM = {
  parameters: ["buffer", "pointer", "buffer", "pointer", "pointer", "u32", "buffer"],
  result: "i32",
} as const;

const CRYPT32 = {
  CryptProtectData: TRANSFORM,
  CryptUnprotectData: TRANSFORM,
} as const satisfies Deno.ForeignLibraryInterface;

const KERNEL32 = {
  LocalFree: { parameters: ["usize"], result: "usize" },
  RtlMoveMemory: { parameters: ["buffer", "usize", "usize"], result: "void" },
  /** RtlZeroMemory is this with zeros, and only a macro. */
  RtlFillMemory: { parameters: ["usize", "usize", "u8"], result: "void" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Nobody is asked anything: CRYPTPROTECT_UI_FORBIDDEN. */
const UI_FORBIDDEN = 0x1;
/** DATA_BLOB: a length of 32 bits and, aligned, an address. */
const BLOB = { LENGTH: 16, SIZE: 0, ADDRESS: 8 } as const;
/** More than a protected sealing key takes. */
const MAX_LENGTH = 4_096;

/** Protects secrets, and opens what it has protected, as this user on this machine. */
export class Dpapi {
  readonly #crypt: Deno.DynamicLibrary<typeof CRYPT32>["symbols"];
  readonly #kernel: Deno.DynamicLibrary<typeof KERNEL32>["symbols"];
  readonly #input: Bytes = new Uint8Array(MAX_LENGTH);
  readonly #inputAddress: bigint;
  /** A blob, and the bytes whose address is in it. */
  readonly #purpose: readonly [blob: Bytes, kept: Bytes];

  /**
   * Made before `ffi` is given up.
   * @param purpose what the secrets are for: what was protected for another is not opened
   * @throws {CryptoError} `config` elsewhere than on Windows
   */
  constructor(purpose: string) {
    const crypt = openLibrary("crypt32.dll", CRYPT32);
    const kernel = openLibrary("kernel32.dll", KERNEL32);
    if (!crypt || !kernel) throw new CryptoError("config", { hint: "this needs Windows" });
    [this.#crypt, this.#kernel] = [crypt, kernel];
    this.#inputAddress = addressOf(this.#input);
    const entropy = utf8(purpose);
    this.#purpose = [blob(entropy.length, addressOf(entropy)), entropy];
  }

  protect(secret: Bytes): Bytes {
    return this.#run("CryptProtectData", secret);
  }

  /** @throws {CryptoError} `decryption_failed` for what is not this user's, or was changed */
  unprotect(message: Bytes): Bytes {
    return this.#run("CryptUnprotectData", message);
  }

  #run(call: keyof typeof CRYPT32, given: Bytes): Bytes {
    if (given.length > MAX_LENGTH) throw new CryptoError("malformed");
    const output = blob(0, 0n);
    this.#input.set(given);
    const input = blob(given.length, this.#inputAddress);
    const crypt = this.#crypt[call];
    const done = crypt(input, null, this.#purpose[0], null, null, UI_FORBIDDEN, output);
    this.#input.fill(0);
    if (done === 0) throw new CryptoError("decryption_failed");
    return this.#take(output);
  }

  /** Copies what Windows has allocated, and wipes and frees it. */
  #take(output: Bytes): Bytes {
    const view = new DataView(output.buffer);
    const length = view.getUint32(BLOB.SIZE, true);
    const address = view.getBigUint64(BLOB.ADDRESS, true);
    const bytes = new Uint8Array(length);
    this.#kernel.RtlMoveMemory(bytes, address, BigInt(length));
    this.#kernel.RtlFillMemory(address, BigInt(length), 0);
    this.#kernel.LocalFree(address);
    return bytes;
  }
}

function addressOf(bytes: Bytes): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
}

function blob(length: number, address: bigint): Bytes {
  const view = new DataView(new ArrayBuffer(BLOB.LENGTH));
  view.setUint32(BLOB.SIZE, length, true);
  view.setBigUint64(BLOB.ADDRESS, address, true);
  return new Uint8Array(view.buffer);
}
