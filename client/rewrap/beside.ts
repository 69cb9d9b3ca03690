/**
 * What is beside a file that is being rewrapped, under names that follow from the file's: a journal
 * of the bytes that are about to change, which is the lock as well, and the whole new file on its
 * way to the name. The next run finds what a killed one has left.
 */
import { toBase64Url } from "../../core/base64.ts";
import { type Bytes, utf8 } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";
import { parent } from "../../core/layout.ts";
import { removeIfThere, syncDirectory } from "../../platform/durable.ts";
import { Errno, SystemError } from "../../platform/libc.ts";
import type { Attributes, RegularFile, RegularFiles } from "../../platform/regular.ts";
import type { Target } from "./target.ts";

const PREFIX = ".crypto-rewrap.";
/** Characters of the hash in its name: 132 bits. */
const HASH_LENGTH = 22;
const OTHERS_WRITE = 0o022;
/** Milliseconds in which another run may end what it does to the file, and between two looks. */
const PATIENCE = 5_000;
const PAUSE = 20;

/** Whether a name is that of such a file. */
export function isBesideName(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** The paths beside a path. */
export interface BesidePaths {
  readonly journal: string;
  /** The whole new file. */
  readonly anew: string;
}

/** They are never too long: they are not made of the name, but of its hash. */
export async function besidePaths(path: string): Promise<BesidePaths> {
  const name = path.slice(path.lastIndexOf("/") + 1);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(name)));
  const journal = `${parent(path)}/${PREFIX}${toBase64Url(hash).slice(0, HASH_LENGTH)}`;
  return { journal, anew: `${journal}.new` };
}

/** Who works on which file, and with what. */
export interface BesideOptions {
  readonly files: RegularFiles;
  readonly uid: number;
}

/** The journal, opened and locked; empty, or what a killed run has left. */
export class Beside implements Disposable {
  #isNeeded: boolean;

  private constructor(
    private readonly paths: BesidePaths,
    private readonly journal: RegularFile,
    private readonly files: RegularFiles,
  ) {
    this.#isNeeded = journal.attributes().size > 0;
  }

  /**
   * Waits a while for another run to end.
   * @throws {CryptoError} `already_running`, `unsafe_path`
   */
  static async open(path: string, { files, uid }: BesideOptions): Promise<Beside> {
    const paths = await besidePaths(path);
    const started = performance.now();
    for (;;) {
      const journal = files.create(paths.journal) ?? openOld(paths.journal, files, uid);
      // Whoever had the lock before may have removed what this is.
      if (journal?.tryLock() && isNamed(paths.journal, journal, files)) {
        return new Beside(paths, journal, files);
      }
      journal?.close();
      if (performance.now() - started > PATIENCE) {
        const hint = "another `crypto rewrap` is at work on it: wait for its end";
        throw new CryptoError("already_running", { subject: path, hint });
      }
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }

  /** What is in the journal. */
  read(limit: number): Bytes {
    const buffer = new Uint8Array(limit);
    return buffer.subarray(0, this.journal.readAt(buffer, 0));
  }

  /** Writes all of the journal, and waits until it and its name are on the disk. */
  async write(bytes: Bytes): Promise<void> {
    this.#isNeeded = true;
    this.journal.truncate();
    await this.journal.write(bytes, 0);
    await this.journal.sync();
    syncDirectory(parent(this.paths.journal));
  }

  /** The file is as the journal would have it, or is not to become so: nobody needs it any more. */
  settle(): void {
    this.#isNeeded = false;
  }

  /** Makes the whole new file. */
  createAnew(): RegularFile {
    const anew = this.files.create(this.paths.anew);
    if (anew) return anew;
    const hint = "somebody else makes files of this name: find out who, and remove it";
    throw new CryptoError("unsafe_path", { subject: this.paths.anew, hint });
  }

  /**
   * Gives the new file the name of the one that it replaces, if that is the one that was meant: the
   * two swap their names, and back where it is another. Without that, on a file system that cannot,
   * what takes the name in the last microseconds is lost.
   * @throws {CryptoError} `file_changed`
   */
  take(anew: RegularFile, target: Target): void {
    const { paths: { anew: path }, files } = this;
    if (!isNamed(path, anew, files)) throw new CryptoError("file_changed", { subject: path });
    if (files.exchange(path, target.path)) this.#requireTaken(anew, target);
    else Deno.renameSync(path, target.path);
    syncDirectory(parent(path));
    this.removeAnew();
  }

  /** What has the new file's name now is to be what was looked at. */
  #requireTaken(anew: RegularFile, target: Target): void {
    const { paths: { anew: path }, files } = this;
    if (target.isSameAt(path)) return;
    files.exchange(path, target.path);
    if (!isNamed(path, anew, files)) {
      // Yet another one took the name since: it is that one's again, as if nobody had looked.
      files.exchange(path, target.path);
      this.removeAnew();
    }
    throw new CryptoError("file_changed", { subject: target.path });
  }

  /** Removes a new file that is of no use; not another that would have its name by mistake. */
  discard(anew: RegularFile): void {
    if (isNamed(this.paths.anew, anew, this.files)) this.removeAnew();
  }

  /** What a killed run has left of a new file is not looked at: the old one is there. */
  removeAnew(): void {
    removeIfThere(this.paths.anew);
  }

  /** Removes the journal, unless the next run needs it. */
  [Symbol.dispose](): void {
    try {
      if (!this.#isNeeded) removeIfThere(this.paths.journal);
    } finally {
      this.journal.close();
    }
  }
}

/**
 * What has the name, if it can only be of the same user's making: what is in it says what is written
 * into the file. Undefined if it is gone.
 */
function openOld(path: string, files: RegularFiles, uid: number): RegularFile | undefined {
  const found = files.look(path);
  if (!found) return undefined;
  requireOwn(path, found, uid);
  const file = openIfThere(path, files);
  if (!file) return undefined;
  try {
    requireOwn(path, file.attributes(), uid);
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

function openIfThere(path: string, files: RegularFiles): RegularFile | undefined {
  try {
    return files.open(path, "change");
  } catch (error) {
    if (error instanceof SystemError && error.errno === Errno.ENOENT) return undefined;
    throw error;
  }
}

function requireOwn(path: string, found: Attributes, uid: number): void {
  const { isRegular, names, mode } = found;
  // One that was removed meanwhile has no name, and is found out by that.
  if (isRegular && found.uid === uid && names <= 1 && (mode & OTHERS_WRITE) === 0) return;
  const hint = found.uid === uid
    ? "others could have written what it says: remove it"
    : `it belongs to user ${found.uid}: if a \`crypto rewrap\` of theirs was killed, they run it ` +
      "again; else remove it";
  throw new CryptoError("unsafe_path", { subject: path, hint });
}

/** Whether the name leads to the file that was opened. */
function isNamed(path: string, file: RegularFile, files: RegularFiles): boolean {
  return files.look(path)?.id === file.attributes().id;
}
