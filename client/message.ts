/** Making and reading messages of any length: what the daemon, or a passphrase, gives the key to. */
import { armor, ARMOR_PREFIX, ArmorDecoder, ArmorEncoder } from "../core/armor.ts";
import { type Bytes, concat, EMPTY, fromUtf8, utf8 } from "../core/bytes.ts";
import { Opener, Sealer } from "../core/cobblestone.ts";
import { CHUNK, type Engine, SEALED_CHUNK, webCrypto } from "../core/engine.ts";
import { CryptoError } from "../core/errors.ts";
import { looksLikeFernet } from "../core/fernet.ts";
import { HEADER_LENGTH, looksLikeMessage, readHeader } from "../core/header.ts";
import {
  BODY_PREFIX_LENGTH,
  createBodyOpener,
  createBodySealer,
  ENVELOPE_LENGTH,
} from "../core/message.ts";
import type { Data, KeyOptions, KeyService } from "./keyservice.ts";
import {
  type Body,
  type Flow,
  prepend,
  readAll,
  readUpTo,
  type Source,
  type Transform,
} from "./stream.ts";

/** The longest value that goes through the daemon, in bytes of plaintext; streams have no limit. */
export const MAX_VALUE = 524_288;
/** The longest armored direct message or Fernet token that is read: a value of that length. */
export const MAX_VALUE_TEXT = 760_000;

/** Options of encrypting a stream. */
export interface EncryptStreamOptions extends KeyOptions {
  readonly engine?: Engine | undefined;
  /** Write one line of text instead of bytes. */
  readonly armor?: boolean | undefined;
  /** Bytes of plaintext, if known: for the daemon's log. */
  readonly size?: number | undefined;
}

/** Options of decrypting a stream. */
export interface DecryptStreamOptions extends EncryptStreamOptions {
  /** Asked for if the message is under a passphrase. */
  readonly passphrase?: (() => Promise<string>) | undefined;
}

/** Gives the daemon, when it is first needed: a message under a passphrase needs none. */
export type Connect = () => Promise<KeyService>;

const ARMOR_START = utf8(ARMOR_PREFIX);
const DETECT_LENGTH = HEADER_LENGTH;
const FIRST_TEXT = 4_096;
const TEXT_PIECE = 262_144;

function contextBytes(context: Data | undefined): Bytes {
  if (context === undefined) return EMPTY;
  return typeof context === "string" ? utf8(context) : context;
}

function coreOptions({ context, engine = webCrypto }: EncryptStreamOptions) {
  return { context: contextBytes(context), engine };
}

/** The transformation of a message's chunks, which can go on at any piece of them. */
interface BodyTransform extends Transform {
  readonly body: () => Body;
  /** What comes next is the piece of that number. */
  seek(piece: number): void;
}

/** The same transformation for another thread, without what comes before the chunks. */
export function transformOf(body: Body, engine: Engine): BodyTransform {
  return body.operation === "seal"
    ? sealing(EMPTY, new Sealer(EMPTY, body.keys, engine))
    : opening(new Opener(body.keys, engine));
}

function sealing(start: Bytes, sealer: Sealer): BodyTransform {
  const { chunksAtOnce } = sealer;
  return {
    prefix: concat(start, sealer.prefix),
    piece: chunksAtOnce * CHUNK,
    room: chunksAtOnce * SEALED_CHUNK,
    update: (bytes, into) => sealer.update(bytes, into),
    finish: () => sealer.finish(),
    body: () => ({ operation: "seal", keys: sealer.copyKeys() }),
    seek: (piece) => sealer.seek(piece * chunksAtOnce),
  };
}

function opening(opener: Opener): BodyTransform {
  const { chunksAtOnce } = opener;
  return {
    prefix: EMPTY,
    piece: chunksAtOnce * SEALED_CHUNK,
    room: chunksAtOnce * CHUNK,
    update: (bytes, into) => opener.update(bytes, into),
    finish: () => opener.finish(),
    body: () => ({ operation: "open", keys: opener.copyKeys() }),
    seek: (piece) => opener.seek(piece * chunksAtOnce),
  };
}

/** A transformation that gives some bytes and takes nothing. */
function constant(bytes: Bytes): Transform {
  return {
    prefix: bytes,
    piece: CHUNK,
    room: 0,
    update: () => Promise.resolve(EMPTY),
    finish: () => Promise.resolve(EMPTY),
  };
}

function armoring(inner: Transform): Transform {
  const encoder = new ArmorEncoder();
  const sealed = new Uint8Array(inner.room);
  return {
    prefix: concat(encoder.prefix, encoder.update(inner.prefix)),
    piece: inner.piece,
    room: 0,
    update: async (bytes) => encoder.update(await inner.update(bytes, sealed)),
    finish: async () => concat(encoder.update(await inner.finish()), encoder.finish()),
  };
}

/** A source of the bytes that an armored source, after its prefix, stands for. */
function unarmored(source: Source): Source {
  const decoder = new ArmorDecoder();
  let decoded: Bytes = EMPTY;
  let ended = false;
  // Little at first: many messages may have been started before one is read on.
  let piece = FIRST_TEXT;
  const refill = async () => {
    const text = await readUpTo(source, piece);
    ended = text.length < piece;
    piece = TEXT_PIECE;
    decoded = ended ? concat(decoder.update(text), decoder.finish()) : decoder.update(text);
  };
  return {
    ready: source.ready,
    async read(buffer) {
      while (decoded.length === 0 && !ended) await refill();
      if (decoded.length === 0) return null;
      const taken = decoded.subarray(0, buffer.length);
      buffer.set(taken);
      decoded = decoded.subarray(taken.length);
      return taken.length;
    },
  };
}

/**
 * Starts encrypting a stream under a key of the daemon.
 *
 * Under a key for sealing it becomes an enveloped message: the daemon makes the data key, and the
 * stream is encrypted here. Under a Fernet key it becomes a token, and must be short.
 */
export async function encryptFlow(
  service: KeyService,
  source: Source,
  options: EncryptStreamOptions = {},
): Promise<Flow> {
  try {
    const { envelope, dataKey } = await service.createDataKey(options.key, options.size);
    const sealer = await createBodySealer(dataKey, coreOptions(options));
    return armored({ source, transform: sealing(envelope, sealer) }, options);
  } catch (error) {
    const isFernet = error instanceof CryptoError && error.code === "wrong_purpose";
    if (!isFernet) throw error;
    return await encryptValueFlow(service, source, options);
  }
}

/** Encrypts a value, which must be short: a direct message or a Fernet token, as a line of text. */
export async function encryptValueFlow(
  service: KeyService,
  source: Source,
  { key, context }: EncryptStreamOptions,
): Promise<Flow> {
  const plaintext = await readValue(source, MAX_VALUE);
  const token = await service.encrypt(plaintext, { key, context });
  return { source, transform: constant(utf8(token + "\n")) };
}

async function readValue(source: Source, limit: number): Promise<Bytes> {
  const value = await readAll(source, limit);
  if (value) return value;
  const hint = `a value has at most ${MAX_VALUE} bytes; use a key for sealing, which has no limit`;
  throw new CryptoError("too_large", { hint });
}

function armored(flow: Flow, options: EncryptStreamOptions): Flow {
  return options.armor ? { ...flow, transform: armoring(flow.transform) } : flow;
}

/** Starts encrypting a stream under a passphrase. No daemon is needed. */
export async function encryptPassphraseFlow(
  passphrase: string,
  source: Source,
  options: EncryptStreamOptions = {},
): Promise<Flow> {
  const { createPassphraseSealer } = await import("../core/passphrase.ts");
  const settings = { use: "file", ...coreOptions(options) } as const;
  const { prefix, sealer } = await createPassphraseSealer(passphrase, settings);
  return armored({ source, transform: sealing(prefix, sealer) }, options);
}

/**
 * Starts decrypting a stream, whatever kind of message it is: bytes or text, enveloped, direct,
 * under a passphrase, or a Fernet token.
 *
 * @throws {CryptoError} `malformed` if it is none of these
 */
export async function decryptFlow(
  connect: Connect,
  source: Source,
  options: DecryptStreamOptions = {},
): Promise<Flow> {
  const start = await readUpTo(source, DETECT_LENGTH);
  if (looksLikeMessage(start)) {
    return await decryptMessage(connect, prepend(start, source), options);
  }
  const whole = prepend(start, source);
  if (ARMOR_START.every((byte, i) => start[i] === byte)) {
    await readUpTo(whole, ARMOR_START.length);
    return await decryptMessage(connect, unarmored(whole), options);
  }
  const text = new TextDecoder("latin1").decode(start);
  if (!looksLikeFernet(text)) throw new CryptoError("malformed");
  const token = fromUtf8(await readValue(whole, MAX_VALUE_TEXT)).replace(/\n$/, "");
  return await decryptValue(await connect(), token, source, options);
}

async function decryptValue(
  service: KeyService,
  message: string,
  source: Source,
  { key, context }: DecryptStreamOptions,
): Promise<Flow> {
  return { source, transform: constant(await service.decrypt(message, { key, context })) };
}

async function decryptMessage(
  connect: Connect,
  source: Source,
  options: DecryptStreamOptions,
): Promise<Flow> {
  const start = await readUpTo(source, HEADER_LENGTH);
  const rest = prepend(start, source);
  switch (readHeader(start).kind) {
    case "direct": {
      const message = armor(await readValue(rest, MAX_VALUE_TEXT));
      return await decryptValue(await connect(), message, source, options);
    }
    case "enveloped":
      return await decryptEnveloped(await connect(), rest, options);
    case "passphrase":
      return await decryptPassphrase(rest, options);
  }
}

async function decryptEnveloped(
  service: KeyService,
  source: Source,
  options: DecryptStreamOptions,
): Promise<Flow> {
  const envelope = await readUpTo(source, ENVELOPE_LENGTH);
  const dataKey = await service.openDataKey(envelope, options.size, options.key);
  const prefix = await readUpTo(source, BODY_PREFIX_LENGTH);
  const opener = await createBodyOpener(dataKey, prefix, coreOptions(options));
  return { source, transform: opening(opener) };
}

async function decryptPassphrase(source: Source, options: DecryptStreamOptions): Promise<Flow> {
  const { createPassphraseOpener, PASSPHRASE_PREFIX_LENGTH } = await import(
    "../core/passphrase.ts"
  );
  if (!options.passphrase) {
    const hint = "it is under a passphrase, and there is nobody to ask for it";
    throw new CryptoError("no_passphrase", { hint });
  }
  const prefix = await readUpTo(source, PASSPHRASE_PREFIX_LENGTH);
  const cobblestone = await readUpTo(source, BODY_PREFIX_LENGTH);
  const settings = { use: "file", ...coreOptions(options) } as const;
  const passphrase = await options.passphrase();
  const opener = await createPassphraseOpener(passphrase, prefix, cobblestone, settings);
  return { source, transform: opening(opener) };
}
