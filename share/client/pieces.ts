/** Bytes that come in pieces. */
import type { Bytes } from "../../core/bytes.ts";

/**
 * The same bytes in pieces of `length` bytes; only the first, if it is said so, and the last are
 * shorter. They are all in one buffer: each is to be used before the next is asked for.
 */
export async function* regroup(
  pieces: AsyncIterable<Bytes> | Iterable<Bytes>,
  length: number,
  first: number = length,
): AsyncGenerator<Bytes> {
  const buffer = new Uint8Array(length);
  let full = first;
  let filled = 0;
  for await (const piece of pieces) {
    for (let rest = piece; rest.length > 0;) {
      const part = rest.subarray(0, full - filled);
      buffer.set(part, filled);
      rest = rest.subarray(part.length);
      if ((filled += part.length) < full) continue;
      yield buffer.subarray(0, full);
      full = length;
      filled = 0;
    }
  }
  if (filled > 0) yield buffer.subarray(0, filled);
}
