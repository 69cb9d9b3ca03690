/** Where a page puts what it opens: a text to be shown, files to be saved. */
import { type Bytes, fromUtf8 } from "../../../core/bytes.ts";
import { CryptoError } from "../../../core/errors.ts";
import type { Manifest, SharedFile } from "../../../core/share/manifest.ts";
import { numberedName, safeName } from "../../../core/share/names.ts";
import type { Output } from "../../client/download.ts";
import type { Opened, OpenedFile } from "./deeds.ts";

/** What is longer is not shown, but saved. Bytes. */
const MAX_SHOWN = 1_048_576;
/** A text that is saved. */
const TEXT_NAME = "text.txt";
/** No browser takes this for something to run or to show. */
const BYTES_TYPE = "application/octet-stream";

/** One file, as it is written. */
interface Sink {
  readonly name: string;
  /** Its bytes, where they are kept here. */
  readonly blob?: Blob | undefined;
  write(bytes: Bytes): Promise<void>;
  close(): Promise<void>;
  abort(): Promise<void>;
}

/** Keeps a file. Each piece is a blob, which browsers may move to the disk. */
class BlobSink implements Sink {
  #parts: Blob[] = [];

  constructor(readonly name: string) {}

  get blob(): Blob {
    return new Blob(this.#parts, { type: BYTES_TYPE });
  }

  write(bytes: Bytes): Promise<void> {
    this.#parts.push(new Blob([bytes]));
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  abort(): Promise<void> {
    this.#parts = [];
    return Promise.resolve();
  }
}

/** Writes a file into a folder. Its bytes are in it when it is closed. */
class FolderSink implements Sink {
  private constructor(
    readonly name: string,
    private readonly folder: FileSystemDirectoryHandle,
    private readonly stream: FileSystemWritableFileStream,
  ) {}

  /** Under a name, or with a number the next, that is free there: nothing is replaced. */
  static async open(folder: FileSystemDirectoryHandle, name: string): Promise<FolderSink> {
    for (let number = 2, free = name;; number++) {
      if (!await folder.getFileHandle(free).catch(ignoreMissing)) {
        const file = await folder.getFileHandle(free, { create: true });
        return new FolderSink(free, folder, await file.createWritable());
      }
      free = numberedName(name, number);
    }
  }

  async write(bytes: Bytes): Promise<void> {
    await this.stream.write(bytes);
  }

  async close(): Promise<void> {
    await this.stream.close();
  }

  async abort(): Promise<void> {
    await this.stream.abort().catch(() => {});
    await this.folder.removeEntry(this.name);
  }
}

function ignoreMissing(error: unknown): undefined {
  if ((error as DOMException).name !== "NotFoundError") throw error;
}

/** Takes apart what comes, and keeps it or writes it into a folder. */
export class PageOutput implements Output {
  readonly #sinks: Sink[] = [];
  #waiting: readonly SharedFile[] = [];
  #left = 0;
  #isText = false;
  #opened: Omit<Opened, "erased"> = { files: [] };

  constructor(private readonly folder?: FileSystemDirectoryHandle) {}

  /** What was inside, when it is complete. */
  get opened(): Omit<Opened, "erased"> {
    return this.#opened;
  }

  /** What an earlier attempt left is gone: it always begins anew. */
  async begin(manifest: Manifest): Promise<number> {
    this.#isText = manifest.kind === "text";
    // Nobody knows how long a text is before it ends.
    this.#waiting = manifest.kind === "files"
      ? manifest.files
      : [{ name: TEXT_NAME, type: "", size: Infinity }];
    await this.#advance();
    return 0;
  }

  sync(): Promise<boolean> {
    return Promise.resolve(false);
  }

  suspend(): void {
    void this.discard();
  }

  async write(bytes: Bytes): Promise<void> {
    for (let rest = bytes; rest.length > 0;) {
      const part = rest.subarray(0, this.#left);
      if (part.length === 0) throw new CryptoError("malformed");
      await writing(() => this.#sinks.at(-1)!.write(part));
      rest = rest.subarray(part.length);
      this.#left -= part.length;
      await this.#advance();
    }
  }

  /** Goes on to the next file when one is full, which an empty one is at once. */
  async #advance(): Promise<void> {
    while (this.#left === 0) {
      const next = this.#waiting[this.#sinks.length];
      if (!next) return;
      this.#sinks.push(await this.#sink(this.#freeName(safeName(next.name))));
      this.#left = next.size;
    }
  }

  /** The name, or with a number the next that no file of this secret has. */
  #freeName(name: string): string {
    const taken = (name: string) => {
      return this.#sinks.some((sink) => sink.name.toLowerCase() === name.toLowerCase());
    };
    for (let number = 2, free = name;; number++) {
      if (!taken(free)) return free;
      free = numberedName(name, number);
    }
  }

  async #sink(name: string): Promise<Sink> {
    const { folder } = this;
    return folder && !this.#isText
      ? await writing(() => FolderSink.open(folder, name))
      : new BlobSink(name);
  }

  async complete(): Promise<void> {
    for (const sink of this.#sinks) await writing(() => sink.close());
    const files = this.#sinks.map(({ name, blob }, i): OpenedFile => {
      return { name, size: blob?.size ?? this.#waiting[i]!.size, blob };
    });
    const text = this.#isText ? await textOf(files[0]!) : undefined;
    this.#opened = text === undefined ? { files } : { text, files: [] };
  }

  async discard(): Promise<void> {
    for (const sink of this.#sinks) await sink.abort().catch(() => {});
  }
}

/** A text that can be shown: not too long, and UTF-8. */
async function textOf({ size, blob }: OpenedFile): Promise<string | undefined> {
  if (!blob || size > MAX_SHOWN) return undefined;
  try {
    return fromUtf8(new Uint8Array(await blob.arrayBuffer()));
  } catch {
    return undefined;
  }
}

async function writing<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (cause) {
    throw new CryptoError("io", { cause });
  }
}
