/** What the doctor says. */

/** `unknown`: it could not be looked at, which is neither good nor bad. */
export type Severity = "ok" | "warning" | "wrong" | "unknown";

/** Something that is not as it should be. */
export interface Problem {
  readonly severity: "warning" | "wrong";
  readonly what: string;
  /** A command, or what to do. */
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

/** A problem that breaks what is promised, or will. */
export function wrong(what: string, remedy: string): Problem {
  return { severity: "wrong", what, remedy };
}

/** A problem that someone may have chosen to have. */
export function warning(what: string, remedy: string): Problem {
  return { severity: "warning", what, remedy };
}
