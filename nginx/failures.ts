/** What nginx answers by itself, in the words of the API: its status to the JSON. */
import { CryptoError } from "../core/errors.ts";
import { FAILURE } from "../core/share/wire.ts";

const AWAY = new CryptoError("share_unreachable", {
  hint: "try again in a moment; if that does not help, tell whoever runs it",
});
const FAILURES: Readonly<Record<string, CryptoError>> = {
  default: AWAY,
  413: new CryptoError("too_large", { hint: "this server takes no body of this length" }),
  429: new CryptoError("too_many_requests", {
    hint: "too many requests from this address: wait a minute and try again",
  }),
};

/** Lines of a map from `$status`. */
export function failureLines(): string[] {
  return Object.entries(FAILURES).map(([status, { code, message, hint }]) => {
    const json = JSON.stringify(FAILURE.write({ error: code, message, hint, since: undefined }));
    return `${status} ${quoted(json)};`;
  });
}

/** A text as nginx reads it: with nothing in it that ends it or stands for something else. */
export function quoted(text: string): string {
  const quote = text.includes("'") ? '"' : "'";
  if (text.includes(quote) || /[\\$\r\n]/.test(text)) {
    throw new CryptoError("internal", { subject: text });
  }
  return `${quote}${text}${quote}`;
}
