/** Tests that need more of the machine than a user has, and say so where it is missing. */
import { installed } from "../cli/support.ts";
import { must, plainEnvironment, run } from "./process.ts";

const reasons = new Map<string, Promise<string | undefined>>();

/** What a test may need: each gives why it is not there. */
const NEEDS = {
  root: () => Promise.resolve(Deno.uid() === 0 ? undefined : "it needs root"),
  setpriv: () => works("setpriv", ["setpriv", "--reuid", "61999", "true"]),
  mounts: () => works("unshare --mount", ["unshare", "--mount", ...MOUNT_TMPFS]),
  loops: () => works("mount -o loop", ["sh", "-c", MOUNT_IMAGE]),
  users: () => works("unshare --user", ["unshare", "--user", "true"]),
  script: () => works("script", ["script", "--quiet", "--command", "true", "/dev/null"]),
  activation: () => installed("systemd-socket-activate", "systemd"),
  logrotate: () => installed("logrotate"),
  openssl: () => installed("openssl"),
  analyze: () => installed("systemd-analyze", "systemd"),
  sysusers: () => works("systemd-sysusers", ["systemd-sysusers", "--version"]),
  chromium: () => installed("chromium"),
  xdgOpen: () => installed("xdg-open", "xdg-utils"),
  desktopFiles: () => installed("desktop-file-validate", "desktop-file-utils"),
  systemd: () => installed("systemd-nspawn", "systemd-container"),
  strace: async () => await installed("strace") ?? await works("strace", TRACE),
  python3: () => works("python3", ["python3", "-c", "import pty, resource, socket"]),
} as const;

const TRACE = ["strace", "--output", "/dev/null", "true"];
/** `mkfs` is where only root looks. */
const MOUNT_IMAGE = [
  "image=$(mktemp) && truncate --size=2M $image && PATH=$PATH:/usr/sbin mkfs.ext4 -q $image &&",
  "unshare --mount mount -o loop $image /mnt; ended=$?; rm $image; exit $ended",
].join(" ");
const MOUNT_TMPFS = ["mount", "-t", "tmpfs", "tmpfs", "/mnt"];

/** Something of the machine that a test needs. */
export type Need = keyof typeof NEEDS;

async function works(what: string, command: readonly string[]): Promise<string | undefined> {
  try {
    return (await run(command)).code === 0 ? undefined : `${what} is not allowed here`;
  } catch {
    return `${what} is not there`;
  }
}

async function missing(needs: readonly Need[]): Promise<string | undefined> {
  for (const need of needs) {
    const reason = reasons.get(need) ?? NEEDS[need]();
    reasons.set(need, reason);
    if (await reason) return await reason;
  }
  return undefined;
}

/** Registers a test, ignored and with a line that says why where something it needs is missing. */
export async function linuxTest(
  name: string,
  needs: readonly Need[],
  fn: () => Promise<void>,
  options: Partial<Deno.TestDefinition> = {},
): Promise<void> {
  const why = await missing(needs);
  if (why !== undefined) console.log(`SKIP: ${name}: ${why}`);
  Deno.test({ name, fn, ignore: why !== undefined, ...options });
}

/** A file system of a few kilobytes in a mount namespace of its own, which a daemon fills. */
export function onSmallDisk(directory: string, size: string): string[] {
  const script = 'mount -t tmpfs -o "size=$1,mode=0700" tmpfs "$2" && shift 2 && exec "$@"';
  return ["unshare", "--mount", "sh", "-c", script, "sh", size, directory];
}

/** The file system of an image, for a daemon alone. */
export function onImage(image: string, directory: string): string[] {
  const script = 'mount -o loop "$1" "$2" && chmod 700 "$2" && shift 2 && exec "$@"';
  return ["unshare", "--mount", "sh", "-c", script, "sh", image, directory];
}

/** A command inside the mount namespace of a process. */
export function inMountsOf(pid: number, command: readonly string[]): string[] {
  return ["nsenter", "--mount", `--target=${pid}`, "--", ...command];
}

/** Runs a shell script inside the mount namespace of a process. */
export async function shellInMountsOf(pid: number, script: string, ...args: string[]) {
  const command = inMountsOf(pid, ["sh", "-ec", script, "sh", ...args]);
  return await must(command, { env: plainEnvironment() });
}
