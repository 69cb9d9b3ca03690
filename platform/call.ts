/**
 * Asking over one Unix socket on this thread, which stands still meanwhile: for who does nothing
 * else, another thread that waits takes longer than the answer. Lengths are checked here, and no raw
 * call leaves this module.
 */
import type { Bytes } from "../core/bytes.ts";
import {
  Errno,
  FOREVER,
  INT,
  int,
  type LoadedLibc,
  openEitherLibc,
  Poll,
  POLL_HERE,
  pollHere,
  SystemError,
} from "./libc.ts";
import { SOCKET, unixAddress } from "./socket_numbers.ts";
import { CONNECT, connectUnix, loadMakeSocket } from "./stream_sockets.ts";

const CALL = [INT, "buffer", "usize", "i32"] as const;

const SYMBOLS = {
  ...CONNECT,
  ...POLL_HERE,
  recv: { parameters: CALL, result: "isize" },
  send: { parameters: CALL, result: "isize" },
} as const satisfies Deno.ForeignLibraryInterface;

const PIECE = 16_384;

/** Connects to one path, as often as one likes, without any permission. */
export class UnixCaller {
  readonly #libc = openEitherLibc(SYMBOLS);
  readonly #makeSocket = loadMakeSocket();
  readonly #address: Bytes;

  /** @throws {CryptoError} `config` for a path that no socket can have. */
  constructor(path: string) {
    this.#address = unixAddress(path);
  }

  /** @throws {SystemError} what the kernel says. */
  connect(): Call {
    return new Call(connectUnix(this.#libc, this.#makeSocket, this.#address), this.#libc);
  }
}

/** One connection. */
export class Call {
  #open = true;
  readonly #buffer = new Uint8Array(PIECE);

  constructor(
    private readonly fd: number,
    private readonly libc: LoadedLibc<typeof SYMBOLS>,
  ) {}

  /** Sends all of it, however long that takes. @throws {SystemError} */
  send(bytes: Bytes): void {
    for (let done = 0; done < bytes.length;) {
      const sent = this.#attempt("send", bytes.subarray(done));
      if (sent === undefined) this.#wait(Poll.OUT);
      else done += sent;
    }
  }

  /** Gives what comes next: nothing at the end. @throws {SystemError} */
  receive(): Bytes {
    for (;;) {
      const bytes = this.receiveNow();
      if (bytes) return bytes;
      this.#wait(Poll.IN);
    }
  }

  /** Gives what has come already: nothing at the end, undefined before. @throws {SystemError} */
  receiveNow(): Bytes | undefined {
    const length = this.#attempt("recv", this.#buffer);
    return length === undefined ? undefined : this.#buffer.slice(0, length);
  }

  close(): void {
    if (this.#open) this.libc.symbols.close(int(this.fd));
    this.#open = false;
  }

  /** Undefined where it can be tried again. */
  #attempt(name: "send" | "recv", bytes: Bytes): number | undefined {
    if (!this.#open) throw new SystemError(name, Errno.EPIPE);
    const call = this.libc.symbols[name];
    const done = Number(call(int(this.fd), bytes, BigInt(bytes.length), SOCKET.MSG_NOSIGNAL));
    if (done >= 0) return done;
    const errno = this.libc.errno();
    if (errno === Errno.EAGAIN || errno === Errno.EINTR) return undefined;
    throw new SystemError(name, errno);
  }

  #wait(event: number): void {
    pollHere(this.libc.symbols, event, this.fd, FOREVER);
  }
}
