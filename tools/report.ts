/**
 * Counting what `deno test` did.
 *
 * @module
 */
import { stripVTControlCharacters } from "node:util";

/** What one run of `deno test` left behind. */
export interface Report {
  readonly output: string;
  readonly junit: string;
  readonly code: number;
}

/** How many tests did what. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** The lines with which tests say that they were skipped, and why. */
  readonly reasons: readonly string[];
}

/** The tally of no tests. */
export const NOTHING: Tally = { passed: 0, failed: 0, skipped: 0, reasons: [] };

/** The sum of two tallies. */
export function add(a: Tally, b: Tally): Tally {
  return {
    passed: a.passed + b.passed,
    failed: a.failed + b.failed,
    skipped: a.skipped + b.skipped,
    reasons: [...a.reasons, ...b.reasons],
  };
}

const SUMMARY = /^(?:ok|FAILED) \| \d+ passed.*$/gm;

/**
 * Counts a run of `deno test`: by its summary, which also counts files that do not load. A test
 * that passed but says `SKIP: <its name>: <why>` was skipped. A run without a summary, or that
 * ends badly without a failed test, is one failure.
 */
export function tally(report: Report): Tally {
  const output = stripVTControlCharacters(report.output);
  const reasons = [...new Set(output.match(/^SKIP: .*$/gm) ?? [])];
  const summary = output.match(SUMMARY)?.at(-1) ?? "";
  const excused = passedNames(report.junit).filter((name) => isNamed(name, reasons)).length;
  const failed = first(/(\d+) failed/, summary);
  return {
    passed: first(/(\d+) passed/, summary) - excused,
    failed: failed === 0 && (report.code !== 0 || summary === "") ? 1 : failed,
    skipped: first(/(\d+) ignored/, summary) + first(/ignored \((\d+) step/, summary) + excused,
    reasons,
  };
}

function first(pattern: RegExp, text: string): number {
  return Number(pattern.exec(text)?.[1] ?? 0);
}

function isNamed(name: string, reasons: readonly string[]): boolean {
  return reasons.some((line) => line.startsWith(`SKIP: ${name}: `));
}

/** The names of tests, without steps, that passed. */
function passedNames(junit: string): string[] {
  const cases = [...junit.matchAll(/<testcase name="([^"]*)"[^>]*>([^]*?)<\/testcase>/g)];
  return cases.filter(([, , body]) => body?.trim() === "").map(([, name]) => unescape(name ?? ""));
}

function unescape(text: string): string {
  const named: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(/&(\w+);/g, (whole, name: string) => named[name] ?? whole);
}

/** The lines that end a run, the count last, and whether all is well. */
export function outcome(total: Tally, strict: boolean): { lines: string[]; success: boolean } {
  const { passed, failed, skipped, reasons } = total;
  const skips = skipped > 0 ? `, ${skipped} skipped` : "";
  const refused = strict && skipped + reasons.length > 0;
  const why = refused ? ["CI=true: a skipped test is a failure"] : [];
  const lines = [...reasons, ...why, `${passed} passed, ${failed} failed${skips}`];
  return { lines, success: failed === 0 && !refused };
}
