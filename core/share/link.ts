/** The link, which is the key: `ORIGIN/s#` and 32 bytes as base64url; a request has two more forms. */
import { fromBase64Url, toBase64Url } from "../base64.ts";
import type { Bytes } from "../bytes.ts";
import { CryptoError } from "../errors.ts";
import { isLoopback, originParts, requireOrigin } from "./origin.ts";

export const LINK_SECRET_LENGTH = 32;

/** What a link is for: opening a secret, answering a request, or reading the answer to one's own. */
export type LinkKind = "secret" | "request" | "own";

/** The kinds by which something is read. */
export const READABLE: readonly LinkKind[] = ["secret", "own"];

/** What a link says. */
export interface Link {
  readonly kind: LinkKind;
  readonly origin: string;
  /** 32 bytes: a link secret, a request's public key, or a request's seed. */
  readonly secret: Bytes;
  /** Whether something on the way made the fragment a part of the path, which servers can read. */
  readonly exposed: boolean;
}

/** What stands before the bytes in each kind of link. */
const PREFIXES: Readonly<Record<LinkKind, string>> = {
  secret: "",
  request: "request.",
  own: "own.",
};
/** For who gives a link of one kind where another is wanted. */
const HINTS: Readonly<Record<LinkKind, string>> = {
  secret: "this link opens a secret: see `crypto share open`",
  request: "this link asks for a secret: answer it with `crypto share send --to LINK`",
  own:
    "this is the link that a requester keeps, and reads the answer with; the other one is given away",
};
const UNPROTECTED =
  "over http a link leads to this machine only: ask for one that begins with https";
// A gateway may have written the `#` as `%23`, and another one that as `%2523`.
const LINK = /^(https?:\/\/[^/?#\s]+)\/s(#|%(?:25)*23)((?:request|own)\.|)([\w-]{43})$/;

/** Writes a link. `origin` comes from configuration, never from what a request says. */
export function formatLink(origin: string, secret: Bytes, kind: LinkKind = "secret"): string {
  if (secret.length !== LINK_SECRET_LENGTH) throw new RangeError("a link has 32 secret bytes");
  return `${requireOrigin(origin)}/s#${PREFIXES[kind]}${toBase64Url(secret)}`;
}

/**
 * Reads a whole link. White space around it and an encoded `#` are repaired, nothing else.
 * @param kinds those that are wanted here
 * @throws {CryptoError} `bad_link`, which quotes nothing of it
 */
export function parseLink(text: string, kinds: readonly LinkKind[] = ["secret"]): Link {
  const [, origin, hash, prefix, fragment] = LINK.exec(text.trim()) ?? [];
  if (!origin || !fragment) throw new CryptoError("bad_link");
  const kind = kindOf(prefix ?? "");
  if (!kinds.includes(kind)) throw new CryptoError("bad_link", { hint: HINTS[kind] });
  try {
    const secret = fromBase64Url(fragment);
    return { kind, origin: requireOrigin(origin), secret, exposed: hash !== "#" };
  } catch {
    throw new CryptoError("bad_link", { hint: isUnprotected(origin) ? UNPROTECTED : undefined });
  }
}

/** Whether a text is meant as a link, and not as a receipt: links begin with a scheme of the web. */
export function isLink(text: string): boolean {
  return /^\s*https?:/.test(text);
}

function kindOf(prefix: string): LinkKind {
  return prefix === PREFIXES.own ? "own" : prefix === PREFIXES.request ? "request" : "secret";
}

function isUnprotected(origin: string): boolean {
  const parts = originParts(origin);
  return parts?.scheme === "http" && !isLoopback(parts.host);
}
