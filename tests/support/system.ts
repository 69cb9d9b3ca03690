/** The daemon in the system's layout, in a mount namespace of its own. Needs root. */
import { DaemonProcess, Place, type StartOptions, type User } from "./daemon.ts";

/** The service's user, and its group, which may use the daemon. */
export const SERVICE: User = { uid: 61_001, gid: 61_001 };

const BIND = 'for d in etc var/lib run; do mount --bind "$1/root/$d" "/$d" || exit 1; done; ' +
  'shift; exec "$@"';

/**
 * A temporary directory whose parts take the places of /etc, /var/lib and /run for the daemon. For
 * everybody else its files are where this says.
 */
export class SystemPlace extends Place {
  constructor() {
    super();
    Deno.chmodSync(this.directory, 0o711);
    for (const name of ["", "/etc", "/var", "/var/lib", "/run"]) {
      Deno.mkdirSync(`${this.directory}/root${name}`, { mode: 0o755 });
    }
    this.#writeUsers();
    this.#makeOwned(this.config, 0o700);
    this.#makeOwned(this.state, 0o700);
    this.#makeOwned(this.runtime, 0o750);
  }

  override get config(): string {
    return `${this.directory}/root/etc/crypto`;
  }

  override get state(): string {
    return `${this.directory}/root/var/lib/crypto`;
  }

  override get runtime(): string {
    return `${this.directory}/root/run/crypto`;
  }

  /** The command that a program in this layout runs under. */
  get wrapper(): string[] {
    return ["unshare", "--mount", "sh", "-c", BIND, "sh", this.directory];
  }

  #writeUsers(): void {
    const { uid, gid } = SERVICE;
    const users = `root:x:0:0::/root:/bin/sh\ncrypto-service:x:${uid}:${gid}::/:/bin/false\n`;
    Deno.writeTextFileSync(`${this.directory}/root/etc/passwd`, users);
    const groups = `root:x:0:\ncrypto-service:x:${gid}:\n`;
    Deno.writeTextFileSync(`${this.directory}/root/etc/group`, groups);
  }

  #makeOwned(path: string, mode: number): void {
    Deno.mkdirSync(path);
    Deno.chmodSync(path, mode);
    Deno.chownSync(path, SERVICE.uid, SERVICE.gid);
  }

  /** Lets everybody reach the socket, so that the daemon alone decides. */
  openToAll(): void {
    Deno.chmodSync(this.runtime, 0o755);
    Deno.chmodSync(this.socket, 0o666);
  }
}

/** Starts `crypto serve --system` as the service's user and waits until it serves. */
export async function startSystemDaemon(
  place: SystemPlace,
  options: Omit<StartOptions, "place"> = {},
): Promise<DaemonProcess> {
  const args = ["--system", ...options.args ?? []];
  const wrapper = place.wrapper;
  const daemon = new DaemonProcess({ user: SERVICE, wrapper, ...options, args, place });
  try {
    return await daemon.ready();
  } catch (error) {
    await daemon[Symbol.asyncDispose]();
    throw error;
  }
}
