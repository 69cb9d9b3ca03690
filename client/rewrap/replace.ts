/** Putting a whole new file in another's place, with that one's mode, owner and times. */
import { CryptoError } from "../../core/errors.ts";
import { Errno, SystemError } from "../../platform/libc.ts";
import type { RegularFile } from "../../platform/regular.ts";
import type { Sink } from "../stream.ts";
import type { Beside } from "./beside.ts";
import type { Target } from "./target.ts";

/**
 * Writes the new file beside and gives it the name. Killed before that, the old one is there.
 * @throws {CryptoError} `file_changed` if the file is another by then: it is left alone; `io` for a
 * file with several names, since the others would keep the old content
 */
export async function replaceFile(
  target: Target,
  beside: Beside,
  write: (sink: Sink) => Promise<void>,
): Promise<void> {
  requireOneName(target);
  // What a direct message is to be was made of what the file was.
  target.requireUntouched();
  target.requireOwnership();
  using anew = beside.createAnew();
  try {
    keepOwner(anew, target);
    await write(sinkOf(anew));
    anew.setMode(target.attributes.mode);
    anew.setTimes(target.attributes);
    await anew.sync();
    // From here to the new name nothing is waited for.
    target.requireUntouched();
    beside.take(anew, target);
  } catch (error) {
    beside.discard(anew);
    // What was read while it was changed fails in other ways, too: this is what people are to know.
    target.requireUntouched();
    throw error;
  }
}

function requireOneName({ path, attributes: { names } }: Target): void {
  if (names <= 1) return;
  const hint = `it has ${names} names (hard links), and would be written anew under one`;
  throw new CryptoError("io", { subject: path, hint });
}

/** Before anything is written: who may not do this hears of it at once. */
function keepOwner(anew: RegularFile, { path, attributes }: Target): void {
  const { uid, gid } = anew.attributes();
  if (uid === attributes.uid && gid === attributes.gid) return;
  try {
    anew.setOwner(attributes);
  } catch (cause) {
    if (!(cause instanceof SystemError && cause.errno === Errno.EPERM)) throw cause;
    const hint = `only root could keep its owner and group (${attributes.uid}, ` +
      `${attributes.gid}): it was left alone`;
    throw new CryptoError("io", { subject: path, hint, cause });
  }
}

function sinkOf(file: RegularFile): Sink {
  let offset = 0;
  return {
    async write(bytes) {
      await file.write(bytes, offset);
      offset += bytes.length;
    },
  };
}
