/** Debian's nginx, as packages have it, of releases that this machine is not. */
import { installed, NOT_ROOT } from "../cli/support.ts";
import { cached, type Skip } from "../support/cache.ts";
import { run } from "../support/process.ts";

/** What is in a root, besides what that needs. */
const PACKAGES = ["base-passwd", "curl", "libnginx-mod-stream", "nginx-light", "openssl"];
/** The module that the network mode's front is made of, which installing would switch on. */
const STREAM = "mod-stream.conf";
const EXTRACTING = 300_000;

/** A release, and what `nginx -V` says there. */
export interface Release {
  readonly suite: string;
  readonly nginx: string;
  readonly openssl: string;
  /** Whether its OpenSSL has X25519MLKEM768. */
  readonly hybrid: boolean;
}

/** Debian 12 and 13. */
export const RELEASES = {
  bookworm: { suite: "bookworm", nginx: "1.22.1", openssl: "3.0", hybrid: false },
  trixie: { suite: "trixie", nginx: "1.26.3", openssl: "3.5", hybrid: true },
} as const satisfies Record<string, Release>;

/** A root directory with a release's nginx, not to be written to; or why there is none. */
export async function debianRoot({ suite }: Release): Promise<string | Skip> {
  const missing = NOT_ROOT ?? await installed("mmdebstrap");
  if (missing !== undefined) return { skip: missing };
  const include = PACKAGES.join(",");
  return await cached(`debian-${suite}-${PACKAGES.join("-")}`, async (path) => {
    const root = `${path}/root`;
    const command = ["mmdebstrap", "--quiet", "--variant=extract", `--include=${include}`];
    const options = { env: Deno.env.toObject(), patience: EXTRACTING };
    const { code, stderr } = await run([...command, suite, root], options);
    if (code !== 0) return { skip: `mmdebstrap: ${stderr.trim().split("\n").at(-1)}` };
    return await complete(root);
  });
}

/** What installing would have done besides unpacking. */
async function complete(root: string): Promise<undefined> {
  for (const name of ["bin", "sbin", "lib", "lib64"]) {
    await Deno.symlink(`usr/${name}`, `${root}/${name}`).catch(() => {});
  }
  for (const name of ["passwd", "group"]) {
    await Deno.copyFile(`${root}/usr/share/base-passwd/${name}.master`, `${root}/etc/${name}`);
  }
  for (const name of ["proc", "run", "root", "var/log/nginx", "var/lib/nginx", "var/www/html"]) {
    await Deno.mkdir(`${root}/${name}`, { recursive: true });
  }
  await Deno.chmod(`${root}/root`, 0o700);
  const switchedOn = `${root}/etc/nginx/modules-enabled/50-${STREAM}`;
  await Deno.symlink(`/usr/share/nginx/modules-available/${STREAM}`, switchedOn);
}
