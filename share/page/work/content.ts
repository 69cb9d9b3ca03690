/** What is sent: a text, or files that are read piece by piece. */
import { type Bytes, utf8 } from "../../../core/bytes.ts";
import { CryptoError } from "../../../core/errors.ts";
import { type Content, type Part, partsContent, textContent } from "../../client/content.ts";
import type { Chosen } from "../../../core/page/chooser.ts";

/** A text, or files if there is none. */
export function contentOf({ text, files }: Chosen): Content {
  return text === undefined ? partsContent(files.map(partOf)) : textContent(utf8(text));
}

function partOf(file: File): Part {
  const { name, type, size } = file;
  return { name: name.toWellFormed(), type, size, read: () => readFile(file) };
}

/** Bytes that are read at once. */
const PIECE = 1_048_576;

/** @throws {CryptoError} `io` if it changed or cannot be read: browsers then give no byte of it */
async function* readFile(file: File): AsyncGenerator<Bytes> {
  for (let at = 0; at < file.size; at += PIECE) {
    try {
      yield new Uint8Array(await file.slice(at, at + PIECE).arrayBuffer());
    } catch (cause) {
      throw new CryptoError("io", { cause });
    }
  }
}
