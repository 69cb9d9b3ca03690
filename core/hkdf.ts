import { type Bytes, concat } from "./bytes.ts";
import type { Engine } from "./engine.ts";

const HASH_LENGTH = 64;

/**
 * HKDF-Expand with SHA-512 (RFC 5869, section 2.3).
 *
 * @param key a pseudorandom key; here always 32 uniformly random bytes, so Extract is not needed
 * @param length bytes wanted, at most 16,320
 */
export async function hkdfExpand(
  engine: Engine,
  key: Bytes,
  info: Bytes,
  length: number,
): Promise<Bytes> {
  const blocks: Bytes[] = [];
  let block: Bytes | undefined;
  for (let counter = 1; blocks.length * HASH_LENGTH < length; counter++) {
    const input = concat(...(block ? [block] : []), info, new Uint8Array([counter]));
    block = await engine.hmacSha512(key, input);
    blocks.push(block);
  }
  return concat(...blocks).subarray(0, length);
}
