/**
 * A byte stream to a daemon on another machine: TLS 1.3, each side proven by its certificate. By
 * `node:tls`, under Deno too: what Deno has of its own would also trust every public authority, and
 * TLS 1.2.
 */
import type { TLSSocket } from "node:tls";
import { CryptoError } from "../core/errors.ts";
import type { Duplex } from "./transport.ts";

/** Where a daemon listens. */
export interface ServerAddress {
  /** A name or an IP address, which the server's certificate must be for. */
  readonly host: string;
  readonly port: number;
}

/** Who this client is, and whose servers it trusts: texts in PEM. */
export interface ClientIdentity {
  readonly certificate: string;
  readonly key: string;
  /** The authorities of servers. No other is trusted. */
  readonly ca: string;
}

/** How long a connection, and then each answer, may take, in milliseconds. */
export const CONNECT_TIME = 5_000;
export const ANSWER_TIME = 20_000;

const ADDRESS = /^tls:\/\/(?:\[([0-9a-fA-F:.]+)\]|([^:/?#@[\]\s]+)):(\d{1,5})$/;

/** Reads `tls://HOST:PORT`. @throws {CryptoError} `usage` */
export function readServer(text: string): ServerAddress {
  const [, six, name, digits] = ADDRESS.exec(text) ?? [];
  const [host, port] = [six ?? name, Number(digits)];
  if (host !== undefined && port > 0 && port < 65_536) return { host, port };
  const hint = "name a server like tls://keys.example.org:7400";
  throw new CryptoError("usage", { subject: text, hint });
}

/** `HOST:PORT`, as Deno's permissions and people write it. */
export function formatServer({ host, port }: ServerAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Connects.
 * @throws {CryptoError} `unavailable`, `untrusted_server`, `tls_refused`; `config` for an identity
 * that is none
 */
export async function connectTls(
  server: ServerAddress,
  identity: ClientIdentity,
): Promise<Duplex> {
  await requireIdentity(identity);
  const { certificate, key, ca } = identity;
  const { connect } = await import("node:tls");
  const failed = (error: unknown) => problemOf(error, server);
  try {
    const proof = { cert: certificate, key, ca, minVersion: "TLSv1.3" } as const;
    const socket = connect({ ...server, ...proof, rejectUnauthorized: true });
    // Else what is sent waits until the server has confirmed what was sent before: 40 ms.
    socket.setNoDelay(true);
    // In TLS 1.3 a refusal comes when this side is done, perhaps before anybody reads.
    let broken: unknown;
    socket.on("error", (error) => broken ??= error);
    await secured(socket);
    return duplexOf(socket, (error = broken) => error === undefined ? undefined : failed(error));
  } catch (error) {
    throw failed(error);
  }
}

/** What is no identity, the runtime takes without a word, and then waits or blames the server. */
async function requireIdentity({ certificate, key, ca }: ClientIdentity): Promise<void> {
  const { createPrivateKey, X509Certificate } = await import("node:crypto");
  try {
    void new X509Certificate(ca);
    if (new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))) return;
  } catch {
    // Said below: an error of these would quote what was read.
  }
  throw noIdentity();
}

/** The error of texts that are no identity. */
export function noIdentity(): CryptoError {
  const hint = "certificate, key and ca are to be texts in PEM, the key that of the certificate";
  return new CryptoError("config", { subject: "identity", hint });
}

/** Settles when the server is proven, or fails. */
function secured(socket: TLSSocket): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      socket.destroy();
      reject(new CryptoError("unavailable", { hint: "it did not answer in time" }));
    }, CONNECT_TIME);
    const settle = (act: () => void) => {
      clearTimeout(late);
      socket.off("error", fail);
      act();
    };
    const fail = (error: Error) => settle(() => reject(error));
    socket.once("secureConnect", () => settle(resolve));
    socket.once("error", fail);
  });
}

/** @param problem of an error, or of what has broken the connection so far */
function duplexOf(
  socket: TLSSocket,
  problem: (error?: unknown) => CryptoError | undefined,
): Duplex {
  return {
    patience: ANSWER_TIME,
    async *read() {
      try {
        yield* socket as AsyncIterable<Uint8Array>;
      } catch (error) {
        refuse(problem(error));
      }
      refuse(problem());
    },
    write: (bytes) => {
      return new Promise((resolve, reject) => {
        socket.write(bytes, (error) => error ? reject(error) : resolve());
      });
    },
    close: () => socket.destroy(),
  };
}

/** Throws what no other connection would help against; what was merely cut off is an end. */
function refuse(problem: CryptoError | undefined): void {
  if (problem && problem.code !== "unavailable") throw problem;
}

/** Codes of an error of the connection itself, not of what came over it. */
const UNREACHED: readonly string[] = [
  "EADDRNOTAVAIL",
  "EAI_AGAIN",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EPIPE",
  "ETIMEDOUT",
];

function problemOf(cause: unknown, server: ServerAddress): CryptoError {
  if (cause instanceof CryptoError && cause.code !== "unavailable") return cause;
  const { code = "" } = cause as { code?: string };
  if (code.includes("_ALERT_")) return aboutServer(server, "tls_refused", cause);
  if (!(cause instanceof CryptoError) && !UNREACHED.includes(code)) {
    return aboutServer(server, "untrusted_server", cause);
  }
  return aboutServer(server, "unavailable", cause, code === "ENOTFOUND");
}

/** @param unknown whether there is no machine of this name */
export function aboutServer(
  server: ServerAddress,
  code: "tls_refused" | "unavailable" | "untrusted_server",
  cause: unknown,
  unknown = false,
): CryptoError {
  const subject = `tls://${formatServer(server)}`;
  if (code !== "unavailable") return new CryptoError(code, { subject, cause });
  const hint = unknown
    ? "there is no machine of this name"
    : "no daemon answers there: see that it runs with --listen, and that no firewall is between";
  return new CryptoError(code, { subject, hint, cause });
}
