/**
 * TLS 1.3 to one server by OpenSSL: a command prepares it while it still may, and can connect again
 * when it has given up every permission. Both sides are proven by certificates. Lengths are checked
 * here, and no raw call leaves this folder.
 */
import { type Bytes, utf8 } from "../core/bytes.ts";
import type { Dialled } from "./dial.ts";
import { Poll } from "./libc.ts";
import { type ClientSsl, loadClientSsl } from "./openssl.ts";
import type { Handle } from "./pem.ts";
import { type Deadline, TcpDialer, within } from "./tcp_dial.ts";
import {
  ANY_ANCHOR,
  newContext,
  type OwnCertificate,
  showCertificate,
  trustAuthorities,
} from "./tls_context.ts";
import { TlsBroken, TlsStream } from "./tls_stream.ts";

/** X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NEVER_CHECK_SUBJECT: names are those of RFC 9525. */
const NAMES = 0x4 | 0x20;
/** SSL_CTRL_SET_TLSEXT_HOSTNAME, and TLSEXT_NAMETYPE_host_name. */
const SERVER_NAME = { control: 55, type: 0n } as const;
const PIECE = 65_536;

/** Whom to ask, and as whom. Texts are in PEM. */
export interface TlsServer extends OwnCertificate {
  /** A name or an IP address, which the server's certificate must be for. */
  readonly host: string;
  readonly port: number;
  /** The authorities of servers. No other is trusted. */
  readonly ca: Bytes;
}

/** The server is not the one that was named, or speaks no TLS 1.3. */
export class Unproven extends Error {
  /** @param result of X509_verify_cert(3); 0 where it did not come to that */
  constructor(readonly result: number) {
    super(`the server is not proven: ${result}`);
  }
}

/** Connects to one server, as often as one likes, without any permission. */
export class TlsDialer {
  readonly #tcp: TcpDialer;
  readonly #context: Handle;
  readonly #host: string;

  private constructor(private readonly ssl: ClientSsl, server: TlsServer) {
    this.#tcp = new TcpDialer(server);
    this.#host = server.host;
    this.#context = newContext(ssl, ssl.TLS_client_method());
    showCertificate(ssl, this.#context, server);
    trustAuthorities(ssl, this.#context, server.ca, ANY_ANCHOR);
  }

  /**
   * Undefined where there is no OpenSSL 3.
   * @throws {Unfit} for a text that is not what it should be
   */
  static load(server: TlsServer): TlsDialer | undefined {
    const ssl = loadClientSsl();
    return ssl && new TlsDialer(ssl, server);
  }

  /**
   * Connects and proves who the server is.
   * @param patience how long all of it may take, in milliseconds
   * @throws {Unproven}
   * @throws {TlsBroken} if it hangs up, or time is up
   * @throws {NoAddress} {@link SystemError} as {@link TcpDialer.connect} does
   */
  async connect(patience: number): Promise<Dialled> {
    const deadline = within(patience);
    const fd = await this.#tcp.connect(deadline);
    const connection = this.#open(fd);
    try {
      await this.#prove(connection, fd, deadline);
    } catch (error) {
      this.#close(connection, fd);
      throw error;
    }
    return this.#dialled(connection, fd);
  }

  #open(fd: number): Outgoing {
    const [ssl, host] = [this.ssl, this.#host];
    const handle = ssl.SSL_new(this.#context);
    if (!handle) throw new Error("OpenSSL has no memory left");
    const name = utf8(`${host}\0`);
    ssl.SSL_set_hostflags(handle, NAMES);
    const isSet = ssl.SSL_set1_host(handle, name) === 1 && ssl.SSL_set_fd(handle, fd) === 1 &&
      (isNumber(host) ||
        Number(ssl.SSL_ctrl(handle, SERVER_NAME.control, SERVER_NAME.type, name)) === 1);
    if (!isSet) throw new Unproven(0);
    return new Outgoing(ssl, handle);
  }

  async #prove(connection: Outgoing, fd: number, deadline: Deadline): Promise<void> {
    for (let event; (event = connection.handshake()) !== undefined;) {
      if (!await this.#tcp.wait(fd, event, deadline.left())) throw new TlsBroken(0);
    }
  }

  /** The descriptor is closed when the reading has ended: before, nothing else may get its number. */
  #dialled(connection: Outgoing, fd: number): Dialled {
    let open = true;
    const until = async <T>(event: number, attempt: () => T | undefined): Promise<T> => {
      while (open) {
        const done = attempt();
        if (done !== undefined) return done;
        await this.#tcp.wait(fd, event);
      }
      throw new TlsBroken(0);
    };
    const tcp = this.#tcp;
    const close = () => this.#close(connection, fd);
    return {
      async *read() {
        const buffer = new Uint8Array(PIECE);
        try {
          for (let n; (n = await until(Poll.IN, () => connection.receive(buffer))) > 0;) {
            yield buffer.slice(0, n);
          }
        } finally {
          open = false;
          close();
        }
      },
      async write(bytes) {
        for (let done = 0; done < bytes.length;) {
          done += await until(Poll.OUT, () => connection.send(bytes.subarray(done)) || undefined);
        }
      },
      close: () => {
        if (!open) return;
        connection.finish();
        tcp.hangUp(fd);
      },
    };
  }

  #close(connection: Outgoing, fd: number): void {
    connection.free();
    this.#tcp.close(fd);
  }
}

/** Whether a host is an IP address, which is no name to ask a server for. */
function isNumber(host: string): boolean {
  return host.includes(":") || /^[\d.]+$/.test(host);
}

/** One connection, made. */
class Outgoing extends TlsStream<ClientSsl> {
  /**
   * Goes on with the handshake.
   * @returns what to wait for; undefined when the server is proven
   * @throws {Unproven} {@link TlsBroken}
   */
  handshake(): number | undefined {
    const { ssl, handle } = this;
    ssl.ERR_clear_error();
    const result = ssl.SSL_connect(handle);
    if (result !== 1) return this.#wantsForProof(result);
    const verified = Number(ssl.SSL_get_verify_result(handle));
    if (verified !== 0) throw new Unproven(verified);
    return undefined;
  }

  /** Who cuts the connection can do no more than end it: each message in it ends itself. */
  override receive(buffer: Bytes): number | undefined {
    try {
      return super.receive(buffer);
    } catch (error) {
      if (error instanceof TlsBroken && error.reason === 0) return 0;
      throw error;
    }
  }

  /** In TLS 1.3 no server has seen this side's certificate by now, so that none refuses that. */
  #wantsForProof(result: number): number {
    try {
      const event = this.wants(result);
      if (event !== undefined) return event;
    } catch (error) {
      const isGone = !(error instanceof TlsBroken) || error.reason === 0;
      throw isGone ? error : new Unproven(Number(this.ssl.SSL_get_verify_result(this.handle)));
    }
    throw new TlsBroken(0);
  }
}
