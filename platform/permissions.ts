/** Giving up Deno's permissions, for good. */
import { CryptoError } from "../core/errors.ts";

const NAMES = ["run", "write", "net", "env", "sys", "read", "import", "ffi"] as const;

/**
 * Gives up every permission of this thread. What was opened before stays open, and the libraries'
 * symbols that were loaded stay callable; see DESIGN.md, section 4, for why that is what remains.
 *
 * @throws {CryptoError} `internal` if any is still held: then nothing may go on.
 */
export function dropAllPermissions(): void {
  drop(NAMES);
}

/** Gives up everything but reading and writing files. */
export function dropAllButFiles(): void {
  drop(NAMES.filter((name) => name !== "read" && name !== "write"));
}

/** Gives up the loading of libraries and the making of pointers. */
export function dropLibraryPermission(): void {
  drop(["ffi"]);
}

function drop(names: readonly (typeof NAMES)[number][]): void {
  const held = names.filter((name) => Deno.permissions.revokeSync({ name }).state === "granted");
  if (held.length === 0) return;
  throw new CryptoError("internal", { subject: held.join(", "), hint: "a permission was kept" });
}
