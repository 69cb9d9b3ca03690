/** What a certificate says of whom it is for. */
import type { Bytes } from "../core/bytes.ts";
import type { OpenSsl } from "./openssl.ts";
import { copyBytes, type Handle } from "./pem.ts";

/** A peer as its certificate names it. */
export interface CertifiedPeer {
  /** `URI:…`, `DNS:…` of its subject alternative names, in their order; last `SHA256:…` of it all. */
  readonly names: readonly [string, ...string[]];
  /** When it expires, in milliseconds. */
  readonly expires: number;
}

const SUBJECT_ALT_NAME = 85;
/** Kinds of GENERAL_NAME by their numbers, of those that identify a program or a machine. */
const KINDS: ReadonlyMap<number, string> = new Map([[2, "DNS"], [6, "URI"]]);
const MAX_NAME = 255;
/** Of one that has more, of whatever kind, the first ones count. */
const MAX_NAMES = 256;
const HAS_EXTENDED_USAGE = 0x4;
const USE_AS_CLIENT = 0x2;
const DAY = 86_400_000;

/** Whether its extended key usage says that it is for clients. Without any it is not. */
export function isForClients(ssl: OpenSsl, certificate: Handle): boolean {
  const flags = ssl.X509_get_extension_flags(certificate);
  const usage = ssl.X509_get_extended_key_usage(certificate);
  return (flags & HAS_EXTENDED_USAGE) !== 0 && (usage & USE_AS_CLIENT) !== 0;
}

/** Reads a certificate that has been verified. */
export function readPeer(ssl: OpenSsl, certificate: Handle): CertifiedPeer {
  const named = alternativeNames(ssl, certificate);
  const [first = fingerprint(ssl, certificate), ...rest] = named;
  const names = named.length === 0 ? [] : [...rest, fingerprint(ssl, certificate)];
  return { names: [first, ...names], expires: expiry(ssl, certificate) };
}

function alternativeNames(ssl: OpenSsl, certificate: Handle): string[] {
  const stack = ssl.X509_get_ext_d2i(certificate, SUBJECT_ALT_NAME, null, null);
  if (!stack) return [];
  const names: string[] = [];
  const count = Math.min(ssl.OPENSSL_sk_num(stack), MAX_NAMES);
  for (let i = 0; i < count; i++) {
    const name = readName(ssl, ssl.OPENSSL_sk_value(stack, i));
    if (name !== undefined) names.push(name);
  }
  ssl.GENERAL_NAMES_free(stack);
  return names;
}

/** A name in visible ASCII; whatever else a certificate may hold is no name here. */
function readName(ssl: OpenSsl, general: Deno.PointerValue): string | undefined {
  const type = new Uint8Array(4);
  const value = ssl.GENERAL_NAME_get0_value(general, type);
  const kind = KINDS.get(new DataView(type.buffer).getInt32(0, true));
  if (kind === undefined || !value) return undefined;
  const length = ssl.ASN1_STRING_length(value);
  if (length < 1 || length > MAX_NAME) return undefined;
  const text = asText(copyBytes(ssl, ssl.ASN1_STRING_get0_data(value), length));
  return text === undefined ? undefined : `${kind}:${text}`;
}

function asText(bytes: Bytes): string | undefined {
  const isVisible = bytes.every((byte) => byte > 0x20 && byte < 0x7f);
  return isVisible ? new TextDecoder().decode(bytes) : undefined;
}

function fingerprint(ssl: OpenSsl, certificate: Handle): string {
  const digest = new Uint8Array(32);
  ssl.X509_digest(certificate, ssl.EVP_sha256(), digest, new Uint8Array(4));
  return `SHA256:${digest.toHex()}`;
}

function expiry(ssl: OpenSsl, certificate: Handle): number {
  return readTime(ssl, ssl.X509_get0_notAfter(certificate)) ?? 0;
}

/** A time of OpenSSL's, in milliseconds. Undefined where it is none. */
export function readTime(ssl: OpenSsl, time: Deno.PointerValue): number | undefined {
  const [days, seconds] = [new Uint8Array(4), new Uint8Array(4)];
  if (!time || ssl.ASN1_TIME_diff(days, seconds, null, time) !== 1) return undefined;
  const read = (bytes: Bytes) => new DataView(bytes.buffer).getInt32(0, true);
  return Date.now() + read(days) * DAY + read(seconds) * 1000;
}
