/** The share page in a real Chromium, which is watched. */
import assert from "node:assert/strict";
import type { BrowserContextOptions } from "playwright-core";
import { browserTest, closeBrowser, newContext, WatchedPage } from "../../support/browser.ts";
import { plainEnvironment } from "../../support/process.ts";
import { startShare, UNHURRIED } from "../server_support.ts";

/** A page of its own, in a browser that remembers nothing. */
export class Visit extends WatchedPage {
  static async start(options: BrowserContextOptions): Promise<Visit> {
    const context = await newContext(options);
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

/** Registers an end of what this file started. */
export function endsWithTests(): void {
  Deno.test.afterAll(async () => {
    await closeBrowser();
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
  await browserTest(name, run);
}
