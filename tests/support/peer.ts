/** A peer of the daemon that speaks bytes, so that tests can also say what no client would. */
import { PATIENCE, soon } from "./wait.ts";

/** An answer, or what the daemon says unasked, as it is on the wire. */
export interface WireAnswer {
  readonly jsonrpc?: string;
  readonly id: string | number | null;
  readonly result?: Record<string, unknown>;
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data: { readonly code: string; readonly subject?: string; readonly hint: string };
  };
}

/** The text of a request. */
export function request(id: string | number, method: string, params?: object): string {
  return JSON.stringify({ jsonrpc: "2.0", id, method, params });
}

/** The error code of an answer; throws if it has none. */
export function codeOf(answer: WireAnswer | undefined): string {
  if (answer?.error) return answer.error.data.code;
  throw new Error(`no error: ${JSON.stringify(answer)}`);
}

/** The result of an answer; throws if it has none. */
export function resultOf(answer: WireAnswer | undefined): Record<string, unknown> {
  if (answer?.result) return answer.result;
  throw new Error(`no result: ${JSON.stringify(answer)}`);
}

const LINE_FEED = 0x0a;

/** One connection. */
export class Peer implements Disposable {
  #pieces: Uint8Array[] = [];
  #closed = false;

  /** Over a connection that is open, which it closes. */
  constructor(readonly connection: Deno.UnixConn | Deno.TlsConn) {}

  static async connect(socket: string): Promise<Peer> {
    return new Peer(await Deno.connect({ transport: "unix", path: socket }));
  }

  /** Sends a text or bytes as they are. */
  async send(data: string | Uint8Array): Promise<void> {
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    for (let done = 0; done < bytes.length;) {
      done += await this.connection.write(bytes.subarray(done));
    }
  }

  /** Sends a line. */
  async sendLine(line: string): Promise<void> {
    await this.send(line + "\n");
  }

  /** Says that nothing more will be sent. */
  async closeWrite(): Promise<void> {
    await this.connection.closeWrite();
  }

  /** The next line; undefined when the daemon has hung up. Half a line at the end is an error. */
  async line(patience: number = PATIENCE): Promise<string | undefined> {
    return await soon("a line of the daemon", this.#line(), patience);
  }

  async #line(): Promise<string | undefined> {
    for (;;) {
      const line = this.#takeLine();
      if (line !== undefined) return line;
      const piece = await this.#read();
      if (piece === undefined) return this.#ended();
      this.#pieces.push(piece);
    }
  }

  #takeLine(): string | undefined {
    const last = this.#pieces.at(-1);
    if (!last?.includes(LINE_FEED)) return undefined;
    const all = join(this.#pieces);
    const end = all.indexOf(LINE_FEED);
    const rest = all.subarray(end + 1);
    this.#pieces = rest.length > 0 ? [rest] : [];
    return new TextDecoder().decode(all.subarray(0, end));
  }

  #ended(): undefined {
    if (this.#pieces.length > 0) throw new Error("the daemon hung up in the middle of a line");
  }

  async #read(): Promise<Uint8Array | undefined> {
    const buffer = new Uint8Array(65_536);
    try {
      const length = await this.connection.read(buffer);
      return length === null ? undefined : buffer.subarray(0, length);
    } catch (error) {
      if (error instanceof Deno.errors.ConnectionReset) return undefined;
      throw error;
    }
  }

  /** The next line as an answer. */
  async answer(patience?: number): Promise<WireAnswer> {
    const line = await this.line(patience);
    if (line === undefined) throw new Error("the daemon hung up");
    return JSON.parse(line) as WireAnswer;
  }

  /** All lines up to the end. */
  async rest(): Promise<string[]> {
    const lines: string[] = [];
    for (let line; (line = await this.line()) !== undefined;) lines.push(line);
    return lines;
  }

  close(): void {
    if (!this.#closed) this.connection.close();
    this.#closed = true;
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}

/** Sends one line (an object as JSON) on a connection of its own, and gives the line it gets. */
export async function ask(socket: string, line: string | object): Promise<string> {
  using peer = await Peer.connect(socket);
  await peer.sendLine(typeof line === "string" ? line : JSON.stringify(line));
  const answer = await peer.line();
  if (answer === undefined) throw new Error("the daemon hung up");
  return answer;
}

/** Calls a method on a connection of its own. */
export async function rpc(
  socket: string,
  method: string,
  params: object = {},
): Promise<WireAnswer> {
  return JSON.parse(await ask(socket, request(1, method, params))) as WireAnswer;
}
