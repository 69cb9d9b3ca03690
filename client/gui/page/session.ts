/**
 * The key of this session: the server writes it into the page that it answers the token with. The
 * tab keeps it, so that it can be loaded again; nothing else has it.
 */
import { SESSION_HEADER } from "../wire.ts";

const NAME = "crypto-session";

const meta = document.querySelector<HTMLMetaElement>('meta[name="session"]');
if (meta?.content) sessionStorage.setItem(NAME, meta.content);
meta?.remove();
// Loaded again, the page is asked for and not posted: the token works once.
history.replaceState(null, "", `/${location.hash}`);

/** Whether this page has been opened by who may. */
export function isOpened(): boolean {
  return sessionStorage.getItem(NAME) !== null;
}

/** What each request carries. */
export function sessionHeaders(): Record<string, string> {
  return { [SESSION_HEADER]: sessionStorage.getItem(NAME) ?? "" };
}
