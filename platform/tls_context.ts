/** What both sides of TLS have in common: 1.3 alone, a certificate of one's own, named authorities. */
import type { Bytes } from "../core/bytes.ts";
import type { EitherSsl } from "./openssl.ts";
import { DamagedPem, type Handle, type Reader, type ReadPem, withPem } from "./pem.ts";

const Control = { MODE: 33, CACHE: 44, CHAIN: 89, MIN_PROTOCOL: 123 } as const;
const TLS_1_3 = 0x304;
/** SSL_MODE_ENABLE_PARTIAL_WRITE, ACCEPT_MOVING_WRITE_BUFFER and RELEASE_BUFFERS. */
const MODE = 0x1 | 0x2 | 0x10;
const SECURITY_LEVEL = 2;
/** SSL_VERIFY_PEER and, of a server, FAIL_IF_NO_PEER_CERT. */
const VERIFY = 0x1 | 0x2;

/** What one side shows: texts in PEM. */
export interface OwnCertificate {
  /** The certificate, and those between it and its root. */
  readonly certificate: Bytes;
  readonly key: Bytes;
}

/** What is wrong with a text that was to be loaded. */
export class Unfit extends Error {
  constructor(readonly what: "certificate" | "key" | "ca" | "revoked", readonly hint: string) {
    super(`this ${what} is not fit: ${hint}`);
  }
}

/** A context in which the peer is verified and no session is ever kept. To be freed once. */
export function newContext(ssl: EitherSsl, method: Deno.PointerValue): Handle {
  const context = ssl.SSL_CTX_new(method);
  if (!context) throw new Error("OpenSSL has no memory left");
  // None of these can fail: what they give is what was set before.
  ssl.SSL_CTX_set_security_level(context, SECURITY_LEVEL);
  ssl.SSL_CTX_set_verify(context, VERIFY, null);
  ssl.SSL_CTX_ctrl(context, Control.MODE, BigInt(MODE), null);
  ssl.SSL_CTX_ctrl(context, Control.CACHE, 0n, null);
  const isModern = ssl.SSL_CTX_ctrl(context, Control.MIN_PROTOCOL, BigInt(TLS_1_3), null);
  if (Number(isModern) !== 1) throw new Error("OpenSSL has no TLS 1.3");
  return context;
}

/** What the texts hold. */
const KINDS = {
  certificate: "PEM_read_bio_X509",
  key: "PEM_read_bio_PrivateKey",
  ca: "PEM_read_bio_X509",
  revoked: "PEM_read_bio_X509_CRL",
} as const satisfies Record<Unfit["what"], ReadPem>;

/** @throws {Unfit} */
export function showCertificate(
  ssl: EitherSsl,
  context: Handle,
  { certificate, key }: OwnCertificate,
): void {
  withText(ssl, "certificate", certificate, ([own, ...chain]) => {
    const taken = ssl.SSL_CTX_use_certificate(context, own) === 1 &&
      chain.every((one) => Number(ssl.SSL_CTX_ctrl(context, Control.CHAIN, 1n, one)) === 1);
    if (!taken) {
      throw new Unfit("certificate", "OpenSSL does not take it: too short a key, perhaps");
    }
  });
  withText(ssl, "key", key, ([own]) => {
    const fits = ssl.SSL_CTX_use_PrivateKey(context, own) === 1 &&
      ssl.SSL_CTX_check_private_key(context) === 1;
    if (!fits) throw new Unfit("key", "it does not belong to the certificate");
  });
}

/**
 * Trusts authorities, and no others.
 * @param flags how their store verifies: X509_VERIFY_PARAM_set_flags(3)
 * @throws {Unfit}
 */
export function trustAuthorities(ssl: EitherSsl, context: Handle, ca: Bytes, flags: bigint): void {
  const store = ssl.SSL_CTX_get_cert_store(context);
  withText(ssl, "ca", ca, (authorities) => {
    const taken = authorities.every((one) => ssl.X509_STORE_add_cert(store, one) === 1) &&
      ssl.X509_STORE_set_flags(store, flags) === 1;
    if (!taken) throw new Unfit("ca", "OpenSSL does not take it");
  });
}

/** X509_V_FLAG_PARTIAL_CHAIN: whoever is named as an authority is one. */
export const ANY_ANCHOR = 0x80000n;

/**
 * Uses what a text holds: one object at least.
 * @throws {Unfit} where there is none, or something is damaged
 */
export function withText<W extends Unfit["what"], T>(
  ssl: Reader<(typeof KINDS)[W]>,
  what: W,
  pem: Bytes,
  use: (objects: readonly [Handle, ...Handle[]]) => T,
): T {
  const kind: (typeof KINDS)[W] = KINDS[what];
  try {
    return withPem(ssl, pem, kind, ([first, ...others]) => {
      if (!first) throw new Unfit(what, "there is none in it: it is to be text in PEM");
      return use([first, ...others]);
    });
  } catch (error) {
    if (error instanceof DamagedPem) throw new Unfit(what, "a part of it is damaged or cut");
    throw error;
  }
}
