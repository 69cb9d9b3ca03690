/**
 * Who is answered: the one page that was opened with the one token. A cookie alone would not do: a
 * browser gives those of 127.0.0.1 to every port, and so to servers of other users. The key that
 * each request carries besides is known to the page alone, and never crosses in an address.
 */
import { toBase64Url } from "../../core/base64.ts";
import { equalSecret, randomBytes } from "../../core/bytes.ts";
import { SESSION_HEADER } from "./wire.ts";

const SECRET_LENGTH = 32;

/** 32 random bytes as base64url. */
export function newSecret(): string {
  return toBase64Url(randomBytes(SECRET_LENGTH));
}

const encoder = new TextEncoder();

/** Compares in time that depends on lengths alone; what was not given is not equal. */
function isEqual(given: string | undefined, secret: string): boolean {
  return equalSecret(encoder.encode(given ?? ""), encoder.encode(secret));
}

/** What a page is given when it is opened. */
export interface Admission {
  /** The value of `set-cookie`. */
  readonly cookie: string;
  /** What each request is to carry. */
  readonly key: string;
}

/** Guards one server, for one session. */
export class Guard {
  /** Works once. */
  readonly token: string = newSecret();
  readonly #cookie = newSecret();
  readonly #key = newSecret();
  readonly #host: string;
  readonly #cookieName: string;
  #isOpened = false;

  constructor(port: number) {
    this.#host = `127.0.0.1:${port}`;
    // Of its own, since two windows would otherwise replace each other's.
    this.#cookieName = `crypto-gui-${port}`;
  }

  /** Where the page is. */
  get origin(): string {
    return `http://${this.#host}`;
  }

  /** Whether a request names this server as it is: another name led here by somebody's DNS. */
  isAddressed({ headers }: Request): boolean {
    return headers.get("host") === this.#host;
  }

  /** Takes the token, which comes from a file and so from no origin, for a session; once. */
  open({ headers }: Request, token: string | undefined): Admission | undefined {
    const origin = headers.get("origin") ?? "null";
    if (this.#isOpened || origin !== "null" || !isEqual(token, this.token)) return undefined;
    this.#isOpened = true;
    const cookie = `${this.#cookieName}=${this.#cookie}; Path=/; HttpOnly; SameSite=Strict`;
    return { cookie, key: this.#key };
  }

  /** Whether the page asks. */
  admits(request: Request): boolean {
    const { headers } = request;
    const isOwn = headers.get("origin") === this.origin;
    return isOwn && this.admitsDownload(request) &&
      isEqual(headers.get(SESSION_HEADER) ?? undefined, this.#key);
  }

  /** Whether the browser of the page asks, because of the page: a download carries no key. */
  admitsDownload({ headers }: Request): boolean {
    const isOwn = headers.get("sec-fetch-site") === "same-origin";
    return this.#isOpened && isOwn && isEqual(this.#cookieOf(headers), this.#cookie);
  }

  #cookieOf(headers: Headers): string | undefined {
    const cookies = (headers.get("cookie") ?? "").split(/;\s*/);
    const own = cookies.find((cookie) => cookie.startsWith(`${this.#cookieName}=`));
    return own?.slice(this.#cookieName.length + 1);
  }
}
