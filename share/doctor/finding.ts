/** What the doctor says. */

/** `unknown`: it could not be looked at, which is neither good nor bad. */
export type Severity = "ok" | "warning" | "wrong" | "unknown";

/** Something that is not as it should be. */
export interface Problem {
  readonly severity: "warning" | "wrong";
  readonly what: string;
  /** A command as a shell takes it, and nothing else; or a sentence. */
  readonly remedy: string;
}

/** What came of one check. */
export interface Finding {
  /** What was looked at, such as `table: TTL`. */
  readonly check: string;
  readonly severity: Severity;
  readonly what: string;
  /** Absent where nothing is to be done. */
  readonly remedy?: string;
}

/** Any text as one word of a shell's. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A problem that breaks what is promised, or will. */
export function wrong(what: string, remedy: string): Problem {
  return { severity: "wrong", what, remedy };
}

/** A problem that someone may have chosen to have. */
export function warning(what: string, remedy: string): Problem {
  return { severity: "warning", what, remedy };
}
