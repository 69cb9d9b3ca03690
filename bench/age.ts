/** Debian's `age`, the peer for files. */
import { has, output, type Workspace } from "./workspace.ts";

/** The command lines of age with a key pair of its own. */
export interface Age {
  readonly version: string;
  /** Encrypts standard input or, as the last argument, a file. */
  readonly encrypt: readonly string[];
  readonly decrypt: readonly string[];
}

/** Installs age where it is missing and that is allowed, and makes a key pair. */
export async function prepareAge(space: Workspace): Promise<Age | { readonly skip: string }> {
  if (!await has("age") && !await install()) return { skip: "no age: apt-get install age" };
  const identity = space.path("age.key");
  await output("age-keygen", ["-o", identity]);
  const recipient = (await output("age-keygen", ["-y", identity])).trim();
  return {
    version: (await output("age", ["--version"])).trim(),
    encrypt: ["age", "-r", recipient],
    decrypt: ["age", "-d", "-i", identity],
  };
}

async function install(): Promise<boolean> {
  if (Deno.uid() !== 0 || !await has("apt-get")) return false;
  console.error("  installing age");
  await output("apt-get", ["install", "-y", "--no-install-recommends", "age"], 120).catch(() => {});
  return await has("age");
}
