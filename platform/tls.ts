/**
 * TLS 1.3 for a server whose clients have certificates, by OpenSSL over descriptors that do not
 * block. No session is ever resumed. Lengths are checked here, and no raw call leaves this folder.
 */
import type { Bytes } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { type CertifiedPeer, isForClients, readPeer } from "./certificate.ts";
import { Ready } from "./eventloop.ts";
import { loadOpenSsl, type OpenSsl } from "./openssl.ts";
import { type Handle, type ReadPem, readPem } from "./pem.ts";

/** What a server shows and goes by: texts in PEM. */
export interface TlsMaterial {
  /** The server's certificate, and those between it and its root. */
  readonly certificate: Bytes;
  readonly key: Bytes;
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

const Control = { MODE: 33, CACHE: 44, CHAIN: 89, MIN_PROTOCOL: 123 } as const;
const TLS_1_3 = 0x304;
/** SSL_MODE_ENABLE_PARTIAL_WRITE, ACCEPT_MOVING_WRITE_BUFFER and RELEASE_BUFFERS. */
const MODE = 0x1 | 0x2 | 0x10;
const SECURITY_LEVEL = 2;
/** SSL_VERIFY_PEER and FAIL_IF_NO_PEER_CERT. */
const VERIFY = 0x1 | 0x2;
/** X509_V_FLAG_PARTIAL_CHAIN: whoever is named as an authority is one. */
const ANY_ANCHOR = 0x80000n;
/** X509_V_FLAG_CRL_CHECK and CRL_CHECK_ALL. */
const CHECK_LISTS = 0x4n | 0x8n;
const AS_CLIENT = new TextEncoder().encode("ssl_client\0");
const MAX_ONCE = 65_536;

const SslError = { WANT_READ: 2, WANT_WRITE: 3, ZERO_RETURN: 6 } as const;
/** Reasons of libssl, out of the last 23 bits of an error. */
const REASONS: ReadonlyMap<bigint, TlsProblem> = new Map([
  [199n, "no_certificate"],
  [258n, "old_protocol"],
]);
const REASON_BITS = 23n;
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
    const context = ssl.SSL_CTX_new(ssl.TLS_server_method());
    if (!context) throw new Error("OpenSSL has no memory left");
    this.#context = context;
    try {
      this.#setUp();
      this.#showCertificate(material);
      this.#trust(material);
    } catch (error) {
      this.free();
      throw error;
    }
  }

  #setUp(): void {
    const { ssl } = this;
    ssl.SSL_CTX_set_security_level(this.#context, SECURITY_LEVEL);
    ssl.SSL_CTX_set_verify(this.#context, VERIFY, null);
    ssl.SSL_CTX_ctrl(this.#context, Control.MODE, BigInt(MODE), null);
    ssl.SSL_CTX_ctrl(this.#context, Control.CACHE, 0n, null);
    const isModern = ssl.SSL_CTX_ctrl(this.#context, Control.MIN_PROTOCOL, BigInt(TLS_1_3), null);
    const noTickets = ssl.SSL_CTX_set_num_tickets(this.#context, 0n);
    if (Number(isModern) !== 1 || noTickets !== 1) throw new Error("OpenSSL has no TLS 1.3");
  }

  #showCertificate({ certificate, key }: TlsMaterial): void {
    const { ssl } = this;
    this.#withPem(certificate, "PEM_read_bio_X509", "certificate", ([own, ...chain]) => {
      const taken = ssl.SSL_CTX_use_certificate(this.#context, own!) === 1 &&
        chain.every((one) => Number(ssl.SSL_CTX_ctrl(this.#context, Control.CHAIN, 1n, one)) === 1);
      if (!taken) throw unfit("certificate", "OpenSSL does not take it: too short a key, perhaps");
    });
    this.#withPem(key, "PEM_read_bio_PrivateKey", "key", ([own]) => {
      const fits = ssl.SSL_CTX_use_PrivateKey(this.#context, own!) === 1 &&
        ssl.SSL_CTX_check_private_key(this.#context) === 1;
      if (!fits) throw unfit("key", "it does not belong to the certificate");
    });
  }

  #trust({ ca, revoked }: TlsMaterial): void {
    const { ssl } = this;
    const store = ssl.SSL_CTX_get_cert_store(this.#context);
    this.#withPem(ca, "PEM_read_bio_X509", "ca", (authorities) => {
      for (const one of authorities) {
        ssl.X509_STORE_add_cert(store, one);
        ssl.SSL_CTX_add_client_CA(this.#context, one);
      }
    });
    ssl.X509_STORE_set_flags(store, revoked ? ANY_ANCHOR | CHECK_LISTS : ANY_ANCHOR);
    if (!revoked) return;
    this.#withPem(revoked, "PEM_read_bio_X509_CRL", "revoked", (lists) => {
      for (const one of lists) ssl.X509_STORE_add_crl(store, one);
    });
  }

  /** Reads objects, uses them and frees them: OpenSSL counts for itself what it keeps. */
  #withPem(
    pem: Bytes,
    read: ReadPem,
    name: keyof TlsMaterial,
    use: (objects: readonly Handle[]) => void,
  ): void {
    const objects = readPem(this.ssl, pem, read);
    try {
      if (objects.length === 0) throw unfit(name, "there is none in it: it is to be text in PEM");
      use(objects);
    } finally {
      for (const one of objects) this.ssl[FREE[read]](one);
      this.ssl.ERR_clear_error();
    }
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

const FREE = {
  PEM_read_bio_X509: "X509_free",
  PEM_read_bio_X509_CRL: "X509_CRL_free",
  PEM_read_bio_PrivateKey: "EVP_PKEY_free",
} as const satisfies Record<ReadPem, keyof OpenSsl>;

function problemOf(result: number): TlsProblem {
  return PROBLEMS.get(result) ?? "bad_certificate";
}

function unfit(name: keyof TlsMaterial, hint: string): CryptoError {
  return new CryptoError("config", { subject: `network.${name}`, hint });
}

/** One connection. To be freed once; nothing of it is called after that. */
export class TlsConnection {
  constructor(private readonly ssl: OpenSsl, private readonly handle: Handle) {}

  /**
   * Goes on with the handshake.
   * @returns what to wait for ({@link Ready}), or the peer, once it is proven who that is
   * @throws {TlsRefusal}
   */
  handshake(): number | CertifiedPeer {
    const { ssl, handle } = this;
    ssl.ERR_clear_error();
    const result = ssl.SSL_accept(handle);
    if (result === 1) return this.#peer();
    const error = ssl.SSL_get_error(handle, result);
    if (error === SslError.WANT_READ) return Ready.READ;
    if (error === SslError.WANT_WRITE) return Ready.WRITE;
    throw new TlsRefusal(this.#problem());
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

  #problem(): TlsProblem {
    const reason = REASONS.get(BigInt.asUintN(Number(REASON_BITS), this.ssl.ERR_get_error()));
    if (reason) return reason;
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

  /** Whether a part of a record waits that was too long for the buffer: nobody else tells. */
  get hasMore(): boolean {
    return this.ssl.SSL_pending(this.handle) > 0;
  }

  /**
   * Reads what has come, at most a record at a time.
   * @returns how many bytes; 0 at the end; undefined if nothing has come
   * @throws {TlsRefusal} if the connection is broken
   */
  receive(buffer: Bytes): number | undefined {
    const { ssl, handle } = this;
    ssl.ERR_clear_error();
    const count = ssl.SSL_read(handle, buffer, Math.min(buffer.length, MAX_ONCE));
    if (count > 0) return count;
    return this.#failed(count) ? 0 : undefined;
  }

  /**
   * Sends as much as the kernel takes now.
   * @returns how many bytes it took; what is sent next begins after them
   * @throws {TlsRefusal} if the connection is broken
   */
  send(bytes: Bytes): number {
    const { ssl, handle } = this;
    ssl.ERR_clear_error();
    for (let done = 0;;) {
      const rest = bytes.subarray(done);
      if (rest.length === 0) return done;
      const count = ssl.SSL_write(handle, rest, Math.min(rest.length, MAX_ONCE));
      if (count > 0) done += count;
      else if (this.#failed(count)) throw new TlsRefusal("handshake");
      else return done;
    }
  }

  /** Whether a call that gave nothing found the end. @throws {TlsRefusal} */
  #failed(result: number): boolean {
    const error = this.ssl.SSL_get_error(this.handle, result);
    if (error === SslError.WANT_READ || error === SslError.WANT_WRITE) return false;
    if (error === SslError.ZERO_RETURN) return true;
    throw new TlsRefusal("handshake");
  }

  /** Tells the peer that nothing more will come, so that it can tell an end from a cut. */
  finish(): void {
    this.ssl.ERR_clear_error();
    this.ssl.SSL_shutdown(this.handle);
  }

  free(): void {
    this.ssl.SSL_free(this.handle);
  }
}
