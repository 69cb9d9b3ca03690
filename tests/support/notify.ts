/** A real notify socket, as a service manager has one. Needs python3. */
import { fileURLToPath } from "node:url";
import { kill, plainEnvironment } from "./process.ts";
import { eventually, soon } from "./wait.ts";

/** What came in one datagram. */
export interface Notice {
  readonly text: string;
  /** Who sent it, as the kernel says. */
  readonly pid: number;
  /** When, in microseconds of the monotonic clock. */
  readonly at: number;
  /** When it was seen here, in milliseconds of `Date`. */
  readonly seen: number;
}

/** Takes what is sent to an address. */
export class NotifySocket implements AsyncDisposable {
  /** All that has come. */
  readonly notices: Notice[] = [];
  readonly #child: Deno.ChildProcess;
  readonly #collected: Promise<void>;
  #bound = false;

  private constructor(readonly address: string) {
    this.#child = new Deno.Command("python3", {
      args: [fileURLToPath(new URL("notify.py", import.meta.url)), address],
      env: plainEnvironment(),
      clearEnv: true,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#collected = this.#collect();
  }

  /** @param address a path, or an abstract name after `@` */
  static async bind(address: string): Promise<NotifySocket> {
    const socket = new NotifySocket(address);
    await eventually("the notify socket is bound", () => socket.#bound);
    return socket;
  }

  async #collect(): Promise<void> {
    let rest = "";
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      const lines = (rest + text).split("\n");
      rest = lines.pop()!;
      const notices = lines.map((line) => JSON.parse(line)).filter((one) => "text" in one);
      this.notices.push(...notices.map((one) => ({ ...one, seen: Date.now() })));
      this.#bound = true;
    }
  }

  /** How many datagrams have come that begin so. */
  count(start: string): number {
    return this.notices.filter(({ text }) => text.startsWith(start)).length;
  }

  /** Waits for a datagram that begins so, after the first `after` ones. */
  async next(start: string, after = 0): Promise<Notice> {
    const find = () => this.notices.slice(after).find(({ text }) => text.startsWith(start));
    await eventually(`${start} has come`, () => find() !== undefined);
    return find()!;
  }

  /** Takes nothing until {@link resume}. */
  pause(): void {
    kill(this.#child, "SIGSTOP");
  }

  resume(): void {
    kill(this.#child, "SIGCONT");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.stdin.close().catch(() => {});
    await soon("the notify socket's end", this.#child.status).catch(() => {
      kill(this.#child, "SIGKILL");
    });
    await this.#collected;
  }
}
