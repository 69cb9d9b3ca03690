/**
 * How often each key version was used. Counted in memory; the file is written at intervals, at a
 * stop, and before a count passes what the file says: in it stands a number that has not been
 * reached, so that what a killed daemon has forgotten is counted too high, never too low.
 */
import { type Bytes, fromUtf8, utf8 } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import { formatKeyId } from "../core/header.ts";
import type { KeyUsage } from "../core/rpc.ts";
import { readSecret, replaceDurably } from "./durable.ts";

const FORMAT = 1;
/** Milliseconds between two writes, if something was counted. */
const INTERVAL = 60_000;
/** Far more than the counts of all versions that a ring can have. */
const MAX_BYTES = 32 * 1024 * 1024;
/** By how much the file is ahead of what was counted: a quarter of that, within these. */
const RESERVE = { least: 256, most: 2 ** 18 } as const;

interface Counts {
  encrypted: number;
  decrypted: number;
  bytes: number;
  /** Milliseconds since 1970; 0 before the first use. */
  lastUsed: number;
  /** What the file says of `encrypted`, at least. */
  ceiling: number;
}

/** A version as the file has it. */
type Written = Omit<Counts, "ceiling">;

/** The counts and their file. */
export class Usage {
  readonly #counts: Map<string, Counts>;
  #written = Date.now();
  #changed = false;
  #failed = false;

  private constructor(private readonly path: string, counts: Map<string, Counts>) {
    this.#counts = counts;
  }

  /** @throws {CryptoError} `config` if the file is none of ours */
  static open(path: string): Usage {
    const file = readSecret(path, MAX_BYTES);
    return new Usage(path, file ? readCounts(file, path) : new Map());
  }

  /** Whether the last attempt to write failed: then a kill loses more than it should. */
  get failed(): boolean {
    return this.#failed;
  }

  /** Counts a message that a version is about to encrypt, and its bytes. */
  encrypted(id: Bytes, bytes: number = 0): void {
    const counts = this.#use(id);
    counts.encrypted++;
    counts.bytes += bytes;
    if (counts.encrypted > counts.ceiling) this.#write(withReserve);
  }

  /** Counts a message that a version has decrypted. */
  decrypted(id: Bytes): void {
    this.#use(id).decrypted++;
  }

  #use(id: Bytes): Counts {
    const name = formatKeyId(id);
    let counts = this.#counts.get(name);
    if (!counts) this.#counts.set(name, counts = { ...UNUSED });
    counts.lastUsed = Date.now();
    this.#changed = true;
    return counts;
  }

  /** What is known of a version. */
  of(id: Bytes): KeyUsage {
    const { encrypted, decrypted, bytes, lastUsed } = this.#counts.get(formatKeyId(id)) ?? UNUSED;
    const time = lastUsed > 0 ? { lastUsed: new Date(lastUsed).toISOString() } : {};
    return { encrypted, decrypted, bytes, ...time };
  }

  /** Writes the file if it is time to. */
  keep(now: number): void {
    if (this.#changed && Math.abs(now - this.#written) >= INTERVAL) this.#write(withReserve);
  }

  /** Writes what was counted, to the last one: nothing more will be. */
  close(): void {
    if (this.#changed) this.#write(({ encrypted }) => encrypted);
  }

  #write(ceilingOf: (counts: Counts) => number): void {
    this.#written = Date.now();
    this.#changed = false;
    const versions: Record<string, Written> = {};
    for (const [id, counts] of this.#counts) {
      counts.ceiling = ceilingOf(counts);
      const { ceiling, ...written } = counts;
      versions[id] = { ...written, encrypted: ceiling };
    }
    try {
      replaceDurably(this.path, utf8(JSON.stringify({ format: FORMAT, versions })));
      this.#failed = false;
    } catch {
      // It is told in `status`, and tried again at the next ceiling or interval.
      this.#failed = this.#changed = true;
    }
  }
}

const UNUSED: Counts = { encrypted: 0, decrypted: 0, bytes: 0, lastUsed: 0, ceiling: 0 };

function withReserve({ encrypted }: Counts): number {
  const reserve = Math.min(Math.max(encrypted / 4, RESERVE.least), RESERVE.most);
  return Math.ceil(encrypted + reserve);
}

function readCounts(file: Bytes, path: string): Map<string, Counts> {
  try {
    const { format, versions } = JSON.parse(fromUtf8(file));
    if (format !== FORMAT) throw new Error("another format");
    const entries = Object.entries(versions as Record<string, Written>);
    return new Map(entries.map(([id, written]) => [id, readOne(written)]));
  } catch (cause) {
    const hint = "it does not hold counts of use: remove it, and they begin at zero";
    throw new CryptoError("config", { subject: path, hint, cause });
  }
}

function readOne({ encrypted, decrypted, bytes, lastUsed }: Written): Counts {
  const counts = { encrypted, decrypted, bytes, lastUsed, ceiling: encrypted };
  if (Object.values(counts).every((count) => Number.isFinite(count) && count >= 0)) return counts;
  throw new Error("no count");
}
