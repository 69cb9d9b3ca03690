/** Headers of every answer of a share server, and of a proxy that answers in its place. */

/** They let a browser do as little as possible with an answer, and keep no copy of it. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; " +
    "frame-ancestors 'none'",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "x-robots-tag": "noindex, nofollow",
};

/** Two years, after Mozilla's guideline. For answers over TLS. */
export const HSTS_HEADER = {
  "strict-transport-security": "max-age=63072000; includeSubDomains",
} as const;

/** Where a page is, and what belongs to it. */
export interface PagePlace {
  /** What its links begin with; empty: where the page itself is. */
  readonly origin: string;
  /** Where the API is, if that is elsewhere. */
  readonly api?: string | undefined;
  /** Where bodies are kept that do not go through the server. */
  readonly storage?: string | undefined;
}

/** What browsers let the page do: run its own scripts, and ask the server and its storage. */
export function pagePolicy({ api, storage }: PagePlace): string {
  const asked = ["'self'", ...[api, storage].filter((origin) => origin !== undefined)];
  return [
    "default-src 'none'",
    "script-src 'self'",
    "worker-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    `connect-src ${asked.join(" ")}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types worker",
  ].join("; ");
}
