/**
 * An arm64 Linux on this machine: that processor by QEMU, Debian's libraries for it, and Deno for
 * it out of npm. It makes system calls of this machine's kernel, and so reaches its daemons.
 */
import { join } from "node:path";
import { installed, NOT_ROOT } from "../cli/support.ts";
import { packagedFile } from "../../tools/package.ts";
import { cached, type Skip } from "./cache.ts";
import { exec } from "./process.ts";

const QEMU = "qemu-aarch64-static";
/** What Deno and the program load: glibc, OpenSSL 3, and GCC's own. */
const LIBRARIES = ["libc6", "libssl3", "libgcc-s1"];
const MAKING = 300_000;

/** The same release of Deno as the tests run under. */
const DENO = {
  package: "@deno/linux-arm64-glibc",
  release: "2.9.4",
  file: "deno",
  integrity:
    "sha512-SHHmaFnfOtFe0RWEAqo0lGlKFww21O6utyNzcFNYpIFRyQSKXKrfegwYMYP7hN1GEhZ49bDPKIpjJHjPbGFqyw==",
  os: "linux",
  cpu: "arm64",
} as const;

/** A command that runs Deno as on arm64, or why there is none. */
export async function arm64Deno(): Promise<readonly string[] | Skip> {
  const missing = await installed(QEMU, "qemu-user-static") ??
    NOT_ROOT ?? await installed("mmdebstrap");
  if (missing !== undefined) return { skip: missing };
  const root = await cached(`arm64-${DENO.release}`, fill);
  return typeof root === "string" ? [QEMU, "-L", root, join(root, "deno")] : root;
}

async function fill(root: string): Promise<Skip | undefined> {
  const include = `--include=${LIBRARIES.join(",")}`;
  const options = ["--quiet", "--variant=extract", "--architectures=arm64", include];
  const command = ["mmdebstrap", ...options, "bookworm", root];
  const { code, stderr } = await exec(command, { env: Deno.env.toObject(), patience: MAKING });
  if (code !== 0) return { skip: `mmdebstrap: ${stderr.trim().split("\n").at(-1)}` };
  await Deno.writeFile(join(root, DENO.file), await packagedFile(DENO), { mode: 0o755 });
  return undefined;
}
