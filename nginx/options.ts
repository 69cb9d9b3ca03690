/** What `crypto share nginx` is told. */
import { MAX_BYTES, REQUESTS_PER_MINUTE } from "../core/share/limits.ts";
import { DOMAIN, matching, wholeNumber, wrong } from "./flags.ts";
import { atLeast, type Profile, PROFILES, type Version } from "./tls.ts";

/** Flags as they were given. */
export interface NginxFlags {
  readonly domain: string;
  readonly profile?: string;
  readonly upstream?: string;
  readonly certificate?: string;
  readonly certificateKey?: string;
  readonly ocspChain?: string;
  readonly page?: string;
  readonly storage?: string;
  readonly maxBytes?: string;
  readonly requestsPerMinute?: string;
  readonly resolver?: string;
  readonly nginx?: string;
  readonly openssl?: string;
}

/** Where requests go: a server of this machine, or a host that is reached over TLS. */
export type Upstream =
  | { readonly kind: "local"; readonly server: string }
  | { readonly kind: "remote"; readonly host: string; readonly resolver: string };

/** All of it, checked. Paths are absolute. */
export interface Site {
  readonly domain: string;
  readonly profile: Profile;
  readonly upstream: Upstream;
  readonly certificate: string;
  readonly certificateKey: string;
  /** Where OCSP answers are asked for and checked. */
  readonly stapling: { readonly chain: string; readonly resolver: string } | undefined;
  /** The folder of the static page, if nginx is to serve it. */
  readonly page: string | undefined;
  /** Where a browser may take large bodies, if the share server keeps them elsewhere. */
  readonly storage: string | undefined;
  readonly maxBytes: number;
  readonly requests: number;
  readonly nginx: Version;
  readonly openssl: Version;
}

const PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.@+-]+)+$/;
const LOCAL = /^(?:127\.0\.0\.1|\[::1\]|localhost):\d{1,5}$/;
const RESOLVER = /^(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:]+\])(?::\d{1,5})?$/;
const VERSION = /^(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?$/;

/** `ssl_reject_handshake`, and TLS 1.3. */
const OLDEST_NGINX: Version = [1, 19, 4];
const OLDEST_OPENSSL: Version = [1, 1, 1];
const MOST_BYTES = 1_000_000_000_000;
const MOST_REQUESTS = 10_000_000;

/** Checks every flag. @throws {CryptoError} `usage`, naming the flag and what it may be */
export function readSite(flags: NginxFlags): Site {
  const domain = matching(flags.domain, "--domain", DOMAIN, "a name such as share.example.org");
  const { certificate, certificateKey, ocspChain, page } = flags;
  const live = `/etc/letsencrypt/live/${domain}`;
  return {
    domain,
    profile: readProfile(flags.profile ?? "modern"),
    upstream: readUpstream(flags),
    certificate: readPath(certificate ?? `${live}/fullchain.pem`, "--certificate"),
    certificateKey: readPath(certificateKey ?? `${live}/privkey.pem`, "--certificate-key"),
    stapling: ocspChain === undefined ? undefined : {
      chain: readPath(ocspChain, "--ocsp-chain"),
      resolver: readResolver(flags.resolver),
    },
    page: page === undefined ? undefined : readPath(page, "--page"),
    storage: flags.storage === undefined ? undefined : readStorage(flags.storage, page),
    maxBytes: wholeNumber(flags.maxBytes ?? `${MAX_BYTES}`, "--max-bytes", MOST_BYTES),
    requests: wholeNumber(
      flags.requestsPerMinute ?? `${REQUESTS_PER_MINUTE}`,
      "--requests-per-minute",
      MOST_REQUESTS,
    ),
    nginx: readVersion(flags.nginx ?? "1.26", "--nginx", OLDEST_NGINX),
    openssl: readVersion(flags.openssl ?? "3.5", "--openssl", OLDEST_OPENSSL),
  };
}

function readPath(text: string, flag: string): string {
  return matching(text, flag, PATH, "an absolute path of letters, digits and . _ @ + -");
}

/** The share server sends its own page's policy. */
function readStorage(text: string, page: string | undefined): string {
  if (page === undefined) throw wrong("--storage", "given with --page alone");
  const host = /^https:\/\/(.*)$/s.exec(text)?.[1];
  if (host !== undefined && DOMAIN.test(host)) return text;
  throw wrong("--storage", "the https://HOST of the bucket");
}

function readProfile(text: string): Profile {
  const profile = PROFILES.find((name) => name === text);
  if (profile) return profile;
  throw wrong("--profile", PROFILES.join(" or "));
}

function readUpstream({ upstream = "unix:/run/crypto-share/share.sock", resolver }: NginxFlags) {
  const [, path] = /^unix:(.*)$/s.exec(upstream) ?? [];
  if (path !== undefined && PATH.test(path)) return { kind: "local", server: upstream } as const;
  if (LOCAL.test(upstream)) return { kind: "local", server: upstream } as const;
  const host = /^https:\/\/(.*?)\/?$/s.exec(upstream)?.[1];
  if (host !== undefined && DOMAIN.test(host)) {
    return { kind: "remote", host, resolver: readResolver(resolver) } as const;
  }
  throw wrong("--upstream", "unix:PATH, 127.0.0.1:PORT, or the https://HOST of a function URL");
}

function readResolver(text: string | undefined): string {
  return matching(text ?? "", "--resolver", RESOLVER, "the address of your name server");
}

function readVersion(text: string, flag: string, oldest: Version): Version {
  const [, major, minor, patch = 0] = VERSION.exec(text) ?? [];
  const version = [Number(major), Number(minor), Number(patch)] as const;
  if (major !== undefined && atLeast(version, oldest)) return version;
  throw wrong(flag, `a version from ${oldest.join(".")} on; \`nginx -V\` says which it is`);
}
