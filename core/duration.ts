/** Lengths of time as people type them. */

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** Seconds of a length of time such as `90s`, `30m`, `12h` or `7d`; NaN if it is none. */
export function parseDuration(text: string): number {
  const [, digits = "", unit = ""] = /^(\d{1,7})([smhd])$/.exec(text) ?? [];
  return Number(digits) * (UNITS[unit] ?? NaN);
}

/** Seconds in the largest unit that is whole: `7d`. */
export function formatDuration(seconds: number): string {
  const [unit, length] = Object.entries(UNITS).findLast(([, one]) => seconds % one === 0)!;
  return `${seconds / length}${unit}`;
}
