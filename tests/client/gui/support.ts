/** A window of the compiled program, with a daemon of its own behind it. */
import { request } from "node:http";
import type { BrowserContextOptions } from "playwright-core";
import { newContext, WatchedPage } from "../../support/browser.ts";
import { compiledProgram, kill } from "../../support/process.ts";
import { eventually, soon } from "../../support/wait.ts";

/** A share server that is not there. */
const NOBODY = "http://127.0.0.1:9";

/** How a window is started. */
export interface WindowOptions {
  /** All of its environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly args?: readonly string[] | undefined;
}

/** A running `crypto gui`, which opens no browser of its own unless it is told to. */
export class GuiWindow implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #output: Promise<void>;
  readonly status: Promise<Deno.CommandStatus>;
  stderr = "";
  #html = "";

  constructor({ env, args = ["--no-open"] }: WindowOptions) {
    this.#child = new Deno.Command(compiledProgram(), {
      args: ["gui", ...args],
      env: { CRYPTO_SHARE_SERVER: NOBODY, ...env },
      clearEnv: true,
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.status = this.#child.status;
    this.#output = this.#collect();
  }

  async #collect(): Promise<void> {
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      this.stderr += text;
    }
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The file that is to be opened. */
  get handoff(): string {
    return /in your browser: (.*)$/m.exec(this.stderr)![1]!;
  }

  /** Where it listens. */
  get origin(): string {
    return /action="(.*)\/open"/.exec(this.#html)![1]!;
  }

  /** What the file hands over. */
  get token(): string {
    return /name="token" value="(.*?)"/.exec(this.#html)![1]!;
  }

  async ready(): Promise<this> {
    let ended = false;
    void this.status.then(() => ended = true);
    await eventually("the window is served", () => {
      if (ended) throw new Error(`it did not start: ${this.stderr}`);
      return this.stderr.includes("in your browser");
    });
    this.#html = await Deno.readTextFile(this.handoff);
    return this;
  }

  /** Waits until it has ended by itself. */
  async ended(): Promise<Deno.CommandStatus> {
    return await soon("the end of the window", this.status);
  }

  async stop(): Promise<Deno.CommandStatus> {
    kill(this.#child, "SIGTERM");
    return await this.ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    kill(this.#child, "SIGKILL");
    await this.status;
    await this.#output;
  }
}

/** Starts a window and waits until its file is there. */
export async function startWindow(options: WindowOptions): Promise<GuiWindow> {
  const gui = new GuiWindow(options);
  try {
    return await gui.ready();
  } catch (error) {
    await gui[Symbol.asyncDispose]();
    throw error;
  }
}

/** An answer, as far as tests look at it. */
export interface RawAnswer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** Asks with exactly these headers, as no browser would: any program can. */
export async function raw(
  url: string,
  method: string,
  headers: Readonly<Record<string, string>> = {},
  body = "",
): Promise<RawAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<RawAnswer>();
  const asked = request(url, { method, headers }, (answer) => {
    let text = "";
    answer.setEncoding("utf8").on("data", (piece: string) => text += piece);
    answer.on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, text }));
  });
  asked.on("error", reject);
  asked.end(body);
  return await promise;
}

/** What a page has that was opened. */
export interface Session {
  readonly cookie: string;
  readonly key: string;
}

/** Opens a window as a browser does, from its file. */
export async function openSession({ origin, token }: GuiWindow): Promise<Session> {
  const { headers, text } = await raw(
    `${origin}/open`,
    "POST",
    { origin: "null" },
    `token=${token}`,
  );
  const cookie = String(headers["set-cookie"]).split(";")[0]!;
  return { cookie, key: /name="session" content="(.*?)"/.exec(text)![1]! };
}

/** The headers that the page's own requests have. */
export function pageHeaders(origin: string, { cookie, key }: Session): Record<string, string> {
  return { origin, cookie, "sec-fetch-site": "same-origin", "x-crypto-session": key };
}

/** A page that a browser opened from the file. */
export async function openPage(
  { handoff }: GuiWindow,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await newContext(options);
  const watched = new WatchedPage(context, await context.newPage());
  await watched.page.goto(`file://${handoff}`);
  await watched.page.locator("textarea").waitFor();
  return watched;
}
