/** What people read of numbers and times, and which of a page's languages somebody gets. */

/** What is known of every language. */
export interface Language {
  /** BCP 47. */
  readonly locale: string;
  /** Its own name. */
  readonly language: string;
}

/** The first of somebody's languages that there is; else the first of all. */
export function preferred<T extends Language>(
  there: readonly [T, ...T[]],
  languages: readonly string[],
): T {
  const known = languages.map((tag) => there.find((language) => isOf(tag, language)));
  return known.find((language) => language !== undefined) ?? there[0];
}

function isOf(tag: string, { locale }: Language): boolean {
  return tag.toLowerCase().split("-")[0] === locale;
}

/** The last time that there is to a browser, whatever a server says. */
const LAST = 8.64e15;

/** A time, given in milliseconds since 1970, as it is written where somebody is. */
export function formatWhen(language: Language, milliseconds: number): string {
  const region = navigator.languages.find((tag) => isOf(tag, language)) ?? language.locale;
  return new Intl.DateTimeFormat(region, { dateStyle: "long", timeStyle: "short" })
    .format(Math.min(milliseconds, LAST));
}

const SIZES = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/** A number of bytes. */
export function formatSize({ locale }: Language, bytes: number): string {
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
export function formatDuration({ locale }: Language, seconds: number): string {
  const [unit, length] = DURATIONS.find(([, length]) => seconds % length === 0) ?? ["second", 1];
  return new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "long" })
    .format(seconds / length);
}
