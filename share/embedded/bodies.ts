/** Large bodies: one file each, under a random name, in a directory of the store's. */
import { type Bytes, randomBytes } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";
import { diskFailure } from "./disk.ts";

const NAME_BYTES = 16;
/** A body that is being written. */
export class BodyWriter implements Disposable {
  #hasFailed = false;

  constructor(private readonly file: Deno.FsFile) {}

  /** Whether the disk did not take or confirm something: asked again it may say that all is well. */
  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  /** Writes all of the bytes. @throws {CryptoError} `share_full`, `io` */
  async write(bytes: Bytes): Promise<void> {
    await this.#asking(async () => {
      for (let done = 0; done < bytes.length;) done += await this.file.write(bytes.subarray(done));
    });
  }

  /** Puts what was written on the disk. @throws {CryptoError} `share_full`, `io` */
  async sync(): Promise<void> {
    await this.#asking(() => this.file.syncData());
  }

  async #asking(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (cause) {
      this.#hasFailed = true;
      throw diskFailure(cause);
    }
  }

  /** Removes what is behind `length`, unless others are writing it, too: then the last one does. */
  cut(length: () => number): void {
    if (this.file.tryLockSync(true)) this.file.truncateSync(length());
  }

  [Symbol.dispose](): void {
    this.file.close();
  }
}

/** The files of a store's large bodies. Their names are its own: no caller ever gives one. */
export class Bodies {
  /** @throws {CryptoError} `io` if there can be no such directory */
  constructor(private readonly directory: string) {
    try {
      Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw new CryptoError("io", { subject: directory, cause });
    }
  }

  newName(): string {
    return randomBytes(NAME_BYTES).toHex();
  }

  #path(name: string): string {
    return `${this.directory}/${name}`;
  }

  /** Opens a body for writing from `offset` on, where others may write, too. */
  async writer(name: string, offset: number): Promise<BodyWriter> {
    const options = { write: true, create: true, mode: 0o600 };
    const file = await Deno.open(this.#path(name), options);
    await file.lock(false);
    if (await file.seek(offset, Deno.SeekMode.Start) === offset) return new BodyWriter(file);
    file.close();
    throw new CryptoError("io", { subject: this.directory });
  }

  /** A body's bytes from `offset` on, read as they are asked for. */
  async read(name: string, offset: number): Promise<ReadableStream<Bytes>> {
    const file = await Deno.open(this.#path(name), { read: true });
    await file.seek(offset, Deno.SeekMode.Start);
    return file.readable;
  }

  /** Removes a body, if it is there. */
  remove(name: string): void {
    try {
      Deno.removeSync(this.#path(name));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  names(): string[] {
    return Array.from(Deno.readDirSync(this.directory), ({ name }) => name);
  }
}
