/** Bytes that come in pieces. */
import { type Bytes, concat } from "../../core/bytes.ts";

/** Bytes of plaintext that are encrypted at once: whole chunks of 16 KiB. */
export const PIECE = 2_097_152;

/** The same bytes in pieces of `length` bytes; only the last is shorter. */
export async function* regroup(
  pieces: AsyncIterable<Bytes> | Iterable<Bytes>,
  length: number,
): AsyncGenerator<Bytes> {
  let waiting: Bytes[] = [];
  let total = 0;
  for await (const piece of pieces) {
    waiting.push(piece);
    if ((total += piece.length) < length) continue;
    const all = concat(...waiting);
    const whole = all.length - (all.length % length);
    for (let at = 0; at < whole; at += length) yield all.subarray(at, at + length);
    waiting = [all.subarray(whole)];
    total -= whole;
  }
  if (total > 0) yield concat(...waiting);
}
