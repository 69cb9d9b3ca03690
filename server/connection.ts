/** One connection: lines in, decisions logged, answers out, within the limits. */
import { after, type Awaitable } from "../core/awaitable.ts";
import { type Bytes, utf8 } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import {
  type BadCall,
  type Call,
  errorLine,
  type Incoming,
  readRequestLine,
} from "../core/calls.ts";
import { LineReader } from "../core/lines.ts";
import { MAX_LINE } from "../core/rpc.ts";
import {
  type Answered,
  asSingle,
  type CallOutcome,
  isNone,
  NO_REQUEST,
  outcomeLine,
  refusal,
  requestCount,
  together,
  withheld,
} from "./answers.ts";
import type { Receiver, Transport } from "./channel.ts";
import { type Account, accountOf, type Identity } from "./identity.ts";
import { handleLegacy, MAX_LEGACY } from "./legacy.ts";
import type { Admission } from "./limits.ts";
import type { Decision, DecisionLog } from "./audit/log.ts";
import type { Metrics } from "./metrics.ts";
import { failure } from "./outcome.ts";
import type { Service } from "./service.ts";
import type { Share, Turns } from "./turns.ts";

/** A line that came. */
interface Line {
  readonly incoming: Incoming;
  /** Its length. */
  readonly bytes: number;
}

/** A line with what was decided about it. */
interface Done extends Line, Answered {}

/** How lines came. */
interface Arrival {
  /** Whether there was room for them. */
  readonly admitted: boolean;
  /** When, in milliseconds of the clock that only goes on. */
  readonly came: number;
}

/** What all connections share. */
export interface ConnectionParts {
  readonly service: Service;
  readonly log: DecisionLog;
  readonly metrics: Metrics;
  readonly admission: Admission;
  readonly turns: Turns;
  /** Called once, when nothing of the connection is left. */
  readonly closed: (connection: Connection) => void;
}

/**
 * The most bytes that are written at once. While more than these wait for the peer, nothing is
 * read or written: so few that a peer which takes them slowly is seen to take them.
 */
const MAX_PIECE = 65_536;
/** Nothing is read either while this many bytes of the peer's lines wait for their answers. */
const MAX_QUEUED = 65_536;
const encoder = new TextEncoder();
/** Of all connections: a transport keeps a copy of what cannot be sent at once. */
const piece: Bytes = new Uint8Array(MAX_PIECE);
const LEGACY_START = utf8('{"command"');
const CLOSING_BRACE = 0x7d;

/** A peer whose identity is known and admitted. */
export class Connection implements Receiver {
  readonly #lines = new LineReader(MAX_LINE);
  readonly #share: Share;
  /** Requests are handled one after another, in the order in which they came. */
  readonly #tasks: (() => Promise<void>)[] = [];
  /** Until there is none. */
  #working: Promise<void> | undefined;
  #unanswered = 0;
  /** Bytes of lines that wait for their answers, and what of all that is held is accounted for. */
  #queued = 0;
  #held = 0;
  /** Whether what comes is still read; once not, nothing more of it is done. */
  #reading = true;
  #ending = false;
  #closed = false;
  #lastActivity = performance.now();
  #lineStarted = 0;
  /** What the peer had taken when last looked at, and when that last was more than before. */
  #taken = 0;
  #lastTaken = performance.now();
  readonly #account: Account;
  /** Whether nothing of what waits is done any more. */
  #cut = false;

  constructor(
    readonly who: Identity,
    private readonly transport: Transport,
    private readonly parts: ConnectionParts,
  ) {
    this.#account = accountOf(who);
    this.#share = parts.turns.join(this.#account);
    transport.tell(this);
  }

  get willing(): boolean {
    return this.#share.mayRead;
  }

  /** Cuts the connection off if it has used up one of its times. `now` as `performance` has it. */
  checkTimes(now: number): void {
    const { idle, line, write } = this.parts.admission.limits;
    if (this.#stalledSince(now) > write) {
      this.destroy();
    } else if (this.#ending || this.#unanswered > 0) {
      // While requests wait, nothing is read: the peer may have sent all that is missing here.
      return;
    } else if (this.#lines.waiting > 0 && now - this.#lineStarted > line) {
      this.#end(new CryptoError("line_timeout"));
    } else if (now - this.#lastActivity > idle) {
      this.#end(new CryptoError("idle_timeout"));
    }
  }

  /** For how long the peer has taken nothing of what waits for it, in milliseconds. */
  #stalledSince(now: number): number {
    const { waiting, taken } = this.transport;
    if (waiting === 0 || taken > this.#taken) this.#lastTaken = now;
    this.#taken = taken;
    return now - this.#lastTaken;
  }

  /** Answers what has come, says why, and hangs up. Settles when nothing is left to do. */
  async stop(): Promise<void> {
    this.#end(new CryptoError("stopping"));
    await this.#working;
  }

  /** Hangs up at once. */
  destroy(): void {
    this.transport.destroy();
  }

  /** Says why and hangs up: what has not been done by now is not. For who may no longer ask. */
  async cut(error: CryptoError): Promise<void> {
    this.#reading = false;
    this.#cut = true;
    await this.#finish(error);
  }

  data(bytes: Bytes): void {
    if (!this.#reading) return;
    const now = this.#lastActivity = performance.now();
    const begun = this.#lines.waiting > 0;
    const lines: Line[] = [];
    this.#share.received(bytes.length);
    try {
      this.#lines.take(bytes, (line) => lines.push(readLine(line)));
      if (lines.length === 0) lines.push(...this.#unendedLegacy());
      this.#accept(lines);
    } catch (error) {
      this.#accept(lines);
      this.#end(error as CryptoError);
    }
    if (!this.#accountFor()) this.#end(new CryptoError("too_many_requests"));
    if (lines.length > 0 || !begun) this.#lineStarted = now;
  }

  /** A request of the older protocol, whose clients wait for the answer without ending the line. */
  #unendedLegacy(): Line[] {
    if (this.#lines.waiting > MAX_LEGACY) return [];
    const line = this.#lines.peek();
    if (line.at(-1) !== CLOSING_BRACE || !startsLegacy(line)) return [];
    const legacy = readLine(line);
    if (legacy.incoming.kind !== "legacy") return [];
    this.#lines.rest();
    return [legacy];
  }

  /** The peer sends no more. A last line needs no line break. */
  end(): void {
    if (!this.#reading) return;
    this.#lastActivity = performance.now();
    if (this.#lines.waiting > 0) this.#accept([readLine(this.#lines.rest())]);
    this.#end();
  }

  #accept(lines: readonly Line[]): void {
    if (lines.length === 0) return;
    for (const line of lines) this.#share.read(requestCount(line.incoming), line.bytes);
    const { count, bytes } = sizeOf(lines);
    const admitted = this.parts.admission.begin(this.#account, count);
    if (admitted) this.#unanswered += count;
    this.#queued += bytes;
    if (this.#queued >= MAX_QUEUED) this.transport.pause();
    const came = this.#lastActivity;
    this.#later(() => this.#answer(lines, { admitted, came }));
  }

  /** Gives back what lines took, which are answered or will not be. */
  #answered(lines: readonly Line[], { admitted }: Arrival): void {
    const { count, bytes } = sizeOf(lines);
    // If the peer has gone, none is left: `closed` has given them back.
    const left = admitted ? Math.min(count, this.#unanswered) : 0;
    this.#unanswered -= left;
    this.parts.admission.answered(this.#account, left);
    this.#queued -= bytes;
    this.#accountFor();
    this.#lastActivity = this.#lineStarted = performance.now();
    if (this.transport.paused && this.#queued < MAX_QUEUED) this.transport.resume();
  }

  /** Accounts for what is held, unless it is little. False if it is too much for this user. */
  #accountFor(): boolean {
    const all = this.#queued + this.#lines.waiting;
    const held = all > MAX_QUEUED && !this.#closed ? all : 0;
    if (held > this.#held && !this.parts.admission.hold(this.#account, held - this.#held)) {
      return false;
    }
    if (held < this.#held) this.parts.admission.release(this.#account, this.#held - held);
    this.#held = held;
    return true;
  }

  /** Does a piece of work when those before it are done. */
  #later(task: () => Promise<void>): void {
    this.#tasks.push(task);
    this.#working ??= this.#work();
  }

  async #work(): Promise<void> {
    try {
      // What others sent in the same turn is read first: the loop says why.
      await undefined;
      for (let task; (task = this.#tasks.shift());) await task();
    } catch {
      this.#tasks.length = 0;
      this.destroy();
    }
    this.#working = undefined;
  }

  /** What was done in a turn is logged and answered in it, whatever waits for the next one. */
  async #answer(lines: readonly Line[], arrival: Arrival): Promise<void> {
    let done: Done[] = [];
    for (const line of lines) {
      const { incoming } = line;
      // A batch asks for each of its requests.
      const turn = incoming.kind === "batch" ? undefined : this.#share.take(line.bytes);
      if (turn) {
        await this.#logAndSend(done, arrival);
        done = [];
        await turn;
      }
      if (this.#cut) {
        this.#answered(lines.slice(lines.indexOf(line)), arrival);
        break;
      }
      const answered = arrival.admitted
        ? await this.#handle(line)
        : refusal(incoming, "too_many_requests");
      done.push({ ...line, ...answered });
    }
    await this.#logAndSend(done, arrival);
  }

  async #logAndSend(done: readonly Done[], arrival: Arrival): Promise<void> {
    if (done.length === 0) return;
    const logged = await this.#log(done);
    let answers = "";
    for (const { incoming, answer } of done) {
      answers += (logged ? answer : withheld(incoming).answer) + "\n";
    }
    const seconds = (performance.now() - arrival.came) / 1_000;
    this.parts.metrics.answered(seconds, sizeOf(done).count);
    const sent = this.#send(answers);
    if (sent) await sent;
    this.#answered(done, arrival);
  }

  /** Whether the log has all of it. */
  #log(done: readonly Done[]): Promise<boolean> {
    const decisions: Decision[] = [];
    const told: Promise<boolean>[] = [];
    for (const one of done) {
      decisions.push(...one.decisions);
      if (one.told) told.push(...one.told);
    }
    const written = this.parts.log.write(this.who, decisions);
    return told.length === 0 ? written : allOf([...told, written]);
  }

  async #handle({ incoming, bytes }: Line): Promise<Answered> {
    switch (incoming.kind) {
      case "single":
        return asSingle(await this.#call(incoming.call));
      case "batch":
        return await this.#batch(incoming.calls, bytes / incoming.calls.length);
      case "legacy": {
        const handle = (call: Call) => this.parts.service.handle(this.who, call);
        const { outcome, line } = await handleLegacy(handle, incoming.command, incoming.payload);
        return { answer: line, decisions: [outcome.decision] };
      }
    }
  }

  /** Does one after the other; what a turn has room for is written to the log together. */
  async #batch(calls: readonly (Call | BadCall)[], bytesEach: number): Promise<Answered> {
    const lines: string[] = [];
    const told: Promise<boolean>[] = [];
    let decisions: Decision[] = [];
    const none: Decision[] = [];
    for (const call of calls) {
      const turn = this.#share.take(bytesEach);
      if (turn) {
        if (decisions.length > 0) told.push(this.parts.log.write(this.who, decisions));
        decisions = [];
        await turn;
      }
      if (this.#cut) break;
      const one = await this.#call(call);
      lines.push(outcomeLine(one));
      (isNone(one.outcome.decision) ? none : decisions).push(one.outcome.decision);
    }
    return { answer: `[${lines.join(",")}]`, decisions: [...decisions, ...together(none)], told };
  }

  async #call(call: Call | BadCall): Promise<CallOutcome> {
    const outcome = "error" in call
      ? failure(NO_REQUEST, call.error)
      : await this.parts.service.handle(this.who, call);
    return { id: call.id, outcome };
  }

  /** Settles when the peer has taken so much that it can be sent more. */
  #send(lines: string): Awaitable<void> {
    const { read, written } = encoder.encodeInto(lines, piece);
    this.transport.send(piece.subarray(0, written));
    const taken = this.transport.waiting > MAX_PIECE ? this.transport.sent() : undefined;
    if (read === lines.length) return taken;
    return after(taken, () => this.#send(lines.slice(read)));
  }

  /** Answers what has come, then says why and hangs up. What still comes is thrown away. */
  #end(error?: CryptoError): void {
    this.#reading = false;
    this.#later(() => this.#finish(error));
  }

  /** The end of a connection. What the kernel has taken for the peer, it can still read. */
  async #finish(error?: CryptoError): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    if (error && await this.parts.log.write(this.who, [{ op: "connection", error: error.code }])) {
      this.transport.send(utf8(errorLine(null, error) + "\n"));
    }
    this.transport.end();
  }

  closed(): void {
    this.#ending = true;
    this.parts.admission.answered(this.#account, this.#unanswered);
    this.#unanswered = 0;
    this.#closed = true;
    this.#accountFor();
    this.parts.turns.leave(this.#account);
    this.parts.closed(this);
  }
}

/** How many requests lines hold, and bytes. */
function sizeOf(lines: readonly Line[]): { count: number; bytes: number } {
  let [count, bytes] = [0, 0];
  for (const line of lines) {
    count += requestCount(line.incoming);
    bytes += line.bytes;
  }
  return { count, bytes };
}

/** Whether all of it was written. */
async function allOf(written: readonly Promise<boolean>[]): Promise<boolean> {
  return (await Promise.all(written)).every(Boolean);
}

function readLine(line: Uint8Array): Line {
  return { incoming: readRequestLine(line), bytes: line.length };
}

function startsLegacy(line: Uint8Array): boolean {
  return LEGACY_START.every((byte, i) => line[i] === byte);
}
