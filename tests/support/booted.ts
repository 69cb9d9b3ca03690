/** A real systemd, booted in a throw-away copy of this machine. Needs root. */
import { type Ended, must, plainEnvironment, run, type RunOptions } from "./process.ts";
import { eventually } from "./wait.ts";

const SCRIPT = new URL("boot.sh", import.meta.url).pathname;
const BOOT_PATIENCE = 60_000;

/** A system that runs until it is disposed of. */
export class BootedSystem implements AsyncDisposable {
  private constructor(
    readonly leader: number,
    private readonly child: Deno.ChildProcess,
  ) {}

  /** Boots; `files` are put into /opt under the names given. */
  static async boot(files: Readonly<Record<string, string>>): Promise<BootedSystem> {
    const name = `crypto-test-${crypto.randomUUID().slice(0, 8)}`;
    const put = Object.entries(files).flatMap(([inside, path]) => [path, inside]);
    const child = new Deno.Command("bash", {
      args: [SCRIPT, name, ...put],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const reader = child.stdout.getReader();
    const timer = setTimeout(() => child.kill(), BOOT_PATIENCE);
    const { value } = await reader.read();
    clearTimeout(timer);
    const leader = Number(new TextDecoder().decode(value));
    if (!(leader > 0)) throw new Error("the system did not boot");
    await reader.cancel();
    return new BootedSystem(leader, child);
  }

  /** Arguments that run a command inside. */
  inside(...command: readonly string[]): string[] {
    const namespaces = ["-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w"];
    return ["nsenter", "-t", `${this.leader}`, ...namespaces, ...command];
  }

  /** Runs a command inside, to whatever end. */
  async run(command: readonly string[], options: RunOptions = {}): Promise<Ended> {
    return await run(this.inside(...command), { env: plainEnvironment(), ...options });
  }

  /** Runs a command inside that must succeed; gives what it printed. */
  async must(command: readonly string[], options: RunOptions = {}): Promise<string> {
    return await must(this.inside(...command), { env: plainEnvironment(), ...options });
  }

  /** Runs a shell script inside that must succeed. */
  async sh(script: string, options: RunOptions = {}): Promise<string> {
    return await this.must(["sh", "-euc", script], options);
  }

  /** A property of a unit. */
  async property(unit: string, name: string): Promise<string> {
    return (await this.must(["systemctl", "show", "--value", `--property=${name}`, unit])).trim();
  }

  /** Waits until a unit's property is something else than it was. */
  async changed(unit: string, name: string, from: string): Promise<string> {
    let now = from;
    await eventually(`${name} of ${unit} changes`, async () => {
      now = await this.property(unit, name);
      return now !== from && now !== "0";
    }, BOOT_PATIENCE);
    return now;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.stdin.close();
    await this.child.status;
  }
}
