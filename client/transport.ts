/** A byte stream to the daemon, under Deno and under Node. */
import { CryptoError } from "../core/errors.ts";
import { Errno } from "../platform/libc.ts";
import { isDeno } from "../platform/library.ts";

/** Bytes both ways. */
export interface Duplex {
  /** How long an answer is waited for, in milliseconds; without end if that is not said. */
  readonly patience?: number | undefined;
  read(): AsyncIterable<Uint8Array>;
  write(bytes: Uint8Array): Promise<void>;
  close(): void;
}

/** Connects. @throws {CryptoError} `unavailable` where trying again may help. */
export type Dial = () => Promise<Duplex>;

/**
 * Connects to a Unix socket.
 * @throws {CryptoError} `unavailable`, with a hint that fits the reason.
 */
export async function connectUnix(path: string): Promise<Duplex> {
  try {
    return isDeno() ? await connectByDeno(path) : await connectByNode(path);
  } catch (cause) {
    throw unreachable(path, cause);
  }
}

/** `unavailable`, with a hint that fits the reason. */
export function unreachable(path: string, cause: unknown): CryptoError {
  return new CryptoError("unavailable", { subject: path, hint: hintFor(cause), cause });
}

function hintFor(cause: unknown): string | undefined {
  const { name, code, errno } = cause as { name?: string; code?: string; errno?: number };
  const is = (deno: string, posix: "ENOENT" | "ECONNREFUSED" | "EACCES") => {
    return name === deno || code === posix || errno === Errno[posix];
  };
  if (is("NotFound", "ENOENT")) {
    return "there is no socket: start the daemon with `crypto serve`, or name its socket with " +
      "--socket or CRYPTO_SOCKET";
  }
  if (is("ConnectionRefused", "ECONNREFUSED")) {
    return "the daemon is not running any more: start it with `crypto serve`";
  }
  if (is("PermissionDenied", "EACCES")) {
    return "you are not in the daemon's group: ask the administrator, then log in again";
  }
  return undefined;
}

async function connectByDeno(path: string): Promise<Duplex> {
  const connection = await Deno.connect({ transport: "unix", path });
  return {
    async *read() {
      const buffer = new Uint8Array(65_536);
      for (let n; (n = await connection.read(buffer)) !== null;) yield buffer.slice(0, n);
    },
    async write(bytes) {
      for (let done = 0; done < bytes.length;) {
        done += await connection.write(bytes.subarray(done));
      }
    },
    close: () => connection.close(),
  };
}

async function connectByNode(path: string): Promise<Duplex> {
  const { connect } = await import("node:net");
  const socket = connect(path);
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  return {
    read: () => socket as AsyncIterable<Uint8Array>,
    write: (bytes) => {
      return new Promise((resolve, reject) => {
        socket.write(bytes, (error) => error ? reject(error) : resolve());
      });
    },
    close: () => socket.destroy(),
  };
}
