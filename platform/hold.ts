/** Holding a file, where the lock is not that of `sockets.ts`: on Windows, LockFileEx. */
import { CryptoError } from "../core/errors.ts";

/**
 * Locks a file until it is closed or this process ends, making it if need be.
 * @throws {CryptoError} `already_running` if another process holds it; `config`
 */
export function holdFile(path: string): Disposable {
  const file = open(path);
  if (file.tryLockSync(true)) return file;
  file.close();
  throw new CryptoError("already_running", { subject: path });
}

function open(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { read: true, write: true, create: true });
  } catch (cause) {
    throw new CryptoError("config", { subject: path, hint: "it cannot be opened", cause });
  }
}
