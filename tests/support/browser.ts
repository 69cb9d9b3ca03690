/**
 * Pages in a real Chromium, which are watched: for what they complain of, and for everything that
 * they ask anybody.
 */
import type axe from "axe-core";
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from "playwright-core";
import { linuxTest } from "./linux.ts";
import { PATIENCE } from "./wait.ts";

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

/** What a page asked somebody. */
export interface Asked {
  readonly url: string;
  readonly headers: string;
  readonly body: string;
}

/** A page of its own, in a browser that remembers nothing. */
export class WatchedPage {
  readonly asked: Asked[] = [];
  /** What it complained of: scripts that failed, what its policy stopped. */
  readonly faults: string[] = [];

  constructor(readonly context: BrowserContext, readonly page: Page) {
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
}

let started: Promise<Browser> | undefined;
let keeping: Promise<Browser> | undefined;

/** A context of a browser that keeps pages that are left, as people's do: tests are run without. */
export async function newKeepingContext(): Promise<BrowserContext> {
  keeping ??= chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ARGUMENTS,
    ignoreDefaultArgs: ["--disable-back-forward-cache"],
  });
  const context = await (await keeping).newContext({ locale: "en-US" });
  context.setDefaultTimeout(PATIENCE);
  return context;
}

/** A browser that remembers nothing, within the one browser of a file of tests. */
export async function newContext(options: BrowserContextOptions): Promise<BrowserContext> {
  started ??= chromium.launch({ executablePath: "/usr/bin/chromium", args: ARGUMENTS });
  const context = await (await started).newContext({
    locale: "en-US",
    permissions: ["clipboard-read", "clipboard-write"],
    acceptDownloads: true,
    ...options,
  });
  context.setDefaultTimeout(PATIENCE);
  return context;
}

/** Ends the browser, if there is one. */
export async function closeBrowser(): Promise<void> {
  await (await started)?.close();
  await (await keeping)?.close();
}

/** Registers a test that needs a browser, which outlives it. */
export async function browserTest(name: string, run: () => Promise<void>): Promise<void> {
  await linuxTest(name, ["chromium"], run, { sanitizeOps: false, sanitizeResources: false });
}

/** Whatever axe, which is in the page already, finds in it as it is. */
export async function axeFindings(page: Page): Promise<string[]> {
  const found = await page.evaluate("axe.run().then(({ violations }) => violations)");
  return (found as axe.Result[]).map(({ id, nodes }) => {
    return `${id}: ${nodes.map(({ html }) => html).join(" ")}`;
  });
}
