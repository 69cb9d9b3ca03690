/** `crypto random`: bytes of the kernel's. Needs no daemon. */
import { toBase64Url } from "../core/base64.ts";
import { CryptoError } from "../core/errors.ts";
import { Pipes } from "../platform/files.ts";
import { dropAllPermissions } from "../platform/permissions.ts";
import { kernelRandom } from "../platform/random.ts";
import type { Print } from "./manage.ts";

/** What `crypto random` is told. */
export interface RandomFlags {
  readonly bytes: number;
  /** How they are written. */
  readonly encoding: "base64url" | "hex" | "raw";
}

const STDOUT = 1;

/** Writes so many random bytes. */
export async function random({ bytes, encoding }: RandomFlags, print: Print): Promise<void> {
  const raw = encoding === "raw";
  if (raw && Deno.stdout.isTerminal()) throw new CryptoError("terminal_output");
  const give = kernelRandom();
  const pipes = raw ? new Pipes() : undefined;
  dropAllPermissions();
  const drawn = give(bytes);
  if (pipes) return await pipes.writeAll(STDOUT, drawn, "standard output");
  print(`${encoding === "hex" ? drawn.toHex() : toBase64Url(drawn)}\n`);
}
