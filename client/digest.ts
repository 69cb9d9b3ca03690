/** The SHA-512 of data of any length, in constant memory. */
import { createHash } from "node:crypto";
import type { Bytes } from "../core/bytes.ts";
import type { Source } from "./stream.ts";

/** Data as a mac is made of them. */
export interface Digest {
  /** 64 bytes. */
  readonly digest: Bytes;
  /** How many bytes it is of: for the daemon's log. */
  readonly size: number;
}

const PIECE = 1_048_576;

/** Reads a source to its end. `onProgress` is told of the bytes read so far. */
export async function digestSource(
  source: Source,
  onProgress: (bytes: number) => void = () => {},
): Promise<Digest> {
  const hash = createHash("sha512");
  const buffer = new Uint8Array(PIECE);
  let size = 0;
  for (let n; (n = await source.read(buffer)) !== null;) {
    hash.update(buffer.subarray(0, n));
    onProgress(size += n);
  }
  return { digest: new Uint8Array(hash.digest()), size };
}
