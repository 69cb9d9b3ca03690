/** Putting a whole new file in another's place, with that one's mode, owner and times. */
import { CryptoError } from "../../core/errors.ts";
import type { AttributeKeeper } from "../../platform/attributes.ts";
import type { Sink } from "../stream.ts";
import { Beside, besidePath, writeFully } from "./beside.ts";

/**
 * Writes the new file beside and gives it the name. Killed before that, the old one is there.
 * @throws {CryptoError} `io` for a file with several names: the others would keep the old content
 */
export async function replaceFile(
  path: string,
  keeper: AttributeKeeper,
  write: (sink: Sink) => Promise<void>,
): Promise<void> {
  const attributes = keeper.read(path);
  if (attributes.names > 1) {
    const hint =
      `it has ${attributes.names} names (hard links), and would be written anew under one`;
    throw new CryptoError("io", { subject: path, hint });
  }
  using beside = await Beside.open(await besidePath(path));
  await beside.file.truncate();
  try {
    await write({ write: (bytes) => writeFully(beside.file, bytes) });
    keeper.setOwner(beside.path, attributes);
    await Deno.chmod(beside.path, attributes.mode);
    keeper.setTimes(beside.path, attributes);
    await beside.sync();
  } catch (error) {
    await beside.remove();
    throw error;
  }
  await beside.take(path);
}
