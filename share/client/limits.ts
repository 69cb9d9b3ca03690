/** What a server takes: asked so that what nobody chose is allowed there, and a refusal says why. */
import { formatDuration } from "../../core/duration.ts";
import { CryptoError } from "../../core/errors.ts";
import type { Answer } from "../../core/share/wire.ts";
import type { ShareApi } from "./api.ts";

/** The longest lifetime in seconds, the most readers, the largest ciphertext in bytes. */
export type Limits = Answer<"limits">;

/** Asks for them, which changes nothing. @throws {CryptoError} */
export async function limitsOf(api: ShareApi): Promise<Limits> {
  return await api.call("limits", {});
}

const WORDS: Readonly<Record<keyof Limits, (value: number) => string>> = {
  ttl: formatDuration,
  views: (views) => `${views} views`,
  size: (bytes) => `${bytes} bytes, encrypted`,
};

/** @throws {CryptoError} `share_refused`, naming what is too much and what is allowed */
export function requireWithin(asked: Limits, limits: Limits): void {
  for (const what of ["ttl", "views", "size"] as const) {
    if (asked[what] <= limits[what]) continue;
    const say = WORDS[what];
    const hint = `this server allows at most ${say(limits[what])}`;
    throw new CryptoError("share_refused", { subject: say(asked[what]), hint });
  }
}

/** A failure; of a refusal it names what is too much and what is allowed, if the server tells. */
export async function withLimit(error: unknown, api: ShareApi, asked: Limits): Promise<unknown> {
  if (!(error instanceof CryptoError) || error.code !== "share_refused") return error;
  try {
    requireWithin(asked, await limitsOf(api));
    return error;
  } catch (named) {
    return named instanceof CryptoError && named.code === error.code ? named : error;
  }
}
