/** The configuration, filled in. */
import { HSTS_HEADER, pagePolicy, SECURITY_HEADERS } from "../core/share/headers.ts";
import { LONG_BYTES } from "../core/share/limits.ts";
import { failureLines, quoted } from "./failures.ts";
import { fill, type Values } from "./fill.ts";
import type { Site, Upstream } from "./options.ts";
import pageText from "./page.conf" with { type: "text" };
import shareText from "./share.conf" with { type: "text" };
import { listenLines, tlsLines } from "./tls.ts";

/** The longest name that nginx keeps by itself, where a processor's cache has lines of 64 bytes. */
const LONG_NAME = 46;
const CA_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";
/** Of this site nothing is logged but what keeps nginx from running. */
const QUIET = [
  "access_log off;",
  "error_log /var/log/nginx/error.log emerg;",
  "server_tokens off;",
];

/** The whole file. */
export function siteText(site: Site): string {
  const { domain, profile, page, stapling, upstream } = site;
  const values = {
    ...headerValues(site),
    ...upstreamValues(site),
    domain,
    longName: domain.length > LONG_NAME ? ["server_names_hash_bucket_size 512;"] : [],
    profile,
    nginx: site.nginx.join("."),
    openssl: site.openssl.join("."),
    requests: `${site.requests}`,
    longBytes: `${LONG_BYTES}`,
    maxBytes: `${site.maxBytes}`,
    certificate: site.certificate,
    certificateKey: site.certificateKey,
    failures: failureLines(),
    listen: listenLines(site),
    tls: tlsLines(profile, site),
    stapling: stapling ? staplingLines(stapling, upstream) : [],
    quiet: QUIET,
    application: page === undefined ? "/" : "@crypto_share_application",
  };
  return fill(shareText, { ...values, page: pageLines(page, values) });
}

function pageLines(page: string | undefined, values: Values): string[] {
  return page === undefined ? [] : fill(pageText, { ...values, page }).trimEnd().split("\n");
}

function headerValues({ domain, storage }: Site) {
  const lines = (headers: Readonly<Record<string, string>>) =>
    Object.entries(headers).map(([name, value]) => {
      return `add_header ${name} ${quoted(value)} always;`;
    });
  const policy = pagePolicy({ origin: `https://${domain}`, storage });
  return {
    hsts: lines(HSTS_HEADER),
    headers: lines(SECURITY_HEADERS),
    pageHeaders: lines({ ...SECURITY_HEADERS, "content-security-policy": policy }),
  };
}

/** A function's addresses change, so its name is looked up again and again. */
function upstreamValues({ domain, upstream }: Site) {
  if (upstream.kind === "local") {
    return {
      upstream: ["upstream crypto_share {", `    server ${upstream.server};`, "}"],
      host: domain,
      upstreamTls: [],
      pass: "proxy_pass http://crypto_share;",
    };
  }
  const { host, resolver } = upstream;
  return {
    upstream: [],
    host,
    upstreamTls: [
      `set $crypto_share_host ${host};`,
      `resolver ${resolver};`,
      "proxy_ssl_server_name on;",
      `proxy_ssl_name ${host};`,
      "proxy_ssl_protocols TLSv1.2 TLSv1.3;",
      "proxy_ssl_verify on;",
      "proxy_ssl_verify_depth 3;",
      `proxy_ssl_trusted_certificate ${CA_CERTIFICATES};`,
    ],
    pass: "proxy_pass https://$crypto_share_host;",
  };
}

function staplingLines({ chain, resolver }: NonNullable<Site["stapling"]>, { kind }: Upstream) {
  return [
    "ssl_stapling on;",
    "ssl_stapling_verify on;",
    `ssl_trusted_certificate ${chain};`,
    ...(kind === "local" ? [`resolver ${resolver};`] : []),
  ];
}
