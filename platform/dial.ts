/**
 * Connecting to one Unix socket by FFI: a command prepares it while it still may, and can connect
 * again when it has given up every permission. Lengths are checked here, and no raw call leaves
 * this module.
 */
import type { Bytes } from "../core/bytes.ts";
import { Errno, INT, int, openEitherLibc, POLL, Poll, SystemError, waitFor } from "./libc.ts";
import { SOCKET, unixAddress } from "./socket_numbers.ts";
import { CONNECT, connectUnix, loadMakeSocket } from "./stream_sockets.ts";

const CALL = [INT, "buffer", "usize", "i32"] as const;

const SYMBOLS = {
  ...POLL,
  ...CONNECT,
  recv: { parameters: CALL, result: "isize" },
  send: { parameters: CALL, result: "isize" },
  shutdown: { parameters: [INT, "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

const SHUT_RDWR = 2;
const PIECE = 65_536;

/** One connection. */
export interface Dialled {
  /** What comes, to the end. */
  read(): AsyncIterable<Uint8Array>;
  /** Sends all of it. One at a time. */
  write(bytes: Bytes): Promise<void>;
  /** Hangs up, which also ends the reading. */
  close(): void;
}

/** Connects to one path, as often as one likes, without any permission. */
export class UnixDialer {
  readonly #libc = openEitherLibc(SYMBOLS);
  readonly #makeSocket = loadMakeSocket();
  readonly #address: Bytes;

  /** @throws {CryptoError} `config` for a path that no socket can have. */
  constructor(path: string) {
    this.#address = unixAddress(path);
  }

  /** @throws {SystemError} what the kernel says. */
  connect(): Dialled {
    return this.#dialled(connectUnix(this.#libc, this.#makeSocket, this.#address));
  }

  /** The descriptor is closed when the reading has ended: before, nothing else may get its number. */
  #dialled(fd: number): Dialled {
    const { recv, send, shutdown, close, ...poll } = this.#libc.symbols;
    const socket = int(fd);
    let open = true;
    const attempt = async (call: typeof recv, name: string, event: number, bytes: Bytes) => {
      while (open) {
        const done = Number(call(socket, bytes, BigInt(bytes.length), SOCKET.MSG_NOSIGNAL));
        if (done >= 0) return done;
        const errno = this.#libc.errno();
        if (errno !== Errno.EAGAIN && errno !== Errno.EINTR) throw new SystemError(name, errno);
        await waitFor(poll, event, fd);
      }
      throw new SystemError(name, Errno.EPIPE);
    };
    return {
      async *read() {
        const buffer = new Uint8Array(PIECE);
        try {
          for (let n; (n = await attempt(recv, "recv", Poll.IN, buffer)) > 0;) {
            yield buffer.slice(0, n);
          }
        } finally {
          open = false;
          close(socket);
        }
      },
      async write(bytes) {
        for (let done = 0; done < bytes.length;) {
          done += await attempt(send, "send", Poll.OUT, bytes.subarray(done));
        }
      },
      close: () => {
        if (open) shutdown(socket, SHUT_RDWR);
      },
    };
  }
}
