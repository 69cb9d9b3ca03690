/**
 * The file that is being rewrapped, opened once and under the lock: what was looked at is what is
 * changed, and only if it still has the name.
 */
import type { Bytes } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";
import { Errno, SystemError } from "../../platform/libc.ts";
import type { Attributes, RegularFile, RegularFiles, Time } from "../../platform/regular.ts";
import type { StreamSource } from "../stream.ts";

/** A file, and what it was when it was opened. */
export class Target implements Disposable {
  /** To be kept. */
  readonly attributes: Attributes;
  /** When bytes or attributes were last changed, by this run as well. */
  #changed: Time;

  private constructor(
    readonly path: string,
    readonly file: RegularFile,
    private readonly files: RegularFiles,
  ) {
    this.attributes = file.attributes();
    this.#changed = this.attributes.changed;
  }

  static open(path: string, files: RegularFiles, access: "read" | "change"): Target {
    return new Target(path, files.open(path, access), files);
  }

  /** All of it, from the first byte on. */
  source(): StreamSource {
    let offset = 0;
    const read = async (buffer: Bytes) => {
      const length = await this.file.read(buffer, offset);
      offset += length;
      return length > 0 ? length : null;
    };
    return { read, cancel: () => Promise.resolve() };
  }

  /**
   * Refuses what could not be given its times again, before anything is changed: they are set to
   * what they are, which only its owner may do.
   * @throws {CryptoError} `io`; `file_changed` if they are others by now, which would be undone
   */
  requireOwnership(): void {
    this.requireSame();
    const { uid } = this.attributes;
    try {
      this.file.setTimes(this.attributes);
    } catch (cause) {
      if (!(cause instanceof SystemError && cause.errno === Errno.EPERM)) throw cause;
      const hint = `it belongs to user ${uid}, and only they could keep its times: it was left ` +
        "alone; run this as that user";
      throw new CryptoError("io", { subject: this.path, hint, cause });
    }
    this.#changed = this.file.attributes().changed;
  }

  /** Refuses a file that has another name, or other bytes, than when it was opened. */
  requireSame(): void {
    if (this.isSameAt(this.path)) return;
    throw new CryptoError("file_changed", { subject: this.path });
  }

  /** Whether it has this name, and the bytes that it had. */
  isSameAt(path: string): boolean {
    const { size, modified } = this.attributes;
    const now = this.file.attributes();
    const isNamed = this.files.look(path)?.id === now.id;
    return isNamed && now.size === size && isEqual(now.modified, modified);
  }

  /** Refuses one whose attributes, too, are others. */
  requireUntouched(): void {
    this.requireSame();
    if (isEqual(this.file.attributes().changed, this.#changed)) return;
    throw new CryptoError("file_changed", { subject: this.path });
  }

  [Symbol.dispose](): void {
    this.file.close();
  }
}

function isEqual(one: Time, other: Time): boolean {
  return one[0] === other[0] && one[1] === other[1];
}
