/** The ladder: where the sealing key of the ring comes from. Each rung stops somebody more. */

/** From the lowest to the highest. */
export const RUNGS = ["file", "credential", "passphrase"] as const;
/** Where the sealing key comes from. */
export type Rung = (typeof RUNGS)[number];

/** Bytes. */
export const SEALING_KEY_LENGTH = 32;
