/** The names that certificates are for, as people write them. */
import type { Bytes } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";
import type { AltName } from "./x509.ts";

const DNS =
  /^(?=.{1,253}$)(?:\*\.)?[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i;
const URI = /^[a-z][a-z0-9+.-]*:[\x21-\x7e]{1,250}$/i;
const LABEL = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Reads `DNS:…`, `URI:…`, `IP:…`, or a DNS name alone. @throws {CryptoError} `usage` */
export function readName(text: string): AltName {
  const [, kind = "DNS", value = ""] = /^(?:(DNS|URI|IP):)?(.*)$/.exec(text) ?? [];
  const address = kind === "IP" ? addressBytes(value) : undefined;
  if (address) return { kind: "IP", value: address };
  if (kind === "URI" && URI.test(value)) return { kind, value };
  if (kind === "DNS" && DNS.test(value)) return { kind, value };
  const hint = "names are like keys.example.org, URI:spiffe://example.org/build, IP:192.0.2.1";
  throw new CryptoError("usage", { subject: text, hint });
}

/** The bytes of an IP address. */
function addressBytes(text: string): Bytes | undefined {
  if (/^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/.test(text)) {
    const numbers = text.split(".").map(Number);
    return numbers.every((number) => number < 256) ? new Uint8Array(numbers) : undefined;
  }
  if (!text.includes(":") || !URL.canParse(`http://[${text}]`)) return undefined;
  const [head = "", tail] = new URL(`http://[${text}]`).hostname.slice(1, -1).split("::");
  const groups = (part: string) => part === "" ? [] : part.split(":");
  const [first, last] = [groups(head), groups(tail ?? "")];
  const zeros = new Array(8 - first.length - last.length).fill("0");
  const all = [...first, ...zeros, ...last].map((group) => parseInt(group, 16));
  return new Uint8Array(all.flatMap((group) => [group >> 8, group & 0xff]));
}

/** A certificate's label: the name of its directory. @throws {CryptoError} `usage` */
export function requireLabel(label: string): string {
  if (LABEL.test(label)) return label;
  const hint = "a label has 1 to 64 of A-Z a-z 0-9 . _ -, the first a letter or a digit";
  throw new CryptoError("usage", { subject: label, hint });
}

/** A subject's common name, of at most 64 characters (RFC 5280, A.1). @throws {CryptoError} `usage` */
export function requireSubject(name: string): string {
  if (/^[^\p{C}]{1,64}$/u.test(name) && name.trim() === name) return name;
  const hint = "a name has 1 to 64 characters, with no space at either end";
  throw new CryptoError("usage", { subject: name, hint });
}

/**
 * Checks that names are in one of the domains that an authority is for, if it is for any, and none
 * an address, as its name constraints say: others would refuse the certificate.
 *
 * @param label the common name, at which OpenSSL looks where there is no DNS name
 * @throws {CryptoError} `usage`
 */
export function requireWithin(
  domains: readonly string[],
  label: string,
  names: readonly AltName[],
): void {
  if (domains.length === 0) return;
  const hasDns = names.some(({ kind }) => kind === "DNS");
  const all = hasDns || !isHost(label) ? names : [...names, { kind: "DNS", value: label } as const];
  for (const name of all) {
    if (isWithin(domains, name)) continue;
    const subject = name.kind === "IP" ? "IP:…" : name.value;
    const hint = `this authority is for ${domains.join(", ")} alone` +
      (name.kind === "URI" ? ", by the host of a URI: no user before it, no : in a path" : "");
    throw new CryptoError("usage", { subject, hint });
  }
}

/** Whether OpenSSL takes a common name for that of a host. */
function isHost(label: string): boolean {
  return label.includes(".") && DNS.test(label);
}

function isWithin(domains: readonly string[], name: AltName): boolean {
  if (name.kind === "IP") return false;
  const host = (name.kind === "DNS" ? name.value : hostOf(name.value)).toLowerCase();
  return domains.some((domain) => host === domain || host.endsWith(`.${domain}`));
}

/**
 * The host of a URI, where OpenSSL finds the one that RFC 3986 does: OpenSSL takes what is before
 * the first colon, else before the first slash. "" for any other.
 */
function hostOf(uri: string): string {
  return /^[^:]+:\/\/([a-z0-9.-]+)(?::\d*(?:[/?#].*)?|\/[^:]*)?$/i.exec(uri)?.[1] ?? "";
}
