/** Messages under a passphrase: for files without a daemon, backups and sealing. */
import { scryptAsync } from "@noble/hashes/scrypt.js";
import { type Bytes, concat, EMPTY, randomBytes, utf8 } from "./bytes.ts";
import {
  createOpener,
  createSealer,
  KEY_LENGTH,
  type Opener,
  PREFIX_LENGTH,
  type Sealer,
} from "./cobblestone.ts";
import { CryptoError } from "./errors.ts";
import { HEADER_LENGTH, makeHeader, readHeader } from "./header.ts";
import { type MessageOptions, requireContext } from "./message.ts";

const SALT_LENGTH = 16;
/** Bytes before the Cobblestone part: header, salt, log2 N, r, p. */
export const PASSPHRASE_PREFIX_LENGTH = HEADER_LENGTH + SALT_LENGTH + 3;

/** Cost of scrypt (RFC 7914). */
export interface ScryptCost {
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

/** The cost of new messages: 128 MiB and about half a second. */
export const DEFAULT_COST: ScryptCost = { logN: 17, r: 8, p: 1 };

/** What a message is for, so that one cannot be passed off as another. */
export type PassphraseUse = "file" | "backup" | "sealing-key" | "ca-key" | "managed-share";

/** scrypt with 32 bytes of output. */
export type CostlyScrypt = (password: Bytes, salt: Bytes, cost: ScryptCost) => Promise<Bytes>;

/** Options of passphrase messages. */
export interface PassphraseOptions extends MessageOptions {
  readonly use: PassphraseUse;
  /** Another scrypt than the portable one, which runs on the thread that asks. */
  readonly scrypt?: CostlyScrypt | undefined;
}

/**
 * What to bind the message to. No use is the beginning of another, and a zero byte ends it, so
 * use and context cannot be mistaken for one another.
 */
function boundContext(prefix: Bytes, { use, context = EMPTY }: PassphraseOptions): Bytes {
  return concat(prefix, utf8(`crypto/v1/${use}\0`), requireContext(context));
}

const portableScrypt: CostlyScrypt = async (password, salt, { logN, r, p }) => {
  const options = { N: 2 ** logN, r, p, dkLen: KEY_LENGTH, maxmem: 2 ** (logN + 11) };
  return await scryptAsync(password, salt, options) as Bytes;
};

/** The key that a passphrase gives: scrypt over its NFKC form in UTF-8. */
function stretch(
  passphrase: string,
  salt: Bytes,
  cost: ScryptCost,
  { scrypt = portableScrypt }: PassphraseOptions,
): Promise<Bytes> {
  return scrypt(utf8(passphrase.normalize("NFKC")), salt, cost);
}

/** Reads the cost, which comes from the message and so may be anybody's choice. */
function readCost(bytes: Bytes): ScryptCost {
  const [logN = 0, r = 0, p = 0] = bytes;
  const fits = logN >= 17 && logN <= 20 && r === 8 && p >= 1 && p <= 4;
  if (!fits) throw new CryptoError("malformed");
  return { logN, r, p };
}

/** A message to be written: its first 32 bytes, and the sealer whose prefix follows them. */
export interface PassphraseSealer {
  readonly prefix: Bytes;
  readonly sealer: Sealer;
}

/** Starts a new message under a passphrase. `salt` (16 bytes) may be given for test vectors only. */
export async function createPassphraseSealer(
  passphrase: string,
  options: PassphraseOptions & { readonly salt?: Bytes | undefined },
): Promise<PassphraseSealer> {
  const salt = options.salt ?? randomBytes(SALT_LENGTH);
  const { logN, r, p } = DEFAULT_COST;
  const prefix = concat(makeHeader("passphrase").bytes, salt, new Uint8Array([logN, r, p]));
  const context = boundContext(prefix, options);
  const key = await stretch(passphrase, salt, DEFAULT_COST, options);
  return { prefix, sealer: await createSealer(key, { context, engine: options.engine }) };
}

/**
 * Starts reading a message under a passphrase.
 *
 * @param prefix the message's first 32 bytes
 * @param cobblestonePrefix the 56 bytes after them
 * @throws {CryptoError} `malformed` if it is another kind, or the cost is outside N 2^17 to 2^20, r 8, p 1 to 4;
 * `decryption_failed` for another passphrase, use or context.
 */
export async function createPassphraseOpener(
  passphrase: string,
  prefix: Bytes,
  cobblestonePrefix: Bytes,
  options: PassphraseOptions,
): Promise<Opener> {
  const isPassphrase = readHeader(prefix).kind === "passphrase";
  if (!isPassphrase || prefix.length !== PASSPHRASE_PREFIX_LENGTH) {
    throw new CryptoError("malformed");
  }
  const cost = readCost(prefix.subarray(HEADER_LENGTH + SALT_LENGTH));
  const salt = prefix.subarray(HEADER_LENGTH, HEADER_LENGTH + SALT_LENGTH);
  const context = boundContext(prefix, options);
  const key = await stretch(passphrase, salt, cost, options);
  return await createOpener(key, cobblestonePrefix, { context, engine: options.engine });
}

/** Writes a whole message under a passphrase: for what is small. */
export async function sealUnderPassphrase(
  passphrase: string,
  plaintext: Bytes,
  options: PassphraseOptions,
): Promise<Bytes> {
  const { prefix, sealer } = await createPassphraseSealer(passphrase, options);
  const body = await sealer.update(plaintext);
  return concat(prefix, sealer.prefix, body, await sealer.finish());
}

/**
 * Reads a whole message under a passphrase.
 * @throws {CryptoError} what {@link createPassphraseOpener} throws
 */
export async function openUnderPassphrase(
  passphrase: string,
  message: Bytes,
  options: PassphraseOptions,
): Promise<Bytes> {
  const start = PASSPHRASE_PREFIX_LENGTH + PREFIX_LENGTH;
  const prefix = message.subarray(0, PASSPHRASE_PREFIX_LENGTH);
  const cobblestone = message.subarray(PASSPHRASE_PREFIX_LENGTH, start);
  const opener = await createPassphraseOpener(passphrase, prefix, cobblestone, options);
  const body = await opener.update(message.subarray(start));
  return concat(body, await opener.finish());
}
