/**
 * Origins: what links begin with, what a page may ask, what a process may reach. They end up in
 * policies, in pages and in permissions, so what one is is said here and not by whoever reads it:
 * in those places `*` means every host, and a quote or a semicolon ends what it stands in.
 */
import { CryptoError } from "../errors.ts";

/** Where a server of one's own listens, and where commands look for it, if nobody says. */
export const DEFAULT_ORIGIN = "http://127.0.0.1:8787";

/** The parts of an origin. */
export interface Origin {
  readonly scheme: "http" | "https";
  /** A DNS name in lower case, an IPv4 address, or an IPv6 address in brackets. */
  readonly host: string;
  readonly port: number;
}

const ORIGIN = /^(https?):\/\/([a-z0-9.-]{1,253}|\[[0-9a-f:]{2,39}\])(?::([1-9]\d{0,4}))?$/;
/** RFC 1123, section 2.1: letters, digits and hyphens, no hyphen at an end. */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const OCTET = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
const IPV4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`);
/** A last label by which a whole name is read as an address: 127.1, 0x7f000001. */
const NUMBER = /^(?:\d+|0x[0-9a-f]*)$/;
const DEFAULT_PORTS = { http: 80, https: 443 } as const;
const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;

/** The parts of an origin in its one spelling; undefined for every other text. */
export function originParts(text: string): Origin | undefined {
  const [, scheme, host = "", digits] = ORIGIN.exec(text) ?? [];
  if ((scheme !== "http" && scheme !== "https") || !isHost(host)) return undefined;
  // What is left to judge is the spelling: of an IPv6 address, of a port that goes without saying.
  if (URL.parse(text)?.origin !== text) return undefined;
  return { scheme, host, port: digits === undefined ? DEFAULT_PORTS[scheme] : Number(digits) };
}

function isHost(host: string): boolean {
  if (host.startsWith("[") || IPV4.test(host)) return true;
  const labels = host.split(".");
  return labels.every((label) => LABEL.test(label)) && !NUMBER.test(labels.at(-1)!);
}

/**
 * An origin in its one spelling: https, or http to this machine itself.
 * @param text perhaps with a `/` at its end, and in capitals
 * @throws {CryptoError} `usage`
 */
export function requireOrigin(text: string): string {
  const origin = text.replace(/\/$/, "").toLowerCase();
  const parts = originParts(origin);
  if (parts && (parts.scheme === "https" || isLoopback(parts.host))) return origin;
  const hint = "give it as https://HOST[:PORT]; http is for this machine only";
  throw new CryptoError("usage", { subject: "the server's address", hint });
}

/** Whether a host is this machine itself. */
export function isLoopback(host: string): boolean {
  return LOOPBACK.test(host);
}
