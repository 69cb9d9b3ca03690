/** Values that people type and that are more than text. */
import { parseDuration } from "../core/duration.ts";
import { TTL_RANGE, VIEWS_RANGE } from "../core/share/terms.ts";

const MAX_SIZE = 1e12;

/** A lifetime such as `90s`, `30m`, `12h`, `7d`, in seconds. @throws {SyntaxError} */
export function parseTtl(text: string): number {
  const seconds = parseDuration(text);
  if (seconds >= TTL_RANGE.least && seconds <= TTL_RANGE.most) return seconds;
  throw new SyntaxError("a lifetime is such as 90s, 30m, 12h or 7d: from 1m to 30d");
}

/** How many may read it. @throws {SyntaxError} */
export function parseViews(text: string): number {
  const views = /^\d{1,3}$/.test(text) ? Number(text) : NaN;
  if (views >= VIEWS_RANGE.least && views <= VIEWS_RANGE.most) return views;
  throw new SyntaxError("it is to be a number from 1 to 100");
}

const BYTES: Readonly<Record<string, number>> = { "": 1, k: 1e3, M: 1e6, G: 1e9 };

/** A size such as `500k`, `100M` or `2G`, in bytes. @throws {SyntaxError} */
export function parseSize(text: string): number {
  const [, digits = "", unit = "none"] = /^(\d{1,12})([kMG]?)$/.exec(text) ?? [];
  const bytes = Number(digits) * (BYTES[unit] ?? NaN);
  if (bytes >= 1 && bytes <= MAX_SIZE) return bytes;
  throw new SyntaxError("a size is such as 500k, 100M or 2G: from 1 byte to 1000G");
}
