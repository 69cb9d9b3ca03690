/** The network as the commands use it where there is OpenSSL: on this thread, prepared at first. */
import { utf8 } from "../core/bytes.ts";
import type { CryptoError } from "../core/errors.ts";
import type { Dialled } from "../platform/dial.ts";
import { NoAddress } from "../platform/tcp_dial.ts";
import { Unfit } from "../platform/tls_context.ts";
import { TlsDialer, type TlsServer, Unproven } from "../platform/tls_dial.ts";
import { TlsBroken } from "../platform/tls_stream.ts";
import {
  aboutServer,
  ANSWER_TIME,
  type ClientIdentity,
  CONNECT_TIME,
  noIdentity,
  type ServerAddress,
} from "./network.ts";
import type { Dial } from "./transport.ts";

/**
 * What connects to the one server, as often as one likes, without any permission.
 * @returns undefined where there is no OpenSSL
 * @throws {CryptoError} `config` for an identity that is none
 */
export function prepareTls(
  server: ServerAddress,
  { certificate, key, ca }: ClientIdentity,
): Dial | undefined {
  const texts = { certificate: utf8(certificate), key: utf8(key), ca: utf8(ca) };
  const dialer = load({ ...server, ...texts });
  if (!dialer) return undefined;
  return async () => {
    try {
      const dialled = await dialer.connect(CONNECT_TIME);
      return { ...dialled, patience: ANSWER_TIME, read: () => readFrom(dialled, server) };
    } catch (cause) {
      throw problemOf(cause, server);
    }
  };
}

function load(server: TlsServer): TlsDialer | undefined {
  try {
    return TlsDialer.load(server);
  } catch (error) {
    throw error instanceof Unfit ? noIdentity(`${error.what}: ${error.hint}`) : error;
  }
}

/** In TLS 1.3 a refusal comes when this side is done: with what is read first. */
async function* readFrom(dialled: Dialled, server: ServerAddress) {
  try {
    yield* dialled.read();
  } catch (error) {
    throw error instanceof TlsBroken && error.refused ? problemOf(error, server) : error;
  }
}

function problemOf(cause: unknown, server: ServerAddress): CryptoError {
  if (cause instanceof Unproven) return aboutServer(server, "untrusted_server", cause);
  if (cause instanceof TlsBroken && cause.refused) return aboutServer(server, "tls_refused", cause);
  return aboutServer(server, "unavailable", cause, cause instanceof NoAddress && cause.isUnknown);
}
