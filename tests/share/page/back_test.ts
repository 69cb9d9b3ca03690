/** Going back to an opened secret, in a browser that keeps pages as they were left. */
import assert from "node:assert/strict";
import { browserTest, newKeepingContext, WatchedPage } from "../../support/browser.ts";
import { eventually } from "../../support/wait.ts";
import { prints } from "../../cli/support.ts";
import { hostApart } from "./hosted.ts";
import { endsWithTests, env, server } from "./support.ts";

endsWithTests();

const SECRET = "shown once, and not once more";
/** Notes what a kept page shows when it comes back, before the page itself does anything. */
const NOTE = `addEventListener("pageshow", ({ persisted }) => {
  if (persisted) sessionStorage.setItem("kept", document.documentElement.innerHTML);
}, { capture: true })`;
const NOTED = `sessionStorage.getItem("kept")`;

/** Opens a secret, goes elsewhere and back. @returns what was kept of the page meanwhile, if it was */
async function goBack(home: string): Promise<string | null> {
  const sent = await prints(["share", "send", "--json"], { env, stdin: SECRET });
  const link = new URL(new URL(JSON.parse(sent).link).hash, `${home}/s`).href;
  const context = await newKeepingContext();
  try {
    const visit = new WatchedPage(context, await context.newPage());
    await visit.page.addInitScript(NOTE);
    await visit.page.goto(link);
    await visit.press("Open it");
    await visit.page.locator("pre", { hasText: SECRET }).waitFor();
    await visit.page.goto(`${home}/icon.svg`);
    // The page that is left may be gone before it has told that it did.
    await visit.page.evaluate("history.back()").catch(() => undefined);
    await eventually("the page is there again", async () => {
      const html = await visit.page.content().catch(() => "");
      assert.ok(!html.includes(SECRET), "the secret is on the screen again");
      return html.includes("It has been opened before");
    });
    return await visit.page.evaluate(NOTED) as string | null;
  } finally {
    await context.close();
  }
}

await browserTest(
  "a page that a browser kept comes back without the secret, and begins anew",
  async () => {
    // A host that does not forbid it, as the server itself does.
    await using hosted = await hostApart(server.url, { "cache-control": "no-cache" });
    const kept = await goBack(hosted.page);
    assert.notEqual(kept, null, "the browser has kept the page");
    assert.ok(!kept!.includes(SECRET));
  },
);

await browserTest(
  "going back on the server's own page does not bring the secret again",
  async () => {
    await goBack(server.url);
  },
);
