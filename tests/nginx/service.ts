/** Programs that run on a machine. */
import { plainEnvironment } from "../support/process.ts";
import { soon } from "../support/wait.ts";

/** A program that runs on a machine until it is disposed of. */
export class Service implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  #end: Deno.Signal = "SIGTERM";

  constructor([program = "", ...args]: readonly string[]) {
    const env = { ...plainEnvironment(), HOME: "/nonexistent" };
    const io = { stdin: "null", stdout: "null", stderr: "null" } as const;
    this.#child = new Deno.Command(program, { args, env, clearEnv: true, ...io }).spawn();
  }

  /** `nsenter --pid` forks, so that the program is a child of what was started. */
  async pid(): Promise<number> {
    return await childOf(this.#child.pid);
  }

  /** Makes it stand still until its end, which then does not wait for what has begun. */
  async pause(): Promise<void> {
    this.#end = "SIGKILL";
    signal(await this.pid(), "SIGSTOP");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const pid = await this.pid().catch(() => 0);
    // Both stand still if one was made to.
    for (const one of [pid, this.#child.pid]) signal(one, "SIGCONT");
    signal(pid, this.#end);
    await soon("the end of a program", this.#child.status);
  }
}

/** Sends a signal to a process, if it is still there. */
function signal(pid: number, signal: Deno.Signal): void {
  try {
    if (pid > 0) Deno.kill(pid, signal);
  } catch {
    // It has ended.
  }
}

/** The process that another has made: `unshare --fork` and `nsenter --pid` have one. */
export async function childOf(pid: number): Promise<number> {
  return Number(await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`));
}
