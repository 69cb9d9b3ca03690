/** Everything that a person sees or types. The one place that prints for people. */
import { fromUtf8, utf8 } from "../core/bytes.ts";
import { CryptoError, ERRORS } from "../core/errors.ts";
import { printable } from "../core/printable.ts";

const PROGRAM = "crypto";
const REDRAW_INTERVAL = 100;
const QUIET_TIME = 200;
const BAR_WIDTH = 24;
/** Ctrl-C, Ctrl-Z and Ctrl-\. */
const INTERRUPTS: readonly number[] = [0x03, 0x1a, 0x1c];
/** Signals by which others end a program. */
const ENDS = ["SIGTERM", "SIGHUP"] as const;
const CLEAR_LINE = "\r\x1b[K";

/** Prints a line on standard error. */
export function say(line: string): boolean {
  return writeError(`${PROGRAM}: ${line}\n`);
}

/** Writes on standard error, where somebody may read it. @returns whether all of it was written */
export function writeError(text: string): boolean {
  const bytes = new TextEncoder().encode(text);
  try {
    return Deno.stderr.writeSync(bytes) === bytes.length;
  } catch {
    // Nobody reads; the exit status still tells.
    return false;
  }
}

/** An error as people see it: what happened, to what, and what to do. */
export function describeError(error: CryptoError): string {
  const lines = [`${PROGRAM}: ${printable(error.message)}`, `  hint: ${printable(error.hint)}`];
  if (error.code === "internal") lines.push(...frames(error));
  return lines.join("\n");
}

/** Where a bug was, without the error's own words, which may quote what was read. */
function frames({ cause }: CryptoError): string[] {
  const stack = cause instanceof Error ? cause.stack ?? "" : String(cause ?? "");
  return stack.split("\n").filter((line) => /^\s+at /.test(line)).slice(0, 8);
}

/** The exit status of an error. */
export function exitStatus({ code }: CryptoError): number {
  return ERRORS[code].exit;
}

/** Bytes as people read them, in powers of 1000. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(bytes, 1)) / 3));
  const value = bytes / 1000 ** power;
  return `${power === 0 ? value : value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)} ${
    units[power]
  }`;
}

/** A bar on standard error for what takes long, if that is a terminal. */
export class Progress {
  readonly #started = performance.now();
  #drawn = 0;

  /**
   * @param total bytes, if known
   * @param enabled whether to draw at all
   * @param format says how much, of what is not bytes
   */
  constructor(
    private readonly name: string,
    private readonly total: number | undefined,
    private readonly enabled: boolean,
    private readonly format: (amount: number) => string = formatBytes,
  ) {}

  /** Draws how far it has come, if it is time to. */
  update(bytes: number): void {
    const now = performance.now();
    if (!this.enabled || now - this.#started < QUIET_TIME) return;
    if (now - this.#drawn < REDRAW_INTERVAL) return;
    this.#drawn = now;
    writeError(CLEAR_LINE + this.#line(bytes, (now - this.#started) / 1000));
  }

  /** Takes the bar away. */
  finish(): void {
    if (this.#drawn > 0) writeError(CLEAR_LINE);
  }

  #line(bytes: number, seconds: number): string {
    const speed = `${this.format(bytes / seconds)}/s`;
    if (!this.total) return `${printable(this.name)}  ${this.format(bytes)}  ${speed}`;
    const part = Math.min(1, bytes / this.total);
    const bar = "#".repeat(Math.round(part * BAR_WIDTH)).padEnd(BAR_WIDTH, "-");
    const left = `${Math.ceil(seconds / part - seconds)} s left`;
    const percent = `${Math.floor(part * 100)} %`.padStart(5);
    return `${printable(this.name)} [${bar}] ${percent}  ${speed}  ${left}`;
  }
}

/** The terminal that a person types at, whatever standard input is. */
export class Terminal {
  private constructor(private readonly tty: Deno.FsFile) {}

  /** Opens it, if there is one. */
  static open(this: void): Terminal | undefined {
    // There this would be a file that anybody may have made.
    if (Deno.build.os === "windows") return undefined;
    try {
      return new Terminal(Deno.openSync("/dev/tty", { read: true, write: true }));
    } catch {
      return undefined;
    }
  }

  /**
   * Asks for a line that is not shown. Ctrl-C is read as a key, and who is to end meanwhile answers
   * nothing: as signals they would end the program and leave a terminal that shows nothing.
   * @throws {CryptoError} `no_passphrase` for Ctrl-C and its kin
   */
  async askSecret(question: string): Promise<string> {
    this.tty.setRaw(true);
    const told = Promise.withResolvers<never>();
    const end = () => told.reject(noAnswer());
    for (const signal of ENDS) Deno.addSignalListener(signal, end);
    try {
      this.tty.writeSync(utf8(question));
      return await Promise.race([this.#readLine(), told.promise]);
    } finally {
      for (const signal of ENDS) Deno.removeSignalListener(signal, end);
      this.tty.setRaw(false);
      this.tty.writeSync(utf8("\n"));
    }
  }

  /** Asks for a line that is shown. */
  async ask(question: string): Promise<string> {
    this.tty.writeSync(utf8(question));
    return await this.#readLine();
  }

  async #readLine(): Promise<string> {
    const typed: number[] = [];
    const byte = new Uint8Array(1);
    while (await this.tty.read(byte) !== null) {
      const key = byte[0]!;
      if (key === 0x0a || key === 0x0d || key === 0x04) break;
      if (INTERRUPTS.includes(key)) throw noAnswer();
      if (key === 0x7f || key === 0x08) eraseLast(typed);
      else typed.push(key);
    }
    return fromUtf8(new Uint8Array(typed));
  }
}

function noAnswer(): CryptoError {
  return new CryptoError("no_passphrase", { hint: "none was given" });
}

/** Takes back the last character: its last byte, and before that the rest of its UTF-8. */
function eraseLast(typed: number[]): void {
  while (typed.length > 0) {
    if ((typed.pop()! & 0xc0) !== 0x80) return;
  }
}
