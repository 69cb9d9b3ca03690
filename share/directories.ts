/** Directories of the user's own. */
import { CryptoError } from "../core/errors.ts";
import { requireTrustedDirectory } from "../platform/trust.ts";

const OTHERS = 0o077;

/**
 * One of the XDG Base Directory Specification: what its variable says, else a folder in HOME.
 * @throws {CryptoError} `config`, with `hint`, if neither is known
 */
export function userDirectory(variable: string, folder: string, hint: string): string {
  const own = Deno.env.get(variable);
  if (own?.startsWith("/")) return own;
  const user = Deno.env.get("HOME");
  if (user?.startsWith("/")) return `${user}/${folder}`;
  throw new CryptoError("config", { subject: "HOME", hint });
}

/**
 * Makes a directory, if it is not there, that nobody else may look into.
 * @returns its path without symbolic links
 * @throws {CryptoError} `config`, `unsafe_path`
 */
export function ownDirectory(path: string): string {
  try {
    Deno.mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new CryptoError("config", { subject: path, hint: "it cannot be made", cause });
  }
  const real = requireTrustedDirectory(path, [Deno.uid() ?? 0]);
  if (((Deno.statSync(real).mode ?? 0) & OTHERS) === 0) return real;
  const hint = Deno.build.os === "windows"
    ? "whether others can look into it is not known on this system: use another one"
    : "others can look into it; chmod 0700 it";
  throw new CryptoError("unsafe_path", { subject: real, hint });
}
