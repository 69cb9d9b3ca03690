/** The Unix socket of a share server: that it is free, stays ours, and lets the proxy connect. */
import { CryptoError } from "../core/errors.ts";
import { parent } from "../core/layout.ts";
import { requireTrustedDirectory } from "../platform/trust.ts";
import type { UnixAddress } from "./settings.ts";

const IN_USE = "another server listens here: stop it first, or use another --listen";

/** The group is whom the operator lets in: the proxy. */
export const SOCKET_MODE = 0o660;

/**
 * Locks a socket's name for as long as the process lives and removes what a dead server left. The
 * runtime would bind over any socket that is there, a living one too.
 *
 * @returns its path without symbolic links
 * @throws {CryptoError} `already_running`; `unsafe_path`; `config` for what is in its place
 */
export async function claimSocket({ path }: UnixAddress): Promise<UnixAddress> {
  const own = `${ownDirectory(parent(path))}${path.slice(path.lastIndexOf("/"))}`;
  lock(`${own}.lock`);
  if (!isThere(own)) return { path: own };
  if (await answers(own)) throw new CryptoError("already_running", { subject: own, hint: IN_USE });
  Deno.removeSync(own);
  return { path: own };
}

function ownDirectory(directory: string): string {
  try {
    return requireTrustedDirectory(directory, [Deno.uid() ?? 0]);
  } catch (cause) {
    if (cause instanceof CryptoError) throw cause;
    throw new CryptoError("config", { subject: directory, hint: "make this directory", cause });
  }
}

/** Never released: the file stays open until the process ends. */
function lock(path: string): void {
  try {
    const file = Deno.openSync(path, { create: true, write: true, mode: 0o600 });
    if (file.tryLockSync(true)) return;
  } catch (cause) {
    throw new CryptoError("config", { subject: path, hint: "it cannot be made", cause });
  }
  throw new CryptoError("already_running", { subject: path, hint: IN_USE });
}

/** Whether a socket is there. What is something else was not left by a server. */
function isThere(path: string): boolean {
  try {
    if (Deno.lstatSync(path).isSocket) return true;
  } catch {
    return false;
  }
  const hint = "there is a file that is no socket: move it away, or listen elsewhere";
  throw new CryptoError("config", { subject: path, hint });
}

async function answers(path: string): Promise<boolean> {
  try {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  } catch {
    return false;
  }
}
