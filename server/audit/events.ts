/** What the audit log says of itself and its daemon. */

/** What happened to the log or its daemon, besides requests. */
export type AuditEvent =
  | { readonly event: "start"; readonly version: string; readonly pid: number }
  | { readonly event: "stop" }
  /** Contexts are under another key from here on: their HMACs compare with later ones only. */
  | { readonly event: "context-key" }
  | Recovered
  | {
    readonly event: "rotated";
    /** The number of the oldest line that is kept, if there are too many files. */
    readonly first?: number | undefined;
  };

/** Lines can be written again. */
export interface Recovered {
  readonly event: "recovered";
  /** What stands between the line before and this one: a line that was cut off. */
  readonly torn?: { readonly bytes: number; readonly sha256: string } | undefined;
  /** How many lines before this one were written and are not there any more. */
  readonly missing?: number | undefined;
  /** How many requests were refused meanwhile, since no line could be written. */
  readonly refused?: number | undefined;
}
