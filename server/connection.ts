/** One connection: lines in, decisions logged, answers out, within the limits. */
import { type Bytes, reusingUtf8, utf8 } from "../core/bytes.ts";
import { CryptoError } from "../core/errors.ts";
import {
  type BadCall,
  type Call,
  errorLine,
  type Incoming,
  readRequestLine,
  resultLine,
} from "../core/calls.ts";
import { MAX_LINE } from "../core/rpc.ts";
import type { Receiver, Transport } from "./channel.ts";
import { type Account, accountOf, type Identity } from "./identity.ts";
import { handleLegacy, MAX_LEGACY } from "./legacy.ts";
import type { Admission } from "./limits.ts";
import { LineReader } from "./lines.ts";
import type { AccessLog, Decision } from "./log.ts";
import { failure, type Outcome, type Service } from "./service.ts";

/** What all connections share. */
export interface ConnectionParts {
  readonly service: Service;
  readonly log: AccessLog;
  readonly admission: Admission;
  /** Called once, when nothing of the connection is left. */
  readonly closed: (connection: Connection) => void;
}

/** An answer, and what the log says before it may leave. */
interface Answered {
  readonly line: string;
  readonly decisions: readonly Decision[];
}

/**
 * The most bytes that are written at once. While more than these wait for the peer, nothing is
 * read or written: so few that a peer which takes them slowly is seen to take them.
 */
const MAX_PIECE = 65_536;
/** Nothing is read either while this many bytes of the peer's lines wait for their answers. */
const MAX_QUEUED = 65_536;
/** Of all connections: a transport keeps a copy of what cannot be sent at once. */
const encode = reusingUtf8(MAX_PIECE);
const LEGACY_START = utf8('{"command"');
const CLOSING_BRACE = 0x7d;
/** What the log calls something that is no request that could be acted upon. */
const NO_REQUEST = "unknown";

/** A peer whose identity is known and admitted. */
export class Connection implements Receiver {
  readonly #lines = new LineReader(MAX_LINE);
  /** Requests are handled one after another, in the order in which they came. */
  #work: Promise<void> = Promise.resolve();
  #unanswered = 0;
  /** Bytes of lines that wait for their answers, and what of all that is held is accounted for. */
  #queued = 0;
  #held = 0;
  /** Whether what comes is still read; once not, nothing more of it is done. */
  #reading = true;
  #ending = false;
  #closed = false;
  /** Whether nothing of what waits is done any more. */
  #cut = false;
  #lastActivity = Date.now();
  #lineStarted = 0;
  /** What the peer had taken when last looked at, and when that last was more than before. */
  #taken = 0;
  #lastTaken = Date.now();
  readonly #account: Account;

  constructor(
    readonly who: Identity,
    private readonly transport: Transport,
    private readonly parts: ConnectionParts,
  ) {
    this.#account = accountOf(who);
    transport.tell(this);
  }

  /** Cuts the connection off if it has used up one of its times. `now` in milliseconds. */
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
    await this.#work;
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
    const now = this.#lastActivity = Date.now();
    const begun = this.#lines.waiting > 0;
    const incoming: Incoming[] = [];
    try {
      this.#lines.take(bytes, (line) => incoming.push(readRequestLine(line)));
      if (incoming.length === 0) incoming.push(...this.#unendedLegacy());
      this.#accept(incoming, bytes.length);
    } catch (error) {
      this.#accept(incoming, bytes.length);
      this.#end(error as CryptoError);
    }
    if (!this.#accountFor()) this.#end(new CryptoError("too_many_requests"));
    if (incoming.length > 0 || !begun) this.#lineStarted = now;
  }

  /** A request of the older protocol, whose clients wait for the answer without ending the line. */
  #unendedLegacy(): Incoming[] {
    if (this.#lines.waiting > MAX_LEGACY) return [];
    const line = this.#lines.peek();
    if (line.at(-1) !== CLOSING_BRACE || !startsLegacy(line)) return [];
    const incoming = readRequestLine(line);
    if (incoming.kind !== "legacy") return [];
    this.#lines.rest();
    return [incoming];
  }

  /** The peer sends no more. A last line needs no line break. */
  end(): void {
    if (!this.#reading) return;
    const length = this.#lines.waiting;
    if (length > 0) this.#accept([readRequestLine(this.#lines.rest())], length);
    this.#end();
  }

  #accept(incoming: readonly Incoming[], bytes: number): void {
    if (incoming.length === 0) return;
    const count = incoming.reduce((sum, one) => sum + requestCount(one), 0);
    const admitted = this.parts.admission.begin(this.#account, count);
    if (admitted) this.#unanswered += count;
    this.#queued += bytes;
    if (this.#queued >= MAX_QUEUED) this.transport.pause();
    this.#later(async () => {
      if (this.#cut) return;
      await this.#answer(incoming, admitted);
      this.#answered(admitted ? count : 0, bytes);
    });
  }

  #answered(count: number, bytes: number): void {
    // If the peer has gone, none is left: `closed` has given them back.
    const left = Math.min(count, this.#unanswered);
    this.#unanswered -= left;
    this.parts.admission.answered(this.#account, left);
    this.#queued -= bytes;
    this.#accountFor();
    this.#lastActivity = this.#lineStarted = Date.now();
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

  #later(task: () => void | Promise<void>): void {
    this.#work = this.#work.then(task).catch(() => this.destroy());
  }

  async #answer(incoming: readonly Incoming[], admitted: boolean): Promise<void> {
    let lines = "";
    const decisions: Decision[] = [];
    for (const one of incoming) {
      const answer = admitted ? await this.#handle(one) : refusal(one, "too_many_requests");
      lines += answer.line + "\n";
      decisions.push(...answer.decisions);
    }
    const logged = await this.parts.log.write(this.who, decisions);
    await this.#send(logged ? lines : incoming.map((one) => withheld(one).line + "\n").join(""));
  }

  async #handle(incoming: Incoming): Promise<Answered> {
    switch (incoming.kind) {
      case "single":
        return asSingle(await this.#call(incoming.call));
      case "batch":
        return asBatch(await this.#calls(incoming.calls));
      case "legacy": {
        const handle = (call: Call) => this.parts.service.handle(this.who, call);
        const { outcome, line } = await handleLegacy(handle, incoming.command, incoming.payload);
        return { line, decisions: [outcome.decision] };
      }
    }
  }

  async #calls(calls: readonly (Call | BadCall)[]): Promise<CallOutcome[]> {
    const outcomes: CallOutcome[] = [];
    for (const call of calls) outcomes.push(await this.#call(call));
    return outcomes;
  }

  async #call(call: Call | BadCall): Promise<CallOutcome> {
    const outcome = "error" in call
      ? failure(NO_REQUEST, call.error)
      : await this.parts.service.handle(this.who, call);
    return { id: call.id, outcome };
  }

  /** Settles when the peer has taken so much that it can be sent more. */
  async #send(lines: string): Promise<void> {
    const bytes = encode(lines);
    for (let at = 0; at < bytes.length; at += MAX_PIECE) {
      this.transport.send(bytes.subarray(at, at + MAX_PIECE));
      if (this.transport.waiting > MAX_PIECE) await this.transport.sent();
    }
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
    if (error && await this.parts.log.write(this.who, [closing(error)])) {
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
    this.parts.closed(this);
  }
}

function closing({ code }: CryptoError): Decision {
  return { op: "connection", error: code };
}

interface CallOutcome {
  readonly id: Call["id"];
  readonly outcome: Outcome;
}

function startsLegacy(line: Uint8Array): boolean {
  return LEGACY_START.every((byte, i) => line[i] === byte);
}

function requestCount(incoming: Incoming): number {
  return incoming.kind === "batch" ? incoming.calls.length : 1;
}

function outcomeLine({ id, outcome }: CallOutcome): string {
  return outcome.error ? errorLine(id, outcome.error) : resultLine(id, outcome.result);
}

function asSingle(one: CallOutcome): Answered {
  return { line: outcomeLine(one), decisions: [one.outcome.decision] };
}

function asBatch(outcomes: readonly CallOutcome[]): Answered {
  return { line: `[${outcomes.map(outcomeLine).join(",")}]`, decisions: decisionsOf(outcomes) };
}

/** One for each request, but one for all that were none: there was nothing to decide. */
function decisionsOf(outcomes: readonly CallOutcome[]): Decision[] {
  const decisions = outcomes.map(({ outcome }) => outcome.decision);
  const meant = decisions.filter(({ op }) => op !== NO_REQUEST);
  const others = decisions.length - meant.length;
  const first = decisions.find(({ op }) => op === NO_REQUEST);
  return first && others > 1 ? [...meant, { ...first, requests: others }] : decisions;
}

/** The same refusal for each request of a line, without doing any of them. */
function refusal(incoming: Incoming, code: "too_many_requests" | "log_unavailable"): Answered {
  const { error, decision } = failure(NO_REQUEST, new CryptoError(code));
  const requests = requestCount(incoming);
  const decisions = [requests > 1 ? { ...decision, requests } : decision];
  switch (incoming.kind) {
    case "single":
      return { line: errorLine(incoming.call.id, error), decisions };
    case "batch":
      return { line: batchRefusal(incoming.calls, error), decisions };
    case "legacy":
      return { line: JSON.stringify({ status: "error", message: error.message }), decisions };
  }
}

/** What has no id is no request, and is not worth an answer of its own here. */
function batchRefusal(calls: readonly (Call | BadCall)[], error: CryptoError): string {
  const ids = calls.map(({ id }) => id).filter((id) => id !== null);
  if (ids.length === 0) return errorLine(null, error);
  return `[${ids.map((id) => errorLine(id, error)).join(",")}]`;
}

function withheld(incoming: Incoming): Answered {
  return refusal(incoming, "log_unavailable");
}
