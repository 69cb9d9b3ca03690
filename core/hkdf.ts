import { after, type Awaitable } from "./awaitable.ts";
import { type Bytes, scratch } from "./bytes.ts";
import type { Engine } from "./engine.ts";

const HASH_LENGTH = 64;

/**
 * HKDF-Expand with SHA-512 (RFC 5869, section 2.3).
 *
 * @param key a pseudorandom key: 32 uniformly random bytes, which need no Extract, or what one gave
 * @param length bytes wanted, at most 16,320
 */
export function hkdfExpand(
  engine: Engine,
  key: Bytes,
  info: Bytes,
  length: number,
): Awaitable<Bytes> {
  // One buffer holds `previous block || info || counter`; the first round leaves the block out.
  const input = scratch(HASH_LENGTH + info.length + 1);
  input.set(info, HASH_LENGTH);
  const output = scratch(Math.ceil(length / HASH_LENGTH) * HASH_LENGTH);
  const expand = (done: number): Awaitable<Bytes> => {
    if (done >= length) return output.subarray(0, length);
    input[input.length - 1]!++;
    const block = output.subarray(done, done + HASH_LENGTH);
    const data = done === 0 ? input.subarray(HASH_LENGTH) : input;
    return after(engine.hmacSha512(key, data, block), () => {
      input.set(block);
      return expand(done + HASH_LENGTH);
    });
  };
  return expand(0);
}
