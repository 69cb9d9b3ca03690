/**
 * The functions of OpenSSL 3 that TLS and certificates take here. Loaded by a daemon that listens
 * on the network, and by nobody else; no raw call leaves this folder.
 */
import { CryptoError } from "../core/errors.ts";
import { openLibrary } from "./library.ts";

const ONE = { parameters: ["pointer"], result: "pointer" } as const;
const MAKE = { parameters: [], result: "pointer" } as const;
const FREE = { parameters: ["pointer"], result: "void" } as const;
const ASK = { parameters: ["pointer"], result: "i32" } as const;
const BOTH = { parameters: ["pointer", "pointer"], result: "i32" } as const;
const BYTES = { parameters: ["pointer", "buffer", "i32"], result: "i32" } as const;
const READ_PEM = {
  parameters: ["pointer", "pointer", "pointer", "buffer"],
  result: "pointer",
} as const;

const LIBSSL = {
  SSL_CTX_add_client_CA: BOTH,
  SSL_CTX_check_private_key: ASK,
  SSL_CTX_ctrl: { parameters: ["pointer", "i32", "i64", "pointer"], result: "i64" },
  SSL_CTX_free: FREE,
  SSL_CTX_get_cert_store: ONE,
  SSL_CTX_new: ONE,
  SSL_CTX_set_num_tickets: { parameters: ["pointer", "usize"], result: "i32" },
  SSL_CTX_set_security_level: { parameters: ["pointer", "i32"], result: "void" },
  SSL_CTX_set_verify: { parameters: ["pointer", "i32", "pointer"], result: "void" },
  SSL_CTX_use_PrivateKey: BOTH,
  SSL_CTX_use_certificate: BOTH,
  SSL_accept: ASK,
  SSL_free: FREE,
  SSL_get0_peer_certificate: ONE,
  SSL_get_error: { parameters: ["pointer", "i32"], result: "i32" },
  SSL_get_peer_cert_chain: ONE,
  SSL_get_verify_result: { parameters: ["pointer"], result: "i64" },
  SSL_new: ONE,
  SSL_pending: ASK,
  SSL_read: BYTES,
  SSL_session_reused: ASK,
  SSL_set_fd: { parameters: ["pointer", "i32"], result: "i32" },
  SSL_shutdown: ASK,
  SSL_write: BYTES,
  TLS_server_method: MAKE,
} as const satisfies Deno.ForeignLibraryInterface;

const LIBCRYPTO = {
  ASN1_STRING_get0_data: ONE,
  ASN1_STRING_length: ASK,
  ASN1_TIME_diff: { parameters: ["buffer", "buffer", "pointer", "pointer"], result: "i32" },
  BIO_free: ASK,
  BIO_new: ONE,
  BIO_read: BYTES,
  BIO_s_mem: MAKE,
  BIO_write: BYTES,
  BIO_write_from: { name: "BIO_write", parameters: ["pointer", "pointer", "i32"], result: "i32" },
  ERR_clear_error: { parameters: [], result: "void" },
  ERR_get_error: { parameters: [], result: "u64" },
  EVP_PKEY_free: FREE,
  EVP_sha256: MAKE,
  GENERAL_NAMES_free: FREE,
  GENERAL_NAME_get0_value: { parameters: ["pointer", "buffer"], result: "pointer" },
  OPENSSL_sk_num: ASK,
  OPENSSL_sk_value: { parameters: ["pointer", "i32"], result: "pointer" },
  PEM_read_bio_PrivateKey: READ_PEM,
  PEM_read_bio_X509: READ_PEM,
  PEM_read_bio_X509_CRL: READ_PEM,
  X509_CRL_free: FREE,
  X509_STORE_CTX_free: FREE,
  X509_STORE_CTX_get_error: ASK,
  X509_STORE_CTX_init: {
    parameters: ["pointer", "pointer", "pointer", "pointer"],
    result: "i32",
  },
  X509_STORE_CTX_new: MAKE,
  X509_STORE_CTX_set_default: { parameters: ["pointer", "buffer"], result: "i32" },
  X509_STORE_add_cert: BOTH,
  X509_STORE_add_crl: BOTH,
  X509_STORE_set_flags: { parameters: ["pointer", "u64"], result: "i32" },
  X509_digest: { parameters: ["pointer", "pointer", "buffer", "buffer"], result: "i32" },
  X509_free: FREE,
  X509_get0_notAfter: ONE,
  X509_get_ext_d2i: { parameters: ["pointer", "i32", "pointer", "pointer"], result: "pointer" },
  X509_get_extended_key_usage: { parameters: ["pointer"], result: "u32" },
  X509_get_extension_flags: { parameters: ["pointer"], result: "u32" },
  X509_verify_cert: ASK,
} as const satisfies Deno.ForeignLibraryInterface;

/** The functions, as C has them. */
export type OpenSsl =
  & Deno.DynamicLibrary<typeof LIBSSL>["symbols"]
  & Deno.DynamicLibrary<typeof LIBCRYPTO>["symbols"];

/** Loads them, which needs `ffi`. @throws {CryptoError} `config` where there is no OpenSSL 3. */
export function loadOpenSsl(): OpenSsl {
  const ssl = openLibrary("libssl.so.3", LIBSSL);
  const crypto = openLibrary("libcrypto.so.3", LIBCRYPTO);
  if (ssl && crypto) return { ...ssl, ...crypto };
  const hint = "the network mode needs OpenSSL 3: install libssl3";
  throw new CryptoError("config", { subject: "libssl.so.3", hint });
}
