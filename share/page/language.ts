/** The languages, and which one somebody gets. */
import { de } from "./texts/de.ts";
import { en, type Texts } from "./texts/en.ts";

export type { Texts };

/** All of them; the first is for whoever reads none. */
export const LANGUAGES: readonly Texts[] = [en, de];

/** The first of somebody's languages that there is here. */
export function preferred(languages: readonly string[]): Texts {
  const known = languages.map((tag) => LANGUAGES.find((texts) => isOf(tag, texts)));
  return known.find((texts) => texts !== undefined) ?? en;
}

function isOf(tag: string, { locale }: Texts): boolean {
  return tag.toLowerCase().split("-")[0] === locale;
}

/** The last time that there is to a browser, whatever a server says. */
const LAST = 8.64e15;

/** A time, given in milliseconds since 1970, as it is written where somebody is. */
export function formatWhen(texts: Texts, milliseconds: number): string {
  const region = navigator.languages.find((tag) => isOf(tag, texts)) ?? texts.locale;
  return new Intl.DateTimeFormat(region, { dateStyle: "long", timeStyle: "short" })
    .format(Math.min(milliseconds, LAST));
}

const SIZES = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/** A number of bytes. */
export function formatSize({ locale }: Texts, bytes: number): string {
  const step = Math.min(SIZES.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  return new Intl.NumberFormat(locale, {
    style: "unit",
    unit: SIZES[step]!,
    unitDisplay: step === 0 ? "long" : "short",
    maximumFractionDigits: bytes >= 1000 ** step * 100 ? 0 : 1,
  }).format(bytes / 1000 ** step);
}

const DURATIONS = [["day", 86_400], ["hour", 3_600], ["minute", 60]] as const;

/** A number of seconds that is some whole days, hours or minutes. */
export function formatDuration({ locale }: Texts, seconds: number): string {
  const [unit, length] = DURATIONS.find(([, length]) => seconds % length === 0) ?? ["second", 1];
  return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long" })
    .format(seconds / length);
}
