/** The lines of a file. */
import { type Bytes, concat, EMPTY } from "../../core/bytes.ts";

const PIECE = 1_048_576;
const LINE_FEED = 0x0a;

/** The lines of a file as bytes, with their line breaks, which the last may lack. */
export function* readLines(file: Deno.FsFile): Generator<Bytes> {
  const piece = new Uint8Array(PIECE);
  let rest: Bytes = EMPTY;
  for (let n; (n = file.readSync(piece) ?? 0) > 0;) {
    const bytes = concat(rest, piece.subarray(0, n));
    let start = 0;
    for (let end; (end = bytes.indexOf(LINE_FEED, start) + 1) > 0; start = end) {
      yield bytes.subarray(start, end);
    }
    rest = bytes.subarray(start);
  }
  if (rest.length > 0) yield rest;
}
