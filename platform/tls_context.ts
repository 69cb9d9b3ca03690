/** What both sides of TLS have in common: 1.3 alone, a certificate of one's own, named authorities. */
import type { Bytes } from "../core/bytes.ts";
import type { EitherSsl } from "./openssl.ts";
import { type Handle, withPem } from "./pem.ts";

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
  ssl.SSL_CTX_set_security_level(context, SECURITY_LEVEL);
  ssl.SSL_CTX_set_verify(context, VERIFY, null);
  ssl.SSL_CTX_ctrl(context, Control.MODE, BigInt(MODE), null);
  ssl.SSL_CTX_ctrl(context, Control.CACHE, 0n, null);
  const isModern = ssl.SSL_CTX_ctrl(context, Control.MIN_PROTOCOL, BigInt(TLS_1_3), null);
  if (Number(isModern) !== 1) throw new Error("OpenSSL has no TLS 1.3");
  return context;
}

/** @throws {Unfit} */
export function showCertificate(
  ssl: EitherSsl,
  context: Handle,
  { certificate, key }: OwnCertificate,
): void {
  withPem(ssl, certificate, "PEM_read_bio_X509", ([own, ...chain]) => {
    if (!own) throw nothing("certificate");
    const taken = ssl.SSL_CTX_use_certificate(context, own) === 1 &&
      chain.every((one) => Number(ssl.SSL_CTX_ctrl(context, Control.CHAIN, 1n, one)) === 1);
    if (!taken) {
      throw new Unfit("certificate", "OpenSSL does not take it: too short a key, perhaps");
    }
  });
  withPem(ssl, key, "PEM_read_bio_PrivateKey", ([own]) => {
    if (!own) throw nothing("key");
    const fits = ssl.SSL_CTX_use_PrivateKey(context, own) === 1 &&
      ssl.SSL_CTX_check_private_key(context) === 1;
    if (!fits) throw new Unfit("key", "it does not belong to the certificate");
  });
}

/**
 * Trusts authorities, and no others.
 * @param flags how their store verifies: X509_VERIFY_PARAM_set_flags(3)
 * @param use is given them, too
 * @throws {Unfit}
 */
export function trustAuthorities(
  ssl: EitherSsl,
  context: Handle,
  ca: Bytes,
  flags: bigint,
  use: (authority: Handle) => void = () => {},
): void {
  const store = ssl.SSL_CTX_get_cert_store(context);
  withPem(ssl, ca, "PEM_read_bio_X509", (authorities) => {
    if (authorities.length === 0) throw nothing("ca");
    for (const one of authorities) {
      ssl.X509_STORE_add_cert(store, one);
      use(one);
    }
  });
  ssl.X509_STORE_set_flags(store, flags);
}

/** X509_V_FLAG_PARTIAL_CHAIN: whoever is named as an authority is one. */
export const ANY_ANCHOR = 0x80000n;

/** The error of a text without what it is to hold. */
export function nothing(what: Unfit["what"]): Unfit {
  return new Unfit(what, "there is none in it: it is to be text in PEM");
}
