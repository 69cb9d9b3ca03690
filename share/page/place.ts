/**
 * Where this page is, and what its address says. Another place to host it from needs another origin
 * of the API: it would stand in the page beside the origin of links, and go to the worker.
 */

/** What links begin with: what the server's configuration says, which wrote it into the page. */
export function linkOrigin(): string {
  const given = document.querySelector<HTMLMetaElement>('meta[name="share-origin"]')?.content;
  return given || location.origin;
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
