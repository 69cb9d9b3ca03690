/**
 * The functions of OpenSSL 3 that TLS and certificates take here: those of both sides, and of each.
 * Every symbol costs a start, so that each side loads its own. No raw call leaves this folder.
 */
import { CryptoError } from "../core/errors.ts";
import { IS_DARWIN } from "./libc.ts";
import { IS_WINDOWS, openLibcrypto, openLibrary, opensslNames } from "./library.ts";

/** What `long` is on this system. Given to a function, it may be longer. */
const [LONG, UNSIGNED_LONG] = IS_WINDOWS ? ["i32", "u32"] as const : ["i64", "u64"] as const;
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

const TLS = {
  SSL_CTX_check_private_key: ASK,
  SSL_CTX_ctrl: { parameters: ["pointer", "i32", "i64", "pointer"], result: LONG },
  SSL_CTX_free: FREE,
  SSL_CTX_get_cert_store: ONE,
  SSL_CTX_new: ONE,
  SSL_CTX_set_security_level: { parameters: ["pointer", "i32"], result: "void" },
  SSL_CTX_set_verify: { parameters: ["pointer", "i32", "pointer"], result: "void" },
  SSL_CTX_use_PrivateKey: BOTH,
  SSL_CTX_use_certificate: BOTH,
  SSL_free: FREE,
  SSL_get_error: { parameters: ["pointer", "i32"], result: "i32" },
  SSL_get_verify_result: { parameters: ["pointer"], result: LONG },
  SSL_new: ONE,
  SSL_pending: ASK,
  SSL_read: BYTES,
  SSL_set_fd: { parameters: ["pointer", "i32"], result: "i32" },
  SSL_shutdown: ASK,
  SSL_write: BYTES,
} as const satisfies Deno.ForeignLibraryInterface;

const TLS_SERVER = {
  ...TLS,
  SSL_CTX_add_client_CA: BOTH,
  SSL_CTX_set_num_tickets: { parameters: ["pointer", "usize"], result: "i32" },
  SSL_accept: ASK,
  SSL_get0_peer_certificate: ONE,
  SSL_get0_verified_chain: ONE,
  SSL_get_peer_cert_chain: ONE,
  SSL_session_reused: ASK,
  TLS_server_method: MAKE,
} as const satisfies Deno.ForeignLibraryInterface;

const TLS_CLIENT = {
  ...TLS,
  SSL_connect: ASK,
  SSL_ctrl: { parameters: ["pointer", "i32", "i64", "buffer"], result: LONG },
  SSL_set1_host: { parameters: ["pointer", "buffer"], result: "i32" },
  SSL_set_hostflags: { parameters: ["pointer", "u32"], result: "void" },
  TLS_client_method: MAKE,
} as const satisfies Deno.ForeignLibraryInterface;

const CERTIFICATES = {
  BIO_free: ASK,
  BIO_new: ONE,
  BIO_s_mem: MAKE,
  BIO_write: BYTES,
  ERR_clear_error: { parameters: [], result: "void" },
  ERR_get_error: { parameters: [], result: UNSIGNED_LONG },
  EVP_PKEY_free: FREE,
  PEM_read_bio_PrivateKey: READ_PEM,
  PEM_read_bio_X509: READ_PEM,
  X509_STORE_add_cert: BOTH,
  X509_STORE_set_flags: { parameters: ["pointer", "u64"], result: "i32" },
  X509_free: FREE,
} as const satisfies Deno.ForeignLibraryInterface;

const CERTIFICATES_OF_CLIENTS = {
  ...CERTIFICATES,
  ASN1_STRING_get0_data: ONE,
  ASN1_STRING_length: ASK,
  ASN1_TIME_diff: { parameters: ["buffer", "buffer", "pointer", "pointer"], result: "i32" },
  BIO_read: BYTES,
  BIO_write_from: { name: "BIO_write", parameters: ["pointer", "pointer", "i32"], result: "i32" },
  EVP_sha256: MAKE,
  GENERAL_NAMES_free: FREE,
  GENERAL_NAME_get0_value: { parameters: ["pointer", "buffer"], result: "pointer" },
  OPENSSL_sk_num: ASK,
  OPENSSL_sk_value: { parameters: ["pointer", "i32"], result: "pointer" },
  PEM_read_bio_X509_CRL: READ_PEM,
  X509_CRL_free: FREE,
  X509_CRL_get0_by_cert: { parameters: ["pointer", "buffer", "pointer"], result: "i32" },
  X509_CRL_get0_lastUpdate: ONE,
  X509_CRL_get0_nextUpdate: ONE,
  X509_CRL_get_issuer: ONE,
  X509_CRL_verify: BOTH,
  X509_NAME_cmp: BOTH,
  X509_NAME_oneline: { parameters: ["pointer", "buffer", "i32"], result: "pointer" },
  X509_STORE_CTX_free: FREE,
  X509_STORE_CTX_get0_chain: ONE,
  X509_STORE_CTX_get_error: ASK,
  X509_STORE_CTX_init: {
    parameters: ["pointer", "pointer", "pointer", "pointer"],
    result: "i32",
  },
  X509_STORE_CTX_new: MAKE,
  X509_STORE_CTX_set_default: { parameters: ["pointer", "buffer"], result: "i32" },
  X509_STORE_add_crl: BOTH,
  X509_check_purpose: { parameters: ["pointer", "i32", "i32"], result: "i32" },
  X509_digest: { parameters: ["pointer", "pointer", "buffer", "buffer"], result: "i32" },
  X509_get0_notAfter: ONE,
  X509_get0_notBefore: ONE,
  X509_get0_pubkey: ONE,
  X509_get_ext_d2i: { parameters: ["pointer", "i32", "pointer", "pointer"], result: "pointer" },
  X509_get_extended_key_usage: { parameters: ["pointer"], result: "u32" },
  X509_get_extension_flags: { parameters: ["pointer"], result: "u32" },
  X509_get_subject_name: ONE,
  X509_verify_cert: ASK,
} as const satisfies Deno.ForeignLibraryInterface;

type Symbols<S extends Deno.ForeignLibraryInterface> = Deno.DynamicLibrary<S>["symbols"];

/** The functions of either side, as C has them. */
export type EitherSsl = Symbols<typeof TLS> & Symbols<typeof CERTIFICATES>;

/** A server's, who also reads and judges certificates. */
export type OpenSsl = Symbols<typeof TLS_SERVER> & Symbols<typeof CERTIFICATES_OF_CLIENTS>;

/** A client's. */
export type ClientSsl = Symbols<typeof TLS_CLIENT> & Symbols<typeof CERTIFICATES>;

/** Loads both. In this order: libssl has libcrypto loaded by its bare name, unless it is there. */
function openBoth<S extends Deno.ForeignLibraryInterface, C extends Deno.ForeignLibraryInterface>(
  ofSsl: S,
  ofCrypto: C,
): Symbols<S> & Symbols<C> | undefined {
  const crypto = openLibcrypto(ofCrypto);
  const ssl = crypto && openLibrary(opensslNames().ssl, ofSsl);
  return ssl && { ...ssl, ...crypto };
}

const HOW_TO_HAVE_IT = "the network mode needs OpenSSL 3" +
  (IS_WINDOWS
    ? " in C:\\Program Files\\OpenSSL-Win64: see docs/systems.md"
    : IS_DARWIN
    ? " at a place that is root's alone, which macOS has not: see docs/systems.md"
    : ": install libssl3");

/** Loads a server's, which needs `ffi`. @throws {CryptoError} `config` without OpenSSL 3. */
export function loadOpenSsl(): OpenSsl {
  const loaded = openBoth(TLS_SERVER, CERTIFICATES_OF_CLIENTS);
  if (loaded) return loaded;
  throw new CryptoError("config", { subject: opensslNames().ssl, hint: HOW_TO_HAVE_IT });
}

/**
 * Loads a client's, which needs `ffi`. Undefined where there is no OpenSSL 3, and where the other
 * functions are not known that a client needs.
 */
export function loadClientSsl(): ClientSsl | undefined {
  return Deno.build.os === "linux" ? openBoth(TLS_CLIENT, CERTIFICATES) : undefined;
}
