/** Mozilla's guideline 6.0 in the words of nginx: ssl-config.mozilla.org/guidelines/6.0.json. */

/** How old the clients may be: TLS 1.3 alone, or 1.2 too. */
export const PROFILES = ["modern", "intermediate"] as const;
export type Profile = (typeof PROFILES)[number];

/** Major, minor, patch. */
export type Version = readonly [number, number, number];

/** Which nginx is told, and with which OpenSSL. */
export interface Versions {
  readonly nginx: Version;
  readonly openssl: Version;
}

const CIPHERS = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

const GROUPS = ["X25519", "prime256v1", "secp384r1"];
/** Who does not know a group refuses the whole list; from 3.3 on, not one with a question mark. */
const HYBRID_GROUP = "?X25519MLKEM768";
const OPTIONAL_GROUPS: Version = [3, 3, 0];
/** From here on nginx changes the keys of session tickets. */
const ROTATED_TICKETS: Version = [1, 23, 2];
const HTTP2_DIRECTIVE: Version = [1, 25, 1];

/** Lines of a site, or of the default one. */
export function tlsLines(profile: Profile, { nginx, openssl }: Versions): string[] {
  const hybrid = atLeast(openssl, OPTIONAL_GROUPS) ? [HYBRID_GROUP] : [];
  const older = [
    `ssl_ciphers ${CIPHERS};`,
    "ssl_session_timeout 1d;",
    "ssl_session_cache shared:crypto_share:10m;",
  ];
  return [
    `ssl_protocols ${profile === "modern" ? "" : "TLSv1.2 "}TLSv1.3;`,
    `ssl_ecdh_curve ${[...hybrid, ...GROUPS].join(":")};`,
    "ssl_prefer_server_ciphers off;",
    ...(profile === "modern" ? [] : older),
    ...(atLeast(nginx, ROTATED_TICKETS) ? [] : ["ssl_session_tickets off;"]),
  ];
}

/** Listening for TLS and HTTP/2. */
export function listenLines({ nginx }: Versions): string[] {
  const directive = atLeast(nginx, HTTP2_DIRECTIVE);
  const more = directive ? "ssl" : "ssl http2";
  const listen = [`listen 443 ${more};`, `listen [::]:443 ${more};`];
  return directive ? [...listen, "http2 on;"] : listen;
}

/** Whether a version is another or newer. */
export function atLeast(version: Version, other: Version): boolean {
  const at = version.findIndex((part, i) => part !== other[i]);
  return at === -1 || version[at]! > other[at]!;
}
