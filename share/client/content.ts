/** What is sent: sizes are known first, bytes come in pieces. */
import type { Bytes } from "../../core/bytes.ts";
import { type Manifest, type SharedFile, totalSize } from "../../core/share/manifest.ts";

/** Something to send. */
export interface Content {
  readonly manifest: Manifest;
  /** Bytes that {@link read} gives, exactly. */
  readonly length: number;
  /** Each piece is to be used before the next is asked for. */
  read(): AsyncIterable<Bytes>;
}

/** A text. */
export function textContent(text: Bytes): Content {
  const read = async function* () {
    yield text;
  };
  return { manifest: { kind: "text" }, length: text.length, read };
}

/** A part of the content, such as a file: exactly as many bytes as its size says. */
export interface Part extends SharedFile {
  read(): AsyncIterable<Bytes>;
}

/** Files, one after the other. */
export function partsContent(parts: readonly Part[]): Content {
  const files = parts.map(({ name, type, size }) => ({ name, type, size }));
  const read = async function* () {
    for (const part of parts) yield* part.read();
  };
  return { manifest: { kind: "files", files }, length: totalSize(files), read };
}
