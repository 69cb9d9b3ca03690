/** Whether an audit log is what was written, as far as chain and published heads can tell. */
import { type Bytes, concat } from "../../core/bytes.ts";
import type { Sha256 } from "../../platform/libcrypto.ts";
import { type Head, NO_LINE } from "./chain.ts";
import { type AuditLine, readLine } from "./read.ts";

/** Something that is not as it was written. */
export interface Finding {
  /** File and line in it. */
  readonly where: string;
  readonly problem: string;
}

/** What a log is found to be. */
export interface Report {
  readonly lines: number;
  readonly first: Pick<AuditLine, "seq" | "time"> | undefined;
  readonly last: Pick<AuditLine, "seq" | "time"> | undefined;
  /** Lines that were cut off when they were written, and closed. */
  readonly torn: number;
  readonly heads: {
    /** Lines whose heads were published; those of them that the log has; and that it keeps no more. */
    readonly all: number;
    readonly agreed: number;
    readonly older: number;
    /** The number of the last line that one was published of and that is not beyond the end. */
    readonly last: number;
  };
  readonly findings: readonly Finding[];
}

interface Place {
  readonly where: string;
  readonly bytes: Bytes;
}

/** Takes a log line by line, the oldest file first. */
export class Verifier {
  readonly #published = new Map<number, Set<string>>();
  readonly #findings: Finding[] = [];
  #head: Head = NO_LINE;
  #first: AuditLine | undefined;
  #last: AuditLine | undefined;
  #lines = 0;
  #torn = 0;
  #agreed = 0;
  /** What came since the last line and is none. */
  #between: Place[] = [];
  /** The oldest line that rotation has left, by its word. */
  #oldest = 1;
  #where = "";

  /** @param heads what was published, in any order */
  constructor(private readonly sha256: Sha256, heads: readonly Head[]) {
    for (const { seq, hash } of heads) {
      this.#published.set(seq, (this.#published.get(seq) ?? new Set()).add(hash));
    }
  }

  /** @param where file and line in it, for people */
  take(bytes: Bytes, where: string): void {
    this.#where = where;
    const line = readLine(bytes);
    if (!line) return void this.#between.push({ where, bytes: bytes.slice() });
    this.#judgeBetween(line);
    this.#judgeLink(line);
    this.#head = { seq: line.seq, hash: this.sha256(bytes).toHex() };
    this.#comparePublished();
    if (line.event === "rotated") this.#oldest = line.first ?? this.#oldest;
    this.#first ??= line;
    this.#last = line;
    this.#lines++;
  }

  /** What was found. */
  finish(): Report {
    this.#judgeEnd();
    const [first, last] = [this.#first, this.#last];
    if (first && first.seq > Math.max(1, this.#oldest)) {
      const problem =
        `lines ${this.#oldest} to ${first.seq - 1} are missing before the first one, ` +
        "and no rotation has removed them";
      this.#findings.unshift({ where: "the beginning", problem });
    }
    const all = [...this.#published.keys()];
    const older = all.filter((seq) => seq < (first?.seq ?? 1)).length;
    const newest = largest(all.filter((seq) => seq <= this.#head.seq));
    const heads = { all: all.length, agreed: this.#agreed, older, last: newest };
    return { lines: this.#lines, first, last, torn: this.#torn, heads, findings: this.#findings };
  }

  #find(problem: string, where: string = this.#where): void {
    this.#findings.push({ where, problem });
  }

  /** What is no line must be what the next line says that it has closed. */
  #judgeBetween({ seq, event, torn }: AuditLine): void {
    const bytes = concat(...this.#between.map((place) => place.bytes));
    const [first] = this.#between;
    const closed = event === "recovered" && torn?.bytes === bytes.length &&
      torn.sha256 === this.sha256(bytes).toHex();
    if (closed) this.#torn++;
    else if (first) this.#find("is no line of this log, or was changed", first.where);
    else if (torn) this.#find(`line ${seq} closes a torn line that is not there any more`);
    this.#between = [];
  }

  #judgeLink({ seq, prev }: AuditLine): void {
    const { seq: before, hash } = this.#head;
    // What came before the oldest line that is kept is not there to compare.
    if (before === 0 && seq > 1) return;
    if (seq > before + 1) {
      this.#find(`lines ${before + 1} to ${seq - 1} are missing before this one`);
    } else if (seq <= before) {
      this.#find(`line ${seq} stands after line ${before}: moved, or added`);
    } else if (prev !== hash) {
      this.#find(`line ${seq} does not follow from ${of(before)} was changed`);
    }
  }

  #comparePublished(): void {
    const hashes = this.#published.get(this.#head.seq);
    if (!hashes) return;
    if (hashes.size === 1 && hashes.has(this.#head.hash)) this.#agreed++;
    else this.#find(`line ${this.#head.seq} is not the one whose head was published`);
  }

  #judgeEnd(): void {
    const unended = this.#between.at(-1)?.bytes.at(-1) !== 0x0a;
    // The last one may be on its way into the file.
    const strange = unended ? this.#between.slice(0, -1) : this.#between;
    if (strange[0]) this.#find("is no line of this log, or was changed", strange[0].where);
    const newest = largest([...this.#published.keys()]);
    if (newest <= this.#head.seq) return;
    const problem = `the head of line ${newest} was published, but the log ends with line ` +
      `${this.#head.seq}: the lines after it are cut off, or of another log`;
    this.#find(problem, "the end");
  }
}

function of(before: number): string {
  return before === 0 ? "nothing, as the first line must: it" : "the line before: one of the two";
}

/** Of none: 0. Not by `Math.max`, which takes its arguments on the stack. */
function largest(numbers: readonly number[]): number {
  return numbers.reduce((largest, one) => Math.max(largest, one), 0);
}
