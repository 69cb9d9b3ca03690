/** Bytes that come in pieces. */
import type { Bytes } from "../../core/bytes.ts";

/** Bytes that are encrypted or decrypted at once. */
export const PIECE = 1_048_576;

/**
 * The same bytes in pieces of `length` bytes; only the last is shorter. They are all in one buffer:
 * each is to be used before the next is asked for.
 */
export async function* regroup(
  pieces: AsyncIterable<Bytes> | Iterable<Bytes>,
  length: number,
): AsyncGenerator<Bytes> {
  const buffer = new Uint8Array(length);
  let filled = 0;
  for await (const piece of pieces) {
    for (let rest = piece; rest.length > 0;) {
      const part = rest.subarray(0, length - filled);
      buffer.set(part, filled);
      rest = rest.subarray(part.length);
      if ((filled += part.length) < length) continue;
      yield buffer;
      filled = 0;
    }
  }
  if (filled > 0) yield buffer.subarray(0, filled);
}
