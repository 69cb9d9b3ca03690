/**
 * Messages under a key version: `direct`, encrypted under the key itself, and `enveloped`, whose
 * bulk is encrypted, mostly elsewhere, under a data key that only the daemon can open.
 * docs/format.md is the normative description.
 */
import { after, type Awaitable } from "./awaitable.ts";
import { type Bytes, concat, concatScratch, EMPTY, randomBytes, utf8 } from "./bytes.ts";
import {
  createOpener,
  createSealer,
  KEY_LENGTH,
  open,
  type Opener,
  PREFIX_LENGTH,
  seal,
  sealedLength,
  type Sealer,
  type WholeOptions,
} from "./cobblestone.ts";
import { type Engine, webCrypto } from "./engine.ts";
import { CryptoError } from "./errors.ts";
import { type Header, HEADER_LENGTH, makeHeader, type MessageKind } from "./header.ts";

/** The longest context, in bytes. */
export const MAX_CONTEXT = 65_536;
/** Bytes of an envelope: the header and the wrapped data key that start an enveloped message. */
export const ENVELOPE_LENGTH = HEADER_LENGTH + sealedLength(KEY_LENGTH);

const BODY_LABEL = utf8("crypto/v1/body");

/** One version of a key, ready for use. */
export interface KeyVersion {
  /** 8 bytes. */
  readonly id: Bytes;
  /** 32 secret bytes. */
  readonly material: Bytes;
}

/** Options that every operation on messages takes. */
export interface MessageOptions {
  /** Caller's data that the message is bound to, at most 64 KiB; the reader must give the same. */
  readonly context?: Bytes | undefined;
  readonly engine?: Engine | undefined;
}

/** Options of operations on whole messages. */
export type WholeMessageOptions = MessageOptions & Pick<WholeOptions, "allocate">;

/** @throws {CryptoError} `too_large` for a context above 64 KiB. */
export function requireContext(context: Bytes): Bytes {
  if (context.length <= MAX_CONTEXT) return context;
  throw new CryptoError("too_large", { subject: "context", hint: "a context has at most 64 KiB" });
}

function requireKind(header: Header, kind: MessageKind): void {
  if (header.kind !== kind) throw new CryptoError("malformed");
}

/** Encrypts a value as a direct message. */
export function sealDirect(
  { id, material }: KeyVersion,
  plaintext: Bytes,
  { context = EMPTY, engine = webCrypto, allocate }: WholeMessageOptions = {},
): Awaitable<Bytes> {
  const header = makeHeader("direct", id);
  const bound = concatScratch(header.bytes, requireContext(context));
  return seal(material, plaintext, { context: bound, engine, header: header.bytes, allocate });
}

/**
 * Decrypts a direct message whose header has been read.
 * @throws {CryptoError} `malformed` for another kind, `decryption_failed` for all else.
 */
export function openDirect(
  { material }: KeyVersion,
  header: Header,
  message: Bytes,
  { context = EMPTY, engine = webCrypto, allocate }: WholeMessageOptions = {},
): Awaitable<Bytes> {
  requireKind(header, "direct");
  const bound = concatScratch(header.bytes, requireContext(context));
  return open(material, message.subarray(HEADER_LENGTH), { context: bound, engine, allocate });
}

/** A new envelope and the data key inside it. */
export interface Envelope {
  /** 117 bytes: the start of the message. */
  readonly envelope: Bytes;
  /** 32 secret bytes, for this one message's body. */
  readonly dataKey: Bytes;
}

/** Makes a data key and wraps it. */
export function createEnvelope(
  version: KeyVersion,
  engine: Engine = webCrypto,
): Awaitable<Envelope> {
  const dataKey = randomBytes(KEY_LENGTH);
  return after(sealEnvelope(version, dataKey, engine), (envelope) => ({ envelope, dataKey }));
}

/** Wraps a data key. Gives the 117 bytes that start its message. */
export function sealEnvelope(
  { id, material }: KeyVersion,
  dataKey: Bytes,
  engine: Engine = webCrypto,
): Awaitable<Bytes> {
  const header = makeHeader("enveloped", id).bytes;
  return seal(material, dataKey, { context: header, engine, header });
}

/**
 * Opens an envelope: gives the 32-byte data key.
 * @throws {CryptoError} `malformed` for another kind or length, `decryption_failed` for all else.
 */
export function openEnvelope(
  { material }: KeyVersion,
  header: Header,
  envelope: Bytes,
  engine: Engine = webCrypto,
): Awaitable<Bytes> {
  requireKind(header, "enveloped");
  if (envelope.length !== ENVELOPE_LENGTH) throw new CryptoError("malformed");
  const wrapped = envelope.subarray(HEADER_LENGTH);
  return open(material, wrapped, { context: header.bytes, engine });
}

/** Encrypts a value as an enveloped message, all of it. */
export function sealEnveloped(
  version: KeyVersion,
  plaintext: Bytes,
  { allocate, ...options }: WholeMessageOptions = {},
): Awaitable<Bytes> {
  const settings = { ...bodyOptions(options), allocate };
  return after(createEnvelope(version, options.engine), ({ envelope, dataKey }) => {
    return seal(dataKey, plaintext, { ...settings, header: envelope });
  });
}

/**
 * Decrypts an enveloped message, all of it, whose header has been read.
 * @throws {CryptoError} `malformed` for another kind, `decryption_failed` for all else.
 */
export function openEnveloped(
  version: KeyVersion,
  header: Header,
  message: Bytes,
  { allocate, ...options }: WholeMessageOptions = {},
): Awaitable<Bytes> {
  const settings = { ...bodyOptions(options), allocate };
  const envelope = message.subarray(0, ENVELOPE_LENGTH);
  return after(openEnvelope(version, header, envelope, options.engine), (dataKey) => {
    return open(dataKey, message.subarray(ENVELOPE_LENGTH), settings);
  });
}

function bodyOptions({ context = EMPTY, engine }: MessageOptions) {
  return { context: concat(BODY_LABEL, requireContext(context)), engine };
}

/** Starts the body of an enveloped message. Its prefix follows the envelope. */
export function createBodySealer(dataKey: Bytes, options: MessageOptions = {}): Promise<Sealer> {
  return createSealer(dataKey, bodyOptions(options));
}

/**
 * Starts reading the body of an enveloped message.
 * @param prefix the 56 bytes after the envelope
 * @throws {CryptoError} `decryption_failed` if the context is another, or the bytes were changed.
 */
export function createBodyOpener(
  dataKey: Bytes,
  prefix: Bytes,
  options: MessageOptions = {},
): Promise<Opener> {
  return createOpener(dataKey, prefix, bodyOptions(options));
}

/** Bytes of a body's prefix. */
export const BODY_PREFIX_LENGTH = PREFIX_LENGTH;
