/** One installation or removal at a time on one system or image. */
import { utf8 } from "../core/bytes.ts";
import { asCryptoError, CryptoError } from "../core/errors.ts";
import type { Sockets } from "../platform/sockets.ts";
import { sha256 } from "./assets.ts";

/** Emptied at every boot, root's own, and no part of an image: the locks of images are here too. */
const DIRECTORY = "/run";
const NAME_DIGITS = 16;

/**
 * Holds others off until this is released or the process ends.
 * @param root the directory of an image, or ""
 * @returns releases it, and leaves no file
 * @throws {CryptoError} `already_running`
 */
export async function holdOthersOff(root: string, sockets: Sockets): Promise<() => void> {
  const image = root === "" ? "" : `-${(await sha256(utf8(root))).slice(0, NAME_DIGITS)}`;
  const path = `${DIRECTORY}/crypto-install${image}.lock`;
  let lock = tryLock(path, root, sockets);
  return () => {
    if (lock === undefined) return;
    // While it is held: what somebody else holds is never removed.
    sockets.unlink(path);
    sockets.close(lock);
    lock = undefined;
  };
}

/** Where there is no such directory, as in a bare container that makes images, nobody is held off. */
function tryLock(path: string, root: string, sockets: Sockets): number | undefined {
  try {
    return sockets.lock(path);
  } catch (thrown) {
    const { code } = asCryptoError(thrown);
    if (code === "config" && root !== "") return undefined;
    if (code !== "already_running") throw thrown;
    const hint = "another `crypto install` or `crypto uninstall` is at work: wait for its end";
    throw new CryptoError("already_running", { subject: path, hint });
  }
}
