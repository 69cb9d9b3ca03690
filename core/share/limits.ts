/** What a share server's limits are, for itself and for a proxy that stands before it. */
import { INLINE_BYTES } from "./terms.ts";

/** Bytes that the body of a request may have; one that brings a ciphertext may be longer. */
export const SHORT_BYTES = 4_096;
/** The longest JSON: a body of {@link INLINE_BYTES} as base64url, and the rest. */
export const LONG_BYTES = SHORT_BYTES + Math.ceil(INLINE_BYTES * 4 / 3);
/** Bytes of one secret, encrypted, unless the operator says otherwise. */
export const MAX_BYTES = 2_200_000_000;
/** Requests of one client, unless the operator says otherwise. */
export const REQUESTS_PER_MINUTE = 600;
