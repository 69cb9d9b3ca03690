/** The directory of an identity: a certificate, its key, and its authority, which fit together. */
import type { Bytes } from "../../core/bytes.ts";
import { CryptoError } from "../../core/errors.ts";
import { parent } from "../../core/layout.ts";
import { exists, renameDurably, syncDirectory } from "../../platform/durable.ts";
import type { DurableExchange } from "../../platform/exchange.ts";
import { writeFile } from "./register.ts";

const MOVE = "this directory is none of an identity's: move it away";

/**
 * Puts files at the place of an identity, all of them at one moment: whatever happens, the key there
 * is that of the certificate there. Other files there stay.
 *
 * @param prepared a path beside it, where nothing but what an interrupted call has left may be
 * @throws {CryptoError} `io`
 */
export function publishIdentity(
  path: string,
  prepared: string,
  files: Readonly<Record<string, Bytes>>,
  exchange: DurableExchange,
): void {
  removeAll(prepared);
  Deno.mkdirSync(prepared, { recursive: true, mode: 0o700 });
  for (const [name, bytes] of Object.entries(files)) writeFile(`${prepared}/${name}`, bytes);
  if (!exists(path)) return renameDurably(prepared, path);
  for (const { name, isDirectory } of Deno.readDirSync(path)) {
    if (isDirectory) throw new CryptoError("io", { subject: `${path}/${name}`, hint: MOVE });
    if (!(name in files)) Deno.linkSync(`${path}/${name}`, `${prepared}/${name}`);
  }
  syncDirectory(prepared);
  exchange(prepared, path);
  removeAll(prepared);
  syncDirectory(parent(path));
}

/** Removes a directory of files, if it is there. */
function removeAll(path: string): void {
  if (exists(path)) Deno.removeSync(path, { recursive: true });
}
