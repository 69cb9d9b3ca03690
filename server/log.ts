/**
 * The access log: one line of JSON for each decision, written before the answer leaves. (Its
 * lines will be chained, so that editing shows; see DESIGN.md, section 6.)
 */
import { reusingUtf8, utf8 } from "../core/bytes.ts";
import { CryptoError, type ErrorCode } from "../core/errors.ts";
import type { Identity } from "./identity.ts";

/** What was decided about one request. Holds no plaintext, no context, no ciphertext. */
export interface Decision {
  /** The method, or `connect`. */
  readonly op: string;
  readonly key?: string | undefined;
  readonly version?: number | undefined;
  /** Bytes of plaintext. */
  readonly bytes?: number | undefined;
  /** Bytes that the client says its enveloped message has; nobody checks that. */
  readonly declaredBytes?: number | undefined;
  /** The unit that asks for a credential, as systemd says, and the credential's name. */
  readonly unit?: string | undefined;
  readonly credential?: string | undefined;
  /** How many requests of one line this is about, if not one. */
  readonly requests?: number | undefined;
  /** Absent if it was done. */
  readonly error?: ErrorCode | undefined;
}

/** Where decisions go before they are answered: `AccessLog`. */
export type DecisionLog = Pick<AccessLog, "write">;

/** Where lines go. `write` throws if not all of the bytes were taken. */
export interface LogFile {
  write(bytes: Uint8Array): void;
}

const BUFFER_LENGTH = 65_536;

/** What waits to be written, and whom to tell. */
interface Waiting {
  readonly lines: string;
  readonly settle: (written: boolean) => void;
}

/**
 * Writes decisions to a file. What comes in one turn of the event loop, from all connections, is
 * written at once: one system call then serves many answers.
 */
export class AccessLog {
  #waiting: Waiting[] = [];
  readonly #encode = reusingUtf8(BUFFER_LENGTH);
  #second = { at: 0, text: "" };

  constructor(
    private readonly file: LogFile,
    private readonly now: () => number = Date.now,
  ) {}

  /**
   * Writes the decisions about one identity's requests.
   * @returns whether they are in the file; if not, nothing of them may be answered
   */
  write(who: Identity | undefined, decisions: readonly Decision[]): Promise<boolean> {
    const caller = who ? `"pid":${who.pid},"uid":${who.uid},"gid":${who.gid},` : "";
    const start = `{"time":"${this.#time()}",${caller}`;
    let lines = "";
    for (const one of decisions) lines += `${start}${JSON.stringify(one).slice(1)}\n`;
    if (this.#waiting.length === 0) setImmediate(() => this.#flush());
    return new Promise((settle) => this.#waiting.push({ lines, settle }));
  }

  /** The time as text. Only its milliseconds are made anew each time. */
  #time(): string {
    const now = this.now();
    const second = Math.floor(now / 1000);
    if (second !== this.#second.at) {
      this.#second = { at: second, text: new Date(second * 1000).toISOString().slice(0, -4) };
    }
    return `${this.#second.text}${String(now % 1000).padStart(3, "0")}Z`;
  }

  #flush(): void {
    const group = this.#waiting;
    this.#waiting = [];
    const written = this.#tryWrite(group.map(({ lines }) => lines).join(""));
    for (const { settle } of group) settle(written);
  }

  #tryWrite(lines: string): boolean {
    try {
      this.file.write(this.#encode(lines));
      return true;
    } catch {
      return false;
    }
  }
}

/**
 * A file that is only added to. After a write that was cut short by a full disk, now or in an
 * earlier daemon's life, the next one starts a new line: none is glued to the torn one.
 */
export class AppendedFile implements LogFile {
  #file: Deno.FsFile;
  #torn: boolean;

  /** @throws {CryptoError} `io` if it can neither be opened nor made */
  constructor(private readonly path: string) {
    this.#file = openToAppend(path);
    this.#torn = endsTorn(this.#file);
  }

  write(bytes: Uint8Array): void {
    if (this.#torn) this.#writeAll(utf8("\n"));
    this.#writeAll(bytes);
  }

  /**
   * Goes on in the file that has the name now, which somebody may have given another. Every line
   * is in one of the two: this happens between two writes.
   * @throws {CryptoError} `io`; then the old one stays in use
   */
  reopen(): void {
    const file = openToAppend(this.path);
    this.#file.close();
    this.#file = file;
    this.#torn = endsTorn(file);
  }

  #writeAll(bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      done += this.#file.writeSync(bytes.subarray(done));
      this.#torn = true;
    }
    this.#torn = false;
  }
}

function openToAppend(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { read: true, append: true, create: true, mode: 0o600 });
  } catch (cause) {
    const hint = "the access log cannot be opened: check the directory's owner and free space";
    throw new CryptoError("io", { subject: path, hint, cause });
  }
}

function endsTorn(file: Deno.FsFile): boolean {
  if (file.statSync().size === 0) return false;
  const last = new Uint8Array(1);
  file.seekSync(-1, Deno.SeekMode.End);
  return file.readSync(last) === 1 && last[0] !== 0x0a;
}
