/** Cutting a stream of bytes into lines. */
import { concat, EMPTY } from "./bytes.ts";
import { CryptoError } from "./errors.ts";

const LINE_FEED = 0x0a;

/** Collects bytes and gives whole lines, without their line breaks. */
export class LineReader {
  #pieces: Uint8Array[] = [];
  #length = 0;

  constructor(private readonly maxLength: number) {}

  /** Bytes of the line that has begun. */
  get waiting(): number {
    return this.#length;
  }

  /**
   * Takes the next bytes and gives each line that is complete with them to `onLine`.
   * @throws {CryptoError} `line_too_long`, when the lines before it are given.
   */
  take(bytes: Uint8Array, onLine: (line: Uint8Array) => void): void {
    let start = 0;
    for (let end; (end = bytes.indexOf(LINE_FEED, start)) >= 0; start = end + 1) {
      this.#requireRoom(end - start);
      const line = bytes.subarray(start, end);
      onLine(this.#length === 0 ? line : concat(this.rest(), line));
    }
    // A copy: the buffer is the socket's.
    if (start < bytes.length) this.#keep(bytes.slice(start));
  }

  /** What came after the last line break, which is then forgotten. */
  rest(): Uint8Array {
    const [first = EMPTY, ...others] = this.#pieces;
    this.#pieces = [];
    this.#length = 0;
    return others.length === 0 ? first : concat(first, ...others);
  }

  /** What {@link rest} would give, kept. */
  peek(): Uint8Array {
    return concat(...this.#pieces);
  }

  #keep(piece: Uint8Array): void {
    this.#requireRoom(piece.length);
    this.#length += piece.length;
    this.#pieces.push(piece);
  }

  #requireRoom(more: number): void {
    if (this.#length + more > this.maxLength) throw new CryptoError("line_too_long");
  }
}
