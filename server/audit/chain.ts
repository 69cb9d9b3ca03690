/**
 * The chain: each line of the audit log names the SHA-256 of the line before it. docs/operations.md
 * states the construction.
 */
import { sha256 as portable } from "@noble/hashes/sha2.js";
import { type Bytes, fromUtf8 } from "../../core/bytes.ts";
import type { Sha256 } from "../../platform/libcrypto.ts";

/** A line, by its place and by the SHA-256 of its bytes with the line break, in hexadecimal. */
export interface Head {
  readonly seq: number;
  readonly hash: string;
}

/** Also where a hash comes whose line is not there yet. */
const NO_HASH = "0".repeat(64);

/** What stands before the first line. */
export const NO_LINE: Head = { seq: 0, hash: NO_HASH };

/** The fields by which a line is part of the chain. The others are what it says. */
export interface Link {
  readonly seq: number;
  readonly prev: string;
  /** The log's id, in lines of the log's own; each file begins with one. */
  readonly log?: unknown;
}

const LINE_FEED = 0x0a;
const FIRST_LENGTH = 65_536;
/** A buffer that has become longer than this is not kept. */
const KEPT_LENGTH = 1_048_576;
/** Bytes of a line before its `seq`, and between that and the hash. */
const [BEFORE_SEQ, BEFORE_HASH] = ['{"seq":'.length, ',"prev":"'.length] as const;
const HEX = new TextEncoder().encode("0123456789abcdef");
const HASH = /^[0-9a-f]{64}$/;
const LOG_ID = /^[0-9a-f]{16}$/;

/** Whether a value is the id of a log: 8 random bytes in hexadecimal, made with its first line. */
export function isLogId(value: unknown): value is string {
  return typeof value === "string" && LOG_ID.test(value);
}

/** SHA-256 where there is no libcrypto: slower, and already here for scrypt. */
export const portableSha256: Sha256 = (data) => portable(data) as Bytes;

/** The link of a line, if it is one of this log's. */
export function readLink(line: Uint8Array): Link | undefined {
  try {
    const value = JSON.parse(fromUtf8(line)) as Partial<Link> | null;
    const { seq, prev } = value ?? {};
    if (!Number.isSafeInteger(seq) || typeof prev !== "string" || !HASH.test(prev)) {
      return undefined;
    }
    return value as Link;
  } catch {
    return undefined;
  }
}

/**
 * Makes lines, one after the other, in one buffer that is used again. All that were added are encoded
 * at once: to do that for each takes as long as its hash.
 */
export class Chain {
  readonly #encoder = new TextEncoder();
  /** What was added and is not in the buffer yet. */
  #added: string[] = [];
  #buffer = new Uint8Array(FIRST_LENGTH);
  #length = 0;
  /** Where the first line of the buffer begins, and where each of them ends. */
  #start = 0;
  #ends: number[] = [];
  #before: Head;
  #head: Head;

  /** @param head the last line that is there */
  constructor(head: Head, private readonly sha256: Sha256) {
    this.#before = this.#head = head;
  }

  /** The last line, with those that were added. */
  get head(): Head {
    this.#link();
    return this.#head;
  }

  /** The lines that were added, until {@link settle}. */
  get bytes(): Bytes {
    this.#link();
    return this.#buffer.subarray(0, this.#length);
  }

  /** Ends what is there already, so that the next line begins a line. Only before all others. */
  breakLine(): void {
    this.#buffer[0] = LINE_FEED;
    this.#start = this.#length = 1;
  }

  /** @param fields the line as JSON, without its opening brace */
  add(fields: string): void {
    this.#added.push(fields);
  }

  /** Gives what was added its place, and each line the hash of the one before. */
  #link(): void {
    const added = this.#added;
    if (added.length === 0) return;
    this.#added = [];
    let { seq, hash } = this.#head;
    let text = "";
    for (const fields of added) {
      text += `{"seq":${++seq},"prev":"${hash}",${fields}\n`;
      hash = NO_HASH;
    }
    this.#reserve(text.length * 3);
    let start = this.#length;
    this.#length += this.#encoder.encodeInto(text, this.#buffer.subarray(start)).written;
    let sha256: Bytes | undefined;
    for (let i = seq - added.length + 1; i <= seq; i++) {
      if (sha256) this.#writeHash(sha256, start + BEFORE_SEQ + String(i).length + BEFORE_HASH);
      const end = this.#buffer.indexOf(LINE_FEED, start) + 1;
      sha256 = this.sha256(this.#buffer.subarray(start, end));
      this.#ends.push(end);
      start = end;
    }
    this.#head = { seq, hash: sha256!.toHex() };
  }

  #writeHash(sha256: Bytes, at: number): void {
    for (const byte of sha256) {
      this.#buffer[at++] = HEX[byte >> 4]!;
      this.#buffer[at++] = HEX[byte & 15]!;
    }
  }

  /**
   * Forgets the lines that were added.
   * @param written how many of their bytes are in the file; whole lines among them count, also one
   * that lacks nothing but its line break
   */
  settle(written: number): void {
    this.#link();
    if (written < this.#length) {
      const whole = this.#ends.findLastIndex((end) => end - 1 <= written);
      const start = this.#ends[whole - 1] ?? this.#start;
      const end = this.#ends[whole];
      const { seq } = this.#before;
      this.#head = end === undefined
        ? this.#before
        : { seq: seq + whole + 1, hash: this.#hash(start, end) };
    }
    this.#before = this.#head;
    this.#start = this.#length = 0;
    this.#ends = [];
    if (this.#buffer.length > KEPT_LENGTH) this.#buffer = new Uint8Array(FIRST_LENGTH);
  }

  #hash(start: number, end: number): string {
    return this.sha256(this.#buffer.subarray(start, end)).toHex();
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(2 * this.#buffer.length, this.#length + more));
    larger.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = larger;
  }
}
