/**
 * The client library: encryption by a crypto daemon, for programs under Deno and Node.
 *
 * The program never sees a key of the daemon's. It is known to the daemon by its user and groups.
 *
 * ```ts
 * // import { connect } from "…/client/mod.ts";
 * const service = await connect();
 * const message = await service.encrypt("4111 1111 1111 1111", { context: "customer/42" });
 * const number = await service.decryptText(message, { context: "customer/42" });
 * console.log(message.startsWith("crypto:v1:"), number.length);
 * service.close();
 * ```
 *
 * A program for Node, version 20 or later, uses a bundle of it, which needs nothing else. In this
 * project's folder:
 *
 * ```sh
 * deno bundle --platform deno --output crypto-client.mjs client/mod.ts
 * ```
 *
 * ```js ignore
 * import { connect } from "./crypto-client.mjs";
 *
 * const service = await connect({ socket: process.env.CRYPTO_SOCKET });
 * ```
 *
 * @module
 */
import type { Bytes } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { isDeno } from "../platform/library.ts";
import { loadLibcrypto } from "../platform/libcrypto.ts";
import { type Digest, digestSource } from "./digest.ts";
import { KeyService } from "./keyservice.ts";
import { locateSocket } from "./locate.ts";
import { type ClientIdentity, connectTls, readServer, type ServerAddress } from "./network.ts";
import {
  decryptFlow,
  type DecryptStreamOptions,
  encryptFlow,
  type EncryptStreamOptions,
} from "./message.ts";
import { over } from "./connection.ts";
import { Session } from "./session.ts";
import { sourceOf, streamOf } from "./stream.ts";
import { connectUnix } from "./transport.ts";

export { type ErrorCode, ERRORS } from "../core/errors.ts";
export type { KeyInfo, StatusResult, UsedKey } from "../core/rpc.ts";
export { CryptoError };
export type { Bytes, ClientIdentity, DecryptStreamOptions, Digest, EncryptStreamOptions };
export { type Data, type DataKey, type KeyOptions, KeyService } from "./keyservice.ts";

/** Where the daemon is. */
export interface ConnectOptions {
  /** `tls://HOST:PORT` of a daemon on another machine, which takes an identity. */
  readonly server?: string | undefined;
  /** The certificate to show there, its key, and whose servers to trust. */
  readonly identity?: ClientIdentity | undefined;
  /**
   * Path of its socket. Under Deno it is found, and checked, as `crypto encrypt` does; under Node
   * it must be given, and is trusted as it is.
   */
  readonly socket?: string | undefined;
}

/**
 * Connects to the daemon, and does so again when that was restarted or has hung up on a connection
 * on which nothing happened. What it did not do is then asked again; what must not be done twice,
 * such as making a key, and may have been done, fails with `outcome_unknown`.
 *
 * @throws {CryptoError} `unavailable` if it is not there; `unsafe_path` if the socket could be
 * somebody else's; `untrusted_server` and `tls_refused` if one of the certificates is not accepted
 */
export async function connect(
  { socket, server, identity }: ConnectOptions = {},
): Promise<KeyService> {
  if (server !== undefined) return await connectServer(readServer(server), identity);
  const locate = isDeno() ? () => locateSocket(socket) : () => requireSocket(socket);
  return new KeyService(await Session.open(over(async () => await connectUnix(locate()))));
}

async function connectServer(
  server: ServerAddress,
  identity: ClientIdentity | undefined,
): Promise<KeyService> {
  if (identity) return new KeyService(await Session.open(over(() => connectTls(server, identity))));
  const hint = "a daemon on another machine takes an identity: certificate, key and ca";
  throw new CryptoError("config", { subject: "identity", hint });
}

function requireSocket(socket: string | undefined): string {
  if (socket) return socket;
  throw new CryptoError("config", { hint: "under Node, name the daemon's socket" });
}

/**
 * Encrypts a stream of any length in constant memory. The daemon only makes the data key; the
 * bytes are encrypted here.
 *
 * ```ts
 * // import { connect, encryptStream } from "…/client/mod.ts";
 * const service = await connect();
 * const plaintext = new Blob(["a lot of bytes"]).stream();
 * const message = await new Response(encryptStream(service, plaintext)).bytes();
 * console.log(message.length);
 * service.close();
 * ```
 *
 * @throws {CryptoError} from the stream, when it is read
 */
export function encryptStream(
  service: KeyService,
  plaintext: ReadableStream<Uint8Array>,
  options: EncryptStreamOptions = {},
): ReadableStream<Bytes> {
  const engine = options.engine ?? loadLibcrypto();
  return streamOf(sourceOf(plaintext), (source) => {
    return encryptFlow(service, source, { ...options, engine });
  });
}

/**
 * Decrypts a stream that {@link encryptStream} or `crypto encrypt` made, whatever its kind.
 *
 * What comes out is authentic; that it is also complete is known only when the stream ends
 * without an error.
 *
 * @throws {CryptoError} from the stream, when it is read
 */
export function decryptStream(
  service: KeyService,
  message: ReadableStream<Uint8Array>,
  options: DecryptStreamOptions = {},
): ReadableStream<Bytes> {
  const engine = options.engine ?? loadLibcrypto();
  const connected = () => Promise.resolve(service);
  return streamOf(sourceOf(message), (source) => {
    return decryptFlow(connected, source, { ...options, engine });
  });
}

/**
 * The digest of a stream of any length, in constant memory, for {@link KeyService.mac} and
 * {@link KeyService.verifyMac}.
 */
export function digestStream(data: ReadableStream<Uint8Array>): Promise<Digest> {
  return digestSource(sourceOf(data));
}
