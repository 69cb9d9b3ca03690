/** Whether an audit log is what was written, as far as chain and published heads can tell. */
import { type Bytes, concat } from "../../core/bytes.ts";
import type { Sha256 } from "../../platform/libcrypto.ts";
import { type Head, isLogId, NO_LINE } from "./chain.ts";
import type { PublishedHead } from "./heads.ts";
import { byLog, largest, PublishedHeads } from "./published.ts";
import { type AuditLine, readLine } from "./read.ts";

/** Something that is not as it was written. */
export interface Finding {
  /** File and line in it. */
  readonly where: string;
  readonly problem: string;
}

/** What a log is found to be. */
export interface Report {
  /** The log's id, if a line has it. */
  readonly log: string | undefined;
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
  /** Logs that are known to have been here before, and how many heads are theirs. */
  readonly former: readonly { readonly log: string; readonly heads: number }[];
  readonly findings: readonly Finding[];
}

/** What a log is compared with. */
export interface VerifierParts {
  readonly sha256: Sha256;
  /** What was published, in any order. */
  readonly heads: readonly PublishedHead[];
  /** Ids of logs that are known to have been here before. */
  readonly former: readonly string[];
}

interface Place {
  readonly where: string;
  readonly bytes: Bytes;
}

/** Takes a log file by file and line by line, the oldest first. */
export class Verifier {
  readonly #published: Map<string, PublishedHeads>;
  readonly #findings: Finding[] = [];
  #log: string | undefined;
  #head: Head = NO_LINE;
  #first: AuditLine | undefined;
  #last: AuditLine | undefined;
  #lines = 0;
  #torn = 0;
  /** What came since the last line and is none. */
  #between: Place[] = [];
  /** Lines where rotation puts them, that say from which line on the log is kept. */
  readonly #rotations: { readonly line: number; readonly first: number }[] = [];
  /** The numbers of the lines that files begin with. */
  readonly #starts = new Set<number>();
  #file = { name: "", line: 0, lines: 0, isOpening: true };

  constructor(private readonly parts: VerifierParts) {
    this.#published = byLog(parts.heads);
  }

  /** @param name the next file's, for people */
  begin(name: string): void {
    this.#file = { name, line: 0, lines: 0, isOpening: true };
  }

  /** The next line of the file. */
  take(bytes: Bytes): void {
    this.#file.line++;
    const line = readLine(bytes);
    if (!line) return void this.#between.push({ where: this.#where, bytes: bytes.slice() });
    this.#judgeBetween(line);
    this.#judgeLink(line);
    this.#judgeLog(line);
    this.#head = { seq: line.seq, hash: this.parts.sha256(bytes).toHex() };
    for (const published of this.#published.values()) published.compare(this.#head, this.#where);
    this.#noteRotation(line);
    this.#first ??= line;
    this.#last = line;
    this.#lines++;
  }

  /** What was found. */
  finish(): Report {
    const published = this.#ownHeads();
    this.#judgeBeginning(published);
    this.#judgeEnd(published);
    const [first, last] = [this.#first, this.#last];
    const { numbers, agreed } = published;
    const older = numbers.filter((seq) => seq < (first?.seq ?? 1)).length;
    const newest = largest(numbers.filter((seq) => seq <= this.#head.seq));
    return {
      log: this.#log,
      ...{ lines: this.#lines, first, last, torn: this.#torn, findings: this.#findings },
      heads: { all: numbers.length, agreed, older, last: newest },
      former: this.#judgeOthers(published),
    };
  }

  get #where(): string {
    return `${this.#file.name}:${this.#file.line}`;
  }

  #find(problem: string, where: string = this.#where): void {
    this.#findings.push({ where, problem });
  }

  /** What is no line must be what the next line says that it has closed. */
  #judgeBetween({ seq, event, torn }: AuditLine): void {
    const bytes = concat(...this.#between.map((place) => place.bytes));
    const [first] = this.#between;
    const closed = event === "recovered" && torn?.bytes === bytes.length &&
      torn.sha256 === this.parts.sha256(bytes).toHex();
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

  #judgeLog({ seq, log }: AuditLine): void {
    if (!isLogId(log)) return;
    this.#log ??= log;
    if (log !== this.#log) this.#find(`line ${seq} is of another log, ${log}`);
  }

  /** Rotation begins a file with its line; only what closes a torn one may be before. */
  #noteRotation({ seq, event, first }: AuditLine): void {
    const file = this.#file;
    if (file.lines++ === 0) this.#starts.add(seq);
    const isThere = file.isOpening && event === "rotated";
    if (isThere && first !== undefined) this.#rotations.push({ line: seq, first });
    file.isOpening &&= event === "recovered";
  }

  /** The heads of this log. If no line says which it is, those that fit best. */
  #ownHeads(): PublishedHeads {
    const fitting = [...this.#published.values()].filter(({ agreed }) => agreed > 0)
      .toSorted((a, b) => b.agreed - a.agreed)[0];
    const own = this.#log === undefined ? fitting : this.#published.get(this.#log);
    return own ?? new PublishedHeads(this.#log ?? "");
  }

  /**
   * Rotation may have removed what was before the first line. The log's own word for that counts
   * as far as a head confirms it: the daemon publishes one before it removes anything.
   */
  #judgeBeginning({ numbers, lastAgreed }: PublishedHeads): void {
    const first = this.#first?.seq ?? 1;
    const isConfirmed = ({ line }: { readonly line: number }) => line <= lastAgreed;
    const said = numbers.length > 0 ? this.#rotations.filter(isConfirmed) : this.#rotations;
    const oldest = largest([1, ...said.map((rotation) => rotation.first)]);
    if (first <= oldest) return this.#judgeOldest(oldest);
    const claim = this.#rotations.find((rotation) => rotation.first >= first);
    const why = claim
      ? `line ${claim.line} says that rotation has removed them, and no published head confirms ` +
        "that line: newer ones do, if it is true"
      : "no rotation has removed them";
    this.#findings.unshift({
      where: BEGINNING,
      problem: `lines ${oldest} to ${first - 1} are missing before the first one, and ${why}`,
    });
  }

  #judgeOldest(oldest: number): void {
    if (oldest === 1 || this.#starts.has(oldest)) return;
    this.#find(`the log is said to be kept from line ${oldest}, where no file begins`, BEGINNING);
  }

  #judgeEnd({ differing, newest }: PublishedHeads): void {
    for (const { seq, where } of differing) {
      this.#find(`line ${seq} is not the one whose head was published`, where);
    }
    const unended = this.#between.at(-1)?.bytes.at(-1) !== 0x0a;
    // The last one may be on its way into the file.
    const strange = unended ? this.#between.slice(0, -1) : this.#between;
    if (strange[0]) this.#find("is no line of this log, or was changed", strange[0].where);
    if (newest <= this.#head.seq) return;
    const problem = `the head of line ${newest} was published, but the log ends with line ` +
      `${this.#head.seq}: the lines after it are cut off`;
    this.#find(problem, "the end");
  }

  /** Heads of another log: this one has taken its place. Gives those that are known. */
  #judgeOthers(own: PublishedHeads): Report["former"] {
    const others = [...this.#published.values()].filter((one) => one !== own);
    const isFormer = ({ log }: PublishedHeads) => this.parts.former.includes(log);
    for (const { log, numbers, newest } of others.filter((one) => !isFormer(one))) {
      const what = this.#first ? "another log" : "a log";
      const problem = `${numbers.length} published heads are of ${what}, ${log}, up to its line ` +
        `${newest}: ${this.#since()}. If you know why, as after \`crypto uninstall --purge\`, ` +
        `--former ${log} says so`;
      this.#find(problem, "the log");
    }
    return others.filter(isFormer).map(({ log, numbers }) => ({ log, heads: numbers.length }));
  }

  #since(): string {
    if (!this.#first) return "it is gone, and there is none in its place";
    const { seq, time } = this.#first;
    return `this one has been in its place since ${time}${seq === 1 ? "" : " or before"}`;
  }
}

const BEGINNING = "the beginning";

function of(before: number): string {
  return before === 0 ? "nothing, as the first line must: it" : "the line before: one of the two";
}
