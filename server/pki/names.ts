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
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) {
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

/**
 * Checks that a name is in one of the domains that an authority is for, if it is for any: others
 * would refuse the certificate.
 * @throws {CryptoError} `usage`
 */
export function requireWithin(domains: readonly string[], name: AltName): void {
  if (domains.length === 0 || name.kind === "IP") return;
  const host = name.kind === "DNS" ? name.value : hostOf(name.value);
  if (domains.some((domain) => host === domain || host.endsWith(`.${domain}`))) return;
  const hint = `this authority is for ${domains.join(", ")} alone`;
  throw new CryptoError("usage", { subject: name.value, hint });
}

/** The host of a URI, by the generic syntax of RFC 3986; "" if it has none. */
function hostOf(uri: string): string {
  return /^[^:]+:\/\/(?:[^/?#@]*@)?([^/?#:]+)/.exec(uri)?.[1]?.toLowerCase() ?? "";
}
