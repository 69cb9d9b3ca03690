/** Bytes over a TLS connection that is there, whose descriptor does not block. */
import type { Bytes } from "../core/bytes.ts";
import { Poll } from "./libc.ts";
import type { EitherSsl } from "./openssl.ts";
import type { Handle } from "./pem.ts";

const MAX_ONCE = 65_536;
const SslError = { WANT_READ: 2, WANT_WRITE: 3, ZERO_RETURN: 6 } as const;
/** An error of OpenSSL's is the number of its library and, in the last 23 bits, its reason. */
const REASON_BITS = 23;
const LIBRARY = 0xffn;
const LIBSSL = 20n;
/** A reason of libssl that is an alert of the peer's: SSL_AD_REASON_OFFSET and the alert. */
const ALERTS = 1000;
/** SSL_R_UNEXPECTED_EOF_WHILE_READING: somebody has hung up without a word. */
const CUT_OFF = 294;

/** A connection that is broken, and why, as far as OpenSSL says. */
export class TlsBroken extends Error {
  /** @param reason of libssl; 0 if there is none, but the other side has gone */
  constructor(readonly reason: number) {
    super(`the TLS connection is broken: ${reason}`);
  }

  /** Whether the peer has said that it does not want this. */
  get refused(): boolean {
    return this.reason > ALERTS;
  }
}

/** One connection. To be freed once; nothing of it is called after that. */
export class TlsStream<S extends EitherSsl = EitherSsl> {
  constructor(protected readonly ssl: S, protected readonly handle: Handle) {}

  /**
   * What a call of OpenSSL's that has not succeeded waits for: one of {@link Poll}, which epoll(7) has as well.
   * @returns undefined if it has found the end of all
   * @throws {TlsBroken}
   */
  protected wants(result: number): number | undefined {
    switch (this.ssl.SSL_get_error(this.handle, result)) {
      case SslError.WANT_READ:
        return Poll.IN;
      case SslError.WANT_WRITE:
        return Poll.OUT;
      case SslError.ZERO_RETURN:
        return undefined;
      default:
        throw new TlsBroken(this.#reason());
    }
  }

  #reason(): number {
    const error = BigInt(this.ssl.ERR_get_error());
    const isOfTls = ((error >> BigInt(REASON_BITS)) & LIBRARY) === LIBSSL;
    const reason = isOfTls ? Number(BigInt.asUintN(REASON_BITS, error)) : 0;
    return reason === CUT_OFF ? 0 : reason;
  }

  /** Whether a part of a record waits that was too long for the buffer: nobody else tells. */
  get hasMore(): boolean {
    return this.ssl.SSL_pending(this.handle) > 0;
  }

  /**
   * Reads what has come, at most a record at a time.
   * @returns how many bytes; 0 at the end; undefined if nothing has come
   * @throws {TlsBroken}
   */
  receive(buffer: Bytes): number | undefined {
    const { ssl, handle } = this;
    ssl.ERR_clear_error();
    const count = ssl.SSL_read(handle, buffer, Math.min(buffer.length, MAX_ONCE));
    if (count > 0) return count;
    return this.wants(count) === undefined ? 0 : undefined;
  }

  /**
   * Sends as much as the kernel takes now.
   * @returns how many bytes it took; what is sent next begins after them
   * @throws {TlsBroken}
   */
  send(bytes: Bytes): number {
    const { ssl, handle } = this;
    ssl.ERR_clear_error();
    for (let done = 0;;) {
      const rest = bytes.subarray(done);
      if (rest.length === 0) return done;
      const count = ssl.SSL_write(handle, rest, Math.min(rest.length, MAX_ONCE));
      if (count > 0) done += count;
      else if (this.wants(count) === undefined) throw new TlsBroken(0);
      else return done;
    }
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
