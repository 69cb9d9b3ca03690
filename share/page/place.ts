/** Where this page is, and what its address says. */

import type { Limits } from "../client/limits.ts";

/** What links begin with: what the server's configuration says, which wrote it into the page. */
export function linkOrigin(): string {
  return given("share-origin") || location.origin;
}

/** Where the API is: the page may be hosted elsewhere. */
export function apiOrigin(): string {
  return given("share-api") || location.origin;
}

/** Where the API keeps large bodies, if not itself. */
export function storageOrigin(): string {
  return given("share-storage") ?? "";
}

/** What a new secret may have at most, if the server that gave this page has written it in. */
export function limitsHere(): Limits | undefined {
  const [ttl, views, size] = (given("share-limits") ?? "").split(" ").map(Number);
  return ttl && views && size ? { ttl, views, size } : undefined;
}

function given(name: string): string | undefined {
  return document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content;
}

/** The link that the address is, perhaps a damaged one; undefined on a page of another kind. */
export function linkHere(): string | undefined {
  const { origin, pathname, hash } = location;
  if (!pathname.startsWith("/s")) return undefined;
  return hash === "" ? origin + pathname : `${origin}/s${hash}`;
}

/**
 * Takes a key that became a part of the path out of it: the server would be asked for that path
 * once more by a refresh. Everything else of the address stays, since a refresh needs it.
 */
export function repairAddress(): void {
  const [, fragment = ""] = /^\/s%(?:25)*23(.*)$/.exec(location.pathname) ?? [];
  history.replaceState(null, "", `/s#${fragment}`);
}
