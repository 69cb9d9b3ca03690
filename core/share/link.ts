/** The link, which is the key: `ORIGIN/s#` and 32 random bytes as base64url. */
import { type Bytes, fromBase64Url, toBase64Url } from "../bytes.ts";
import { CryptoError } from "../errors.ts";

export const LINK_SECRET_LENGTH = 32;
/** Where a server of one's own listens, and where commands look for it, if nobody says. */
export const DEFAULT_ORIGIN = "http://127.0.0.1:8787";

/** What a link says. */
export interface Link {
  readonly origin: string;
  /** 32 bytes. */
  readonly secret: Bytes;
  /** Whether something on the way made the fragment a part of the path, which servers can read. */
  readonly exposed: boolean;
}

// A gateway may have written the `#` as `%23`, and another one that as `%2523`.
const LINK = /^(https?:\/\/[^/?#\s]+)\/s(#|%(?:25)*23)([\w-]{43})$/;

/** Writes a link. `origin` comes from configuration, never from what a request says. */
export function formatLink(origin: string, secret: Bytes): string {
  if (secret.length !== LINK_SECRET_LENGTH) throw new RangeError("a link has 32 secret bytes");
  return `${requireOrigin(origin)}/s#${toBase64Url(secret)}`;
}

/**
 * Reads a whole link. White space around it and an encoded `#` are repaired, nothing else.
 * @throws {CryptoError} `bad_link`, which quotes nothing of it
 */
export function parseLink(text: string): Link {
  const [, origin, hash, fragment] = LINK.exec(text.trim()) ?? [];
  if (!origin || !fragment) throw new CryptoError("bad_link");
  try {
    const secret = fromBase64Url(fragment);
    return { origin: requireOrigin(origin), secret, exposed: hash !== "#" };
  } catch {
    throw new CryptoError("bad_link");
  }
}

/**
 * An origin in its one spelling: https, or http to this machine itself.
 * @throws {CryptoError} `usage`
 */
export function requireOrigin(text: string): string {
  const url = URL.parse(text);
  const isOrigin = url && ["", "/"].includes(text.slice(url.origin.length)) &&
    url.origin.length === text.replace(/\/$/, "").length;
  if (url && isOrigin && isProtected(url)) return url.origin;
  const hint = "give it as https://HOST[:PORT]; http is for this machine only";
  throw new CryptoError("usage", { subject: "the server's address", hint });
}

function isProtected(url: URL): boolean {
  return url.protocol === "https:" || (url.protocol === "http:" && isLoopback(url));
}

/** Whether an address is this machine itself. */
export function isLoopback({ hostname }: URL): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname);
}
