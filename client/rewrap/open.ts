/** Opening what was looked at: a link that took its place meanwhile is not followed. */
import { CryptoError } from "../../core/errors.ts";

/** Opens a regular file. @throws {CryptoError} `unsafe_path` if it is another by now */
export async function openRegular(
  path: string,
  options: Deno.OpenOptions = { read: true },
): Promise<Deno.FsFile> {
  const named = await Deno.lstat(path);
  const file = named.isFile ? await Deno.open(path, options) : undefined;
  const opened = await file?.stat();
  if (file && opened?.ino === named.ino && opened.dev === named.dev) return file;
  file?.close();
  throw new CryptoError("unsafe_path", { subject: path, hint: "it is being changed: try again" });
}
