/**
 * TLS 1.3 for a server whose clients have certificates, by OpenSSL over descriptors that do not
 * block. No session is ever resumed. Lengths are checked here, and no raw call leaves this folder.
 */
import type { Bytes } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { type CertifiedPeer, isForClients, readPeer } from "./certificate.ts";
import { loadOpenSsl, type OpenSsl } from "./openssl.ts";
import { type Handle, withPem } from "./pem.ts";
import {
  ANY_ANCHOR,
  newContext,
  nothing,
  type OwnCertificate,
  showCertificate,
  trustAuthorities,
  Unfit,
} from "./tls_context.ts";
import { TlsBroken, TlsStream } from "./tls_stream.ts";

/** What a server shows and goes by: texts in PEM. */
export interface TlsMaterial extends OwnCertificate {
  /** Whose certificates clients may have. */
  readonly ca: Bytes;
  /** Lists of revoked certificates: one of every authority. Without any, none is looked for. */
  readonly revoked?: Bytes | undefined;
}

/** Why a peer was not let in. */
export type TlsProblem =
  | "no_certificate"
  | "expired"
  | "revoked"
  | "wrong_purpose"
  | "unknown_authority"
  | "no_current_list"
  | "old_protocol"
  | "bad_certificate"
  | "handshake";

/** A peer that was not let in. */
export class TlsRefusal extends Error {
  constructor(readonly problem: TlsProblem) {
    super(`the TLS handshake failed: ${problem}`);
  }
}

/** X509_V_FLAG_CRL_CHECK and CRL_CHECK_ALL. */
const CHECK_LISTS = 0x4n | 0x8n;
const AS_CLIENT = new TextEncoder().encode("ssl_client\0");

/** Reasons of libssl. */
const REASONS: ReadonlyMap<number, TlsProblem> = new Map([
  [199, "no_certificate"],
  [258, "old_protocol"],
]);
/** Results of X509_verify_cert(3). */
const PROBLEMS: ReadonlyMap<number, TlsProblem> = new Map([
  [2, "unknown_authority"],
  [3, "no_current_list"],
  [9, "expired"],
  [10, "expired"],
  [11, "no_current_list"],
  [12, "no_current_list"],
  [18, "unknown_authority"],
  [19, "unknown_authority"],
  [20, "unknown_authority"],
  [21, "unknown_authority"],
  [23, "revoked"],
  [26, "wrong_purpose"],
]);

/** OpenSSL, loaded. A daemon makes one before it gives up `ffi`, and contexts when it likes. */
export class Tls {
  readonly #ssl: OpenSsl = loadOpenSsl();

  /** @throws {CryptoError} `config` for what is none of these, or does not fit together */
  context(material: TlsMaterial): TlsContext {
    return new TlsContext(this.#ssl, material);
  }
}

/** What connections are made with. It is replaced, not changed. */
export class TlsContext {
  readonly #context: Handle;

  constructor(private readonly ssl: OpenSsl, material: TlsMaterial) {
    this.#context = newContext(ssl, ssl.TLS_server_method());
    try {
      if (ssl.SSL_CTX_set_num_tickets(this.#context, 0n) !== 1) throw new Error("it has tickets");
      showCertificate(ssl, this.#context, material);
      this.#trust(material);
    } catch (error) {
      this.free();
      if (!(error instanceof Unfit)) throw error;
      throw new CryptoError("config", { subject: `network.${error.what}`, hint: error.hint });
    }
  }

  #trust({ ca, revoked }: TlsMaterial): void {
    const { ssl } = this;
    const flags = revoked ? ANY_ANCHOR | CHECK_LISTS : ANY_ANCHOR;
    trustAuthorities(ssl, this.#context, ca, flags, (authority) => {
      ssl.SSL_CTX_add_client_CA(this.#context, authority);
    });
    if (!revoked) return;
    withPem(ssl, revoked, "PEM_read_bio_X509_CRL", (lists) => {
      if (lists.length === 0) throw nothing("revoked");
      const store = ssl.SSL_CTX_get_cert_store(this.#context);
      for (const one of lists) ssl.X509_STORE_add_crl(store, one);
    });
  }

  /** A connection that has been accepted. The descriptor stays its caller's. */
  open(fd: number): TlsConnection {
    const ssl = this.ssl.SSL_new(this.#context);
    if (!ssl || this.ssl.SSL_set_fd(ssl, fd) !== 1) throw new Error("OpenSSL has no memory left");
    return new TlsConnection(this.ssl, ssl);
  }

  /** Why a peer that was let in by another context would not be by this one. */
  judge(connection: TlsConnection): TlsProblem | undefined {
    const { ssl } = this;
    const judging = ssl.X509_STORE_CTX_new();
    const store = ssl.SSL_CTX_get_cert_store(this.#context);
    const { certificate, chain } = connection.shown;
    const isGood = ssl.X509_STORE_CTX_init(judging, store, certificate, chain) === 1 &&
      ssl.X509_STORE_CTX_set_default(judging, AS_CLIENT) === 1 &&
      ssl.X509_verify_cert(judging) === 1;
    const problem = isGood ? undefined : problemOf(ssl.X509_STORE_CTX_get_error(judging));
    ssl.X509_STORE_CTX_free(judging);
    ssl.ERR_clear_error();
    return problem;
  }

  /** To be called once. Connections go on. */
  free(): void {
    this.ssl.SSL_CTX_free(this.#context);
  }
}

function problemOf(result: number): TlsProblem {
  return PROBLEMS.get(result) ?? "bad_certificate";
}

/** One connection, accepted. */
export class TlsConnection extends TlsStream<OpenSsl> {
  /**
   * Goes on with the handshake.
   * @returns what to wait for (`Ready` of the event loop), or the peer, once it is proven who that is
   * @throws {TlsRefusal}
   */
  handshake(): number | CertifiedPeer {
    const { ssl, handle } = this;
    ssl.ERR_clear_error();
    const result = ssl.SSL_accept(handle);
    if (result === 1) return this.#peer();
    const wants = this.#wants(result);
    if (wants !== undefined) return wants;
    throw new TlsRefusal("handshake");
  }

  #wants(result: number): number | undefined {
    try {
      return this.wants(result);
    } catch (error) {
      throw error instanceof TlsBroken ? new TlsRefusal(this.#problem(error)) : error;
    }
  }

  /** OpenSSL has verified the certificate; what it does not insist on is insisted on here. */
  #peer(): CertifiedPeer {
    const { ssl, handle } = this;
    const certificate = ssl.SSL_get0_peer_certificate(handle);
    if (!certificate) throw new TlsRefusal("no_certificate");
    const result = Number(ssl.SSL_get_verify_result(handle));
    if (result !== 0) throw new TlsRefusal(problemOf(result));
    if (ssl.SSL_session_reused(handle) !== 0) throw new TlsRefusal("handshake");
    if (!isForClients(ssl, certificate)) throw new TlsRefusal("wrong_purpose");
    return readPeer(ssl, certificate);
  }

  #problem({ reason }: TlsBroken): TlsProblem {
    const known = REASONS.get(reason);
    if (known) return known;
    const result = Number(this.ssl.SSL_get_verify_result(this.handle));
    return result === 0 ? "handshake" : problemOf(result);
  }

  /** What the peer has shown. It stays the connection's. */
  get shown() {
    const { ssl, handle } = this;
    return {
      certificate: ssl.SSL_get0_peer_certificate(handle),
      chain: ssl.SSL_get_peer_cert_chain(handle),
    };
  }
}
