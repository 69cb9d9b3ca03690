/**
 * The audit log: one line of JSON for each decision, written before the answer leaves, each with
 * the hash of the one before (`chain.ts`). docs/operations.md describes the lines.
 */
import { type Bytes, concat, randomBytes } from "../../core/bytes.ts";
import { CryptoError, type ErrorCode } from "../../core/errors.ts";
import { loadSha256, type Sha256 } from "../../platform/libcrypto.ts";
import { type Identity, isNetworkCaller, type LocalCaller } from "../identity.ts";
import { Chain, type Head, portableSha256 } from "./chain.ts";
import type { AuditEvent } from "./events.ts";
import { AuditFiles, type AuditLimits, type Found, TornWrite } from "./files.ts";

/** What was decided about one request. Holds no plaintext, no context, no ciphertext. */
export interface Decision {
  /** The method, or `connect`. */
  readonly op: string;
  readonly key?: string | undefined;
  readonly version?: number | undefined;
  /** What was to be set for the key, as `key.set` takes it. */
  readonly rotateAfter?: number | undefined;
  readonly minVersion?: number | undefined;
  /** Seconds in which a version can be restored before it is destroyed. */
  readonly grace?: number | undefined;
  /** An HMAC of the context: equal ones are of equal contexts. */
  readonly context?: string | undefined;
  /** Bytes of plaintext. */
  readonly bytes?: number | undefined;
  /** Bytes that the client says its enveloped message has; nobody checks that. */
  readonly declaredBytes?: number | undefined;
  /** The unit that asks for a credential, as systemd says, and the credential's name. */
  readonly unit?: string | undefined;
  readonly credential?: string | undefined;
  /** Where somebody is who has no identity: `HOST:PORT`. */
  readonly address?: string | undefined;
  /** What was wrong with a connection, for the administrator; the peer is not told. */
  readonly reason?: string | undefined;
  /** How many requests of one line this is about, if not one. */
  readonly requests?: number | undefined;
  /** Of what changes the ring: before it is done, and what came of it. Both are synced. */
  readonly stage?: "intent" | "result" | undefined;
  /** Absent if it was done. */
  readonly error?: ErrorCode | undefined;
}

/** Where decisions go before they are answered. */
export type DecisionLog = Pick<AuditLog, "write">;

/** Where lines go. */
export type AuditTarget = Pick<
  AuditFiles,
  "resume" | "write" | "isFull" | "rotate" | "removeBefore" | "sync" | "close"
>;

/** How a log is made. */
export interface AuditLogOptions {
  readonly limits: AuditLimits;
  readonly sha256?: Sha256 | undefined;
  readonly now?: (() => number) | undefined;
  /** Does something when all that comes now has come; in the runtime's next turn by default. */
  readonly soon?: ((task: () => void) => void) | undefined;
  /** Tells people what went wrong with the log, and that it is over. */
  readonly complain?: ((line: string) => void) | undefined;
}

const ID_LENGTH = 8;
/** The groups that a line names; of more, it says how many. */
const MAX_GROUPS = 32;

/** What waits to be written, and whom to tell. */
interface Waiting {
  /** Lines without opening brace and time. */
  readonly lines: readonly string[];
  readonly requests: number;
  /** Whether the lines must be on the disk. */
  readonly synced: boolean;
  readonly settle: (written: boolean) => void;
}

/**
 * Writes decisions to a file. What comes in one turn of the event loop, from all connections, is
 * written at once: one system call then serves many answers.
 */
export class AuditLog {
  /** Tells this log from others: 8 random bytes in hexadecimal. */
  readonly id: string;
  /** Is told that older files are to go, as soon as a head is published ({@link removeSurplus}). */
  onSurplus: () => void = () => {};
  /** They hold for files that are begun or closed from then on. */
  limits: AuditLimits;
  readonly #sha256: Sha256;
  readonly #now: () => number;
  readonly #soon: (task: () => void) => void;
  readonly #complain: (line: string) => void;
  readonly #chain: Chain;
  readonly #callers = new WeakMap<Identity, string>();
  #waiting: Waiting[] = [];
  #second = { at: 0, text: "" };
  /** Lines of the log's own that the next write begins with. */
  #events: AuditEvent[] = [];
  /** Whether a file may end in mid-line, or be gone. Then nothing is written before it is resumed. */
  #failed = false;
  #refused = 0;
  #rotationFailed = false;
  /** What rotation keeps no more: lines before `first`, as the log says up to `line`. */
  #surplus: { readonly line: number; readonly first: number } | undefined;

  private constructor(
    private readonly target: AuditTarget,
    { limits, sha256, now, soon, complain }: AuditLogOptions,
  ) {
    this.limits = limits;
    this.#sha256 = sha256 ?? portableSha256;
    this.#now = now ?? Date.now;
    this.#soon = soon ?? setImmediate;
    this.#complain = complain ?? (() => {});
    const found = target.resume();
    this.id = found.log ?? randomBytes(ID_LENGTH).toHex();
    this.#chain = new Chain(found.head, this.#sha256);
    if (found.torn.length > 0) this.#events.push({ event: "recovered", torn: this.#torn(found) });
    if (found.unended) this.#chain.breakLine();
  }

  /**
   * Goes on where the log at a path ends, or begins it. It needs `ffi` now and not later.
   * @throws {CryptoError} `io` if it can neither be opened nor made
   */
  static open(path: string, options: AuditLogOptions): AuditLog {
    const sha256 = loadSha256() ?? portableSha256;
    return AuditLog.on(new AuditFiles(path, sha256), { ...options, sha256 });
  }

  /** The same on something else that takes lines. */
  static on(target: AuditTarget, options: AuditLogOptions): AuditLog {
    return new AuditLog(target, options);
  }

  /** The last line that is in the file. */
  get head(): Head {
    return this.#chain.head;
  }

  /**
   * Writes the decisions about one identity's requests.
   * @returns whether they are in the file; if not, nothing of them may be answered
   */
  write(who: Identity | undefined, decisions: readonly Decision[]): Promise<boolean> {
    const caller = who ? this.#caller(who) : "";
    const lines = decisions.map((one) => `${caller}${JSON.stringify(one).slice(1)}`);
    const requests = decisions.reduce((sum, one) => sum + (one.requests ?? 1), 0);
    const synced = decisions.some(({ stage }) => stage !== undefined);
    return this.#later({ lines, requests, synced });
  }

  /** Writes a line of the daemon's own, as durable as lines get. */
  note(event: AuditEvent): Promise<boolean> {
    return this.#later({ lines: [this.#own(event)], requests: 0, synced: true });
  }

  /** A line of the log's own, without opening brace and time. */
  #own(event: AuditEvent): string {
    return JSON.stringify({ ...event, log: this.id }).slice(1);
  }

  /**
   * Removes the older files that are too many, if the line that says so is published: whoever removes
   * a beginning cannot have the log excuse it afterwards.
   * @param published the number of the line whose head was published
   */
  removeSurplus(published: number): void {
    const surplus = this.#surplus;
    if (!surplus || surplus.line > published) return;
    this.#surplus = undefined;
    try {
      this.target.removeBefore(surplus.first);
    } catch (error) {
      // The next rotation tries again.
      this.#complain(`older files of the audit log are not removed: ${reason(error)}`);
    }
  }

  /** Settles when all that was written is on the disk. Rejects if it may not be. */
  async sync(): Promise<void> {
    await this.target.sync();
  }

  close(): void {
    this.target.close();
  }

  #later(waiting: Omit<Waiting, "settle">): Promise<boolean> {
    if (this.#waiting.length === 0) this.#soon(() => this.#flush());
    return new Promise((settle) => this.#waiting.push({ ...waiting, settle }));
  }

  /** Whoever is calling, in every line of theirs; made once for each connection. */
  #caller(who: Identity): string {
    let text = this.#callers.get(who);
    if (text === undefined) this.#callers.set(who, text = describeCaller(who));
    return text;
  }

  #flush(): void {
    const group = this.#waiting;
    this.#waiting = [];
    const written = this.#tryWrite(group);
    const isToSync = written && group.some(({ synced }) => synced);
    const onDisk = isToSync ? this.#trySync() : undefined;
    for (const { synced, settle } of group) {
      if (synced && onDisk) void onDisk.then(settle);
      else settle(written);
    }
  }

  /** A write that failed withholds the answers of all of its group, also of its whole lines. */
  #tryWrite(group: readonly Waiting[]): boolean {
    try {
      this.#prepare();
      const time = `"time":"${this.#time()}",`;
      for (const event of this.#events) this.#chain.add(time + this.#own(event));
      for (const { lines } of group) for (const line of lines) this.#chain.add(time + line);
      const { bytes } = this.#chain;
      this.target.write(bytes);
      this.#chain.settle(bytes.length);
      this.#succeed();
      return true;
    } catch (error) {
      this.#chain.settle(error instanceof TornWrite ? error.written : 0);
      this.#fail(error, group.reduce((sum, { requests }) => sum + requests, 0));
      return false;
    }
  }

  #prepare(): void {
    if (this.#failed) return this.#resume();
    // What closes a torn line belongs in that line's file.
    const isClosing = this.#events.length > 0 || this.#chain.bytes.length > 0;
    if (!isClosing && this.target.isFull(this.limits)) this.#rotate();
  }

  /** Goes on after a failure: what was found in the file is said in the line that closes it. */
  #resume(): void {
    const found = this.target.resume();
    const missing = this.head.seq - found.head.seq;
    this.#events = this.#events.filter(({ event }) => event !== "recovered");
    this.#events.unshift({
      event: "recovered",
      torn: found.torn.length > 0 ? this.#torn(found) : undefined,
      missing: missing > 0 ? missing : undefined,
      refused: this.#refused || undefined,
    });
    if (found.unended) this.#chain.breakLine();
  }

  #torn({ torn, unended }: Found) {
    const bytes: Bytes = unended ? concat(torn, new Uint8Array([0x0a])) : torn;
    return { bytes: bytes.length, sha256: this.#sha256(bytes).toHex() };
  }

  /** A log that cannot be rotated goes on in its file: no line is lost for that. */
  #rotate(): void {
    try {
      const first = this.target.rotate(this.head.seq, this.limits);
      this.#events.push({ event: "rotated", first });
      this.#rotationFailed = false;
    } catch (error) {
      if (!this.#rotationFailed) this.#complain(`the audit log is not rotated: ${reason(error)}`);
      this.#rotationFailed = true;
    }
  }

  #succeed(): void {
    if (this.#failed) this.#complain(`the audit log is written again; refused: ${this.#refused}`);
    this.#failed = false;
    this.#refused = 0;
    const first = this.#events.findLast((one) => one.event === "rotated")?.first;
    this.#events = [];
    if (first === undefined) return;
    this.#surplus = { line: this.head.seq, first };
    this.onSurplus();
  }

  #fail(error: unknown, requests: number): void {
    if (!this.#failed) this.#complain(`the audit log is not written: ${reason(error)}`);
    this.#failed = true;
    this.#refused += requests;
  }

  async #trySync(): Promise<boolean> {
    try {
      await this.target.sync();
      return true;
    } catch (error) {
      // What is in the file may not be on the disk: the line that closes this says so.
      this.#fail(error, 0);
      return false;
    }
  }

  /** The time as text. Only its milliseconds are made anew each time. */
  #time(): string {
    const now = this.#now();
    const second = Math.floor(now / 1000);
    if (second !== this.#second.at) {
      this.#second = { at: second, text: new Date(second * 1000).toISOString().slice(0, -4) };
    }
    return `${this.#second.text}${String(now % 1000).padStart(3, "0")}Z`;
  }
}

/** The beginning of a line, without its opening brace. */
function describeCaller(who: Identity): string {
  const caller = isNetworkCaller(who)
    ? { certificate: who.names[0], fingerprint: who.names.at(-1), address: who.address }
    : describeLocal(who);
  return `${JSON.stringify(caller).slice(1, -1)},`;
}

function describeLocal({ pid, uid, gid, groups }: LocalCaller) {
  const others = groups.length - MAX_GROUPS;
  return {
    pid,
    uid,
    gid,
    groups: groups.slice(0, MAX_GROUPS),
    moreGroups: others > 0 ? others : undefined,
  };
}

/** What went wrong, in the system's words. */
function reason(error: unknown): string {
  const { cause } = error as Error;
  if (error instanceof CryptoError || cause === undefined) return (error as Error).message;
  return cause instanceof Error ? cause.message : String(cause);
}
