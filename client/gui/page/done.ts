/** What has been done from this page, without any content: it is forgotten with it. */

/** What was done. */
export interface Deed {
  readonly what: "encrypt" | "decrypt" | "send";
  /** The name of a file; absent: a text. */
  readonly name?: string | undefined;
  /** Bytes that went in. */
  readonly size: number;
  /** The key's name, where one was chosen. */
  readonly key?: string | undefined;
  /** Milliseconds since 1970. */
  readonly when: number;
}

const deeds: Deed[] = [];

/** Notes it. */
export function note(deed: Omit<Deed, "when">): void {
  deeds.unshift({ ...deed, when: Date.now() });
}

/** All of it, the last first. */
export function noted(): readonly Deed[] {
  return deeds;
}

/** Forgets it. */
export function forgetDeeds(): void {
  deeds.length = 0;
}
