/**
 * The access log: one line of JSON for each decision, written before the answer leaves. (Its
 * lines will be chained, so that editing shows; see DESIGN.md, section 6.)
 */
import { utf8 } from "../core/bytes.ts";
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
  /** Absent if it was done. */
  readonly error?: ErrorCode | undefined;
}

/** Where lines go. `write` throws if not all of the bytes were taken. */
export interface LogFile {
  write(bytes: Uint8Array): void;
}

/** Writes decisions to a file. */
export class AccessLog {
  constructor(
    private readonly file: LogFile,
    private readonly now: () => Date = () => new Date(),
  ) {}

  /**
   * Writes the decisions about one identity's requests, all at once.
   * @throws {CryptoError} `log_unavailable`: then nothing of them may be answered.
   */
  write(who: Identity | undefined, decisions: readonly Decision[]): void {
    const time = this.now().toISOString();
    const caller = who && { pid: who.pid, uid: who.uid, gid: who.gid };
    const lines = decisions.map((decision) => {
      return JSON.stringify({ time, ...caller, ...decision }) + "\n";
    });
    try {
      this.file.write(utf8(lines.join("")));
    } catch (cause) {
      throw new CryptoError("log_unavailable", { cause });
    }
  }
}

/**
 * A file that is only added to. After a write that was cut short by a full disk, the next one
 * starts a new line, so that no later line is glued to the torn one.
 */
export function openLogFile(path: string): LogFile {
  const file = Deno.openSync(path, { append: true, create: true, mode: 0o600 });
  let torn = false;
  const writeAll = (bytes: Uint8Array) => {
    for (let done = 0; done < bytes.length;) {
      done += file.writeSync(bytes.subarray(done));
      torn = true;
    }
    torn = false;
  };
  return {
    write(bytes) {
      if (torn) writeAll(utf8("\n"));
      writeAll(bytes);
    },
  };
}
