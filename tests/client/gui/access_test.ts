/** The window's page by keyboard alone, for a screen reader, in a narrow window, in every view. */
import assert from "node:assert/strict";
import axe from "axe-core";
import { Buffer } from "node:buffer";
import type { Page } from "playwright-core";
import { axeFindings, browserTest, closeBrowser } from "../../support/browser.ts";
import { startDaemon } from "../../support/daemon.ts";
import { startShareServer } from "../../support/share.ts";
import { openPage, startWindow } from "./support.ts";

const daemon = await startDaemon();
const share = await startShareServer();
const env = { ...daemon.env, CRYPTO_SHARE_SERVER: share.origin };
Deno.test.afterAll(async () => {
  await closeBrowser();
  await share[Symbol.asyncDispose]();
  await daemon[Symbol.asyncDispose]();
});

/** Goes through every view, in any language: by what things are and not by what they say. */
async function tour(page: Page, look: (view: string) => Promise<void>): Promise<void> {
  const submit = page.locator("form button.primary");
  const shown = async (selector: string) => await page.locator(selector).first().waitFor();
  const go = async (place: string) => await page.locator(`nav a[href="/${place}"]`).click();
  await page.locator("form select option:nth-child(2)").waitFor({ state: "attached" });
  await page.locator("summary").click();
  await look("encrypt");
  await submit.click();
  await shown(".complaint span");
  await look("nothing to encrypt");
  await page.locator("textarea").fill("a text");
  await submit.click();
  await shown("pre");
  const message = await page.locator("pre").textContent();
  await look("the message");
  await go("#decrypt");
  await page.locator("textarea").fill(message!);
  await look("decrypt");
  await submit.click();
  await shown("pre");
  await look("the text");
  await go("#encrypt");
  await page.locator(".segments input").nth(1).check();
  const file = { name: "a b.txt", mimeType: "", buffer: Buffer.alloc(300_000) };
  await page.locator("input[type=file]").setInputFiles(file);
  await look("files");
  await submit.click();
  await shown("p.actions button.secondary");
  await look("encrypted files");
  await go("#send");
  await page.locator("textarea").fill("a secret");
  await page.locator("input[value=code]").check();
  await look("send");
  await submit.click();
  await shown("input.copied");
  await look("the link");
  await go("#keys");
  await shown("table");
  await look("keys");
  await go("#history");
  await shown("table");
  await look("history");
}

const looks = [
  { colorScheme: "light", locale: "en-US", viewport: { width: 1_000, height: 700 } },
  { colorScheme: "dark", locale: "de-DE", viewport: { width: 320, height: 640 } },
] as const;

for (const { colorScheme, locale, viewport } of looks) {
  const name = `axe finds nothing in any view: ${colorScheme}, ${locale}, ${viewport.width} pixels`;
  await browserTest(name, async () => {
    await using gui = await startWindow({ env });
    // The tool is a script of another's, which the page's policy would not let in.
    const visit = await openPage(gui, { colorScheme, locale, viewport, bypassCSP: true });
    const { page, context } = visit;
    await page.evaluate(axe.source);
    const views: string[] = [];
    await tour(page, async (view) => {
      views.push(view);
      assert.deepEqual(await axeFindings(page), [], view);
      const overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
      assert.equal(overflow, 0, `${view} is to scroll sideways`);
      assert.equal(await page.evaluate("document.documentElement.lang"), locale.slice(0, 2));
    });
    assert.equal(views.length, 11);
    await gui.stop();
    await page.locator("main p.lead:only-of-type").waitFor();
    assert.deepEqual(await axeFindings(page), [], "closed");
    await context.close();
  });
}

await browserTest(
  "all is done with the keyboard, and another language keeps what was typed",
  async () => {
    await using gui = await startWindow({ env });
    const visit = await openPage(gui);
    const { page } = visit;
    const { keyboard } = page;
    const tabTo = async (selector: string) => {
      for (let i = 0; i < 40; i++) {
        await keyboard.press("Tab");
        if (
          await page.evaluate(`document.activeElement.matches(${JSON.stringify(selector)})`)
        ) return;
      }
      assert.fail(`${selector} cannot be reached`);
    };
    await tabTo(".skip");
    await keyboard.press("Enter");
    await tabTo(".segments input");
    await tabTo("textarea");
    await keyboard.type("typed");
    await page.getByLabel("Language").selectOption("Deutsch");
    assert.equal(await visit.value("Ihr Text"), "typed");
    await tabTo("form button.primary");
    await keyboard.press("Enter");
    await visit.reads("Die Nachricht");
    assert.equal(await page.evaluate("document.activeElement.tagName"), "H1");
    assert.equal(await page.title(), "Die Nachricht · crypto");
    await tabTo("pre");
    await tabTo("button.primary");
    await keyboard.press("Space");
    await page.getByRole("status").getByText("Kopiert").waitFor();
    assert.deepEqual(visit.faults, []);
    await visit.context.close();
  },
);
