/** Where a secret goes: a text to standard output, files into one directory. */
import { type Bytes, utf8 } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";
import type { Manifest } from "../../core/share/manifest.ts";
import type { Claim } from "./claim.ts";
import type { Output } from "./download.ts";
import { FilesOutput } from "./files_output.ts";
import { requireOutput } from "./standard_streams.ts";

/** Writes a text to standard output, or files into a directory: the manifest says which it is. */
export class DirectoryOutput implements Output {
  #chosen: TextOutput | FilesOutput | undefined;

  /** @param toTerminal whether standard output is one */
  constructor(private readonly directory: string, private readonly toTerminal: boolean) {}

  /** The names that the files were given, in order. */
  get names(): readonly string[] {
    return this.#chosen instanceof FilesOutput ? this.#chosen.names : [];
  }

  async begin(manifest: Manifest, { position, mark }: Claim): Promise<number> {
    this.#chosen = manifest.kind === "text"
      ? new TextOutput(this.toTerminal)
      : new FilesOutput(this.directory, manifest.files, mark);
    return await this.#chosen.begin(position);
  }

  async write(bytes: Bytes): Promise<void> {
    await this.#chosen?.write(bytes);
  }

  async sync(): Promise<boolean> {
    return await this.#chosen?.sync() ?? false;
  }

  async complete(): Promise<void> {
    await this.#chosen?.complete();
  }

  suspend(): void {
    this.#chosen?.suspend();
  }

  async discard(): Promise<void> {
    await this.#chosen?.discard();
  }
}

/** A text: byte for byte, but for a terminal without what would drive it. */
class TextOutput {
  readonly #decoder = new TextDecoder();

  constructor(private readonly toTerminal: boolean) {}

  /** What was shown is gone with its process: a text always begins anew. */
  async begin(): Promise<number> {
    requireOutput();
    return await Promise.resolve(0);
  }

  sync(): Promise<boolean> {
    return Promise.resolve(false);
  }

  suspend(): void {}

  async write(bytes: Bytes): Promise<void> {
    const shown = this.toTerminal ? harmless(this.#decoder.decode(bytes, { stream: true })) : bytes;
    await writeOut(shown);
  }

  async complete(): Promise<void> {
    if (this.toTerminal) await writeOut(harmless(`${this.#decoder.decode()}\n`));
  }

  discard(): Promise<void> {
    return Promise.resolve();
  }
}

/** The text without escapes, overrides of direction and other controls: they are spelled out. */
export function harmless(text: string): Bytes {
  return utf8(text.replace(/[\p{Cc}\p{Cf}]/gu, (character) => {
    const isPlain = character === "\n" || character === "\t";
    return isPlain ? character : `\\u{${character.codePointAt(0)!.toString(16)}}`;
  }));
}

async function writeOut(bytes: Bytes): Promise<void> {
  try {
    for (let done = 0; done < bytes.length;) done += await Deno.stdout.write(bytes.subarray(done));
  } catch (cause) {
    throw new CryptoError("io", { subject: "standard output", cause });
  }
}
