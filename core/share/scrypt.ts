/** The scrypt of passphrases and codes, where no other is at hand. */
import { scryptAsync } from "@noble/hashes/scrypt.js";
import type { Bytes } from "../bytes.ts";
import type { Scrypt } from "./keys.ts";

const LOG_N = 17;

/** N 2^17, r 8, p 1: 128 MiB and about half a second. */
export const scrypt: Scrypt = async (password, salt) => {
  const options = { N: 2 ** LOG_N, r: 8, p: 1, dkLen: 32, maxmem: 2 ** (LOG_N + 11) };
  return await scryptAsync(password, salt, options) as Bytes;
};
