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

/** What stands before the first line. */
export const NO_LINE: Head = { seq: 0, hash: "0".repeat(64) };

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
/** More than `{"seq":…,"prev":"…",` and a line break have. */
const LINK_LENGTH = 128;
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

/** Makes lines, one after the other, in one buffer that is used again. */
export class Chain {
  readonly #encoder = new TextEncoder();
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
    return this.#head;
  }

  /** The lines that were added, until {@link settle}. */
  get bytes(): Bytes {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Ends what is there already, so that the next line begins a line. Only before all others. */
  breakLine(): void {
    this.#buffer[0] = LINE_FEED;
    this.#start = this.#length = 1;
  }

  /** @param fields the line as JSON, without its opening brace */
  add(fields: string): void {
    const start = this.#length;
    const seq = this.#head.seq + 1;
    this.#reserve(fields.length * 3 + LINK_LENGTH);
    const line = `{"seq":${seq},"prev":"${this.#head.hash}",${fields}\n`;
    this.#length += this.#encoder.encodeInto(line, this.#buffer.subarray(start)).written;
    this.#ends.push(this.#length);
    this.#head = { seq, hash: this.#hash(start, this.#length) };
  }

  /**
   * Forgets the lines that were added.
   * @param written how many of their bytes are in the file; whole lines among them count, also one
   * that lacks nothing but its line break
   */
  settle(written: number): void {
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
    larger.set(this.bytes);
    this.#buffer = larger;
  }
}
