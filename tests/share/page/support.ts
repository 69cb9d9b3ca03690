/**
 * The share page in a real Chromium, which is watched: for what it complains of, and for everything
 * that it asks anybody.
 */
import assert from "node:assert/strict";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "playwright-core";
import { linuxTest } from "../../support/linux.ts";
import { plainEnvironment } from "../../support/process.ts";
import { PATIENCE } from "../../support/wait.ts";
import { startShare, UNHURRIED } from "../server_support.ts";

const ARGUMENTS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** What the page asked somebody. */
export interface Asked {
  readonly url: string;
  readonly headers: string;
  readonly body: string;
}

/** A page of its own, in a browser that remembers nothing. */
export class Visit {
  readonly asked: Asked[] = [];
  /** What it complained of: scripts that failed, what its policy stopped. */
  readonly faults: string[] = [];

  private constructor(readonly context: BrowserContext, readonly page: Page) {
    page.on("console", (message) => {
      const isLoud = message.type() === "error" || message.type() === "warning";
      // An answer that is an error is told like this, too.
      const isAnswer = message.text().startsWith("Failed to load resource");
      if (isLoud && !isAnswer) this.faults.push(message.text());
    });
    page.on("pageerror", (error) => this.faults.push(String(error)));
    page.on("dialog", (dialog) => {
      if (dialog.type() !== "beforeunload") this.faults.push(`a dialog: ${dialog.message()}`);
      void dialog.accept();
    });
    context.on("request", (request) => {
      const [headers, body] = [JSON.stringify(request.headers()), request.postData() ?? ""];
      this.asked.push({ url: request.url(), headers, body });
    });
  }

  static async start(options: BrowserContextOptions): Promise<Visit> {
    const context = await (await browser()).newContext({
      locale: "en-US",
      permissions: ["clipboard-read", "clipboard-write"],
      acceptDownloads: true,
      ...options,
    });
    context.setDefaultTimeout(PATIENCE);
    return new Visit(context, await context.newPage());
  }

  /** Asserts that it kept to its own origin and to its policy. */
  assertQuiet(): void {
    const elsewhere = this.asked.map(({ url }) => url).filter((url) => {
      return !url.startsWith(`${server.url}/`) && !url.startsWith("blob:");
    });
    assert.deepEqual(elsewhere, [], "requests to others");
    assert.deepEqual(this.faults, []);
  }

  /** Presses a button. */
  async press(name: string): Promise<void> {
    await this.page.getByRole("button", { name, exact: true }).click();
  }

  /** Waits for a heading. */
  async reads(heading: string): Promise<void> {
    await this.page.getByRole("heading", { name: heading, exact: true }).waitFor();
  }

  /** What stands in a field. */
  async value(label: string): Promise<string> {
    return await this.page.getByLabel(label, { exact: true }).inputValue();
  }

  /** Opens a path, or a link. */
  async to(place: string): Promise<void> {
    await this.page.goto(new URL(place, server.url).href);
  }

  /** Shares a text, and gives what the page shows then. */
  async send(text: string, opens: string = "The link alone"): Promise<Sent> {
    await this.to("/");
    await this.page.getByLabel("Your text").fill(text);
    await this.page.getByLabel(opens, { exact: true }).check();
    return await this.submit();
  }

  /** Makes the link of what is in the form. */
  async submit(): Promise<Sent> {
    await this.press("Make the link");
    await this.reads("The link is ready");
    const hasCode = await this.page.getByLabel("Code", { exact: true }).count() > 0;
    return {
      link: await this.value("Link"),
      code: hasCode ? await this.value("Code") : "",
      receipt: await this.value("Receipt, for you alone"),
    };
  }
}

/** What a sender sees. */
export interface Sent {
  readonly link: string;
  /** Empty where there is none. */
  readonly code: string;
  readonly receipt: string;
}

/** The server that the pages come from. */
export const server = await startShare(UNHURRIED);
/** An environment in which the command line finds it. */
export const env = {
  ...plainEnvironment(),
  HOME: server.directory,
  CRYPTO_SHARE_SERVER: server.url,
};

let started: Promise<Browser> | undefined;

/** One browser for all tests of a file. */
function browser(): Promise<Browser> {
  return started ??= chromium.launch({ executablePath: "/usr/bin/chromium", args: ARGUMENTS });
}

/** Registers an end of what this file started. */
export function endsWithTests(): void {
  Deno.test.afterAll(async () => {
    await (await started)?.close();
    await server[Symbol.asyncDispose]();
  });
}

/** A test with a page, which at its end must have been quiet. */
export async function pageTest(
  name: string,
  act: (visit: Visit) => Promise<void>,
  options: BrowserContextOptions = {},
): Promise<void> {
  const run = async () => {
    const visit = await Visit.start(options);
    try {
      await act(visit);
      visit.assertQuiet();
    } finally {
      await visit.context.close();
    }
  };
  // The browser outlives a test.
  await linuxTest(name, ["chromium"], run, { sanitizeOps: false, sanitizeResources: false });
}
