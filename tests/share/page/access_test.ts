/** The share page by keyboard alone, for a screen reader, in a narrow window, in every view. */
import assert from "node:assert/strict";
import axe from "axe-core";
import { Buffer } from "node:buffer";
import type { Page } from "playwright-core";
import { axeFindings } from "../../support/browser.ts";
import { endsWithTests, pageTest, server, type Visit } from "./support.ts";

endsWithTests();

/** Is told each view, by a name of its own. */
type Look = (view: string) => Promise<void>;

/** Goes through every view, in any language: by what things are and not by what they say. */
async function tour({ page, to }: Tour, look: Look): Promise<void> {
  const submit = page.locator("form button.primary");
  const shown = async (selector: string) => await page.locator(selector).first().waitFor();
  const copied = async (at: number) => await page.locator("input.copied").nth(at).inputValue();
  await to("/");
  await shown("textarea");
  await look("send");
  await submit.click();
  await shown(".complaint span");
  await look("nothing to send");
  await page.locator(".segments input").nth(1).check();
  const file = { name: "a b.txt", mimeType: "", buffer: Buffer.alloc(300_000) };
  await page.locator("input[type=file]").setInputFiles(file);
  await page.locator("input[value=passphrase]").check();
  await look("files, with a passphrase");
  await page.locator("input[value=code]").check();
  await submit.click();
  await shown(".receipt");
  await page.locator("summary").click();
  await look("the link");
  const [link, code, receipt] = [await copied(0), await copied(1), await copied(2)];
  await to(link.replace("#", "%23"));
  await shown("form");
  await look("a damaged link, with a code");
  await page.locator("form input").fill(code);
  await submit.click();
  await shown("ul.files");
  await look("the files");
  await page.reload();
  await shown("p.actions a");
  await look("opened before");
  await to("/#receipt");
  await page.locator("form input").fill(receipt);
  await submit.click();
  await shown("dl");
  await look("a receipt");
  await to("/#request");
  await shown("form select");
  await look("request");
  await submit.click();
  await shown("input.copied");
  await look("the links of a request");
  const [asks, own] = [await copied(0), await copied(1)];
  await to(own);
  await shown("p.actions button");
  await look("no answer yet");
  await to(asks);
  await page.locator("textarea").fill("An answer of some length\nand two lines \u202e");
  await look("answer");
  await submit.click();
  await shown(".receipt");
  await look("answered");
  await page.locator(".receipt > button").click();
  await page.locator(".revocation > button").click();
  await look("revoke");
  await to(own);
  await submit.click();
  await shown("pre");
  await look("the text");
}

interface Tour {
  readonly page: Page;
  readonly to: (place: string) => Promise<void>;
}

async function overflow(page: Page): Promise<unknown> {
  return await page.evaluate("document.documentElement.scrollWidth - innerWidth");
}

const looks = [
  { colorScheme: "light", locale: "en-US", viewport: { width: 1_000, height: 700 } },
  { colorScheme: "dark", locale: "de-DE", viewport: { width: 320, height: 640 } },
] as const;

for (const { colorScheme, locale, viewport } of looks) {
  const name = `axe finds nothing in any view: ${colorScheme}, ${locale}, ${viewport.width} pixels`;
  // The tool is a script of another's, which the page's policy would not let in.
  await pageTest(name, async (visit) => {
    const { page } = visit;
    await page.addInitScript(axe.source);
    const views: string[] = [];
    await tour({ page, to: (place) => visit.to(place) }, async (view) => {
      views.push(view);
      assert.deepEqual(await axeFindings(page), [], view);
      assert.equal(await overflow(page), 0, `${view} is to scroll sideways`);
      assert.equal(await page.evaluate("document.documentElement.lang"), locale.slice(0, 2));
    });
    assert.equal(views.length, 15);
  }, { colorScheme, locale, viewport, bypassCSP: true });
}

/** Goes on with Tab until something has the focus. */
async function tabTo({ page }: Visit, selector: string): Promise<void> {
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press("Tab");
    if (await page.evaluate(`document.activeElement.matches(${JSON.stringify(selector)})`)) return;
  }
  assert.fail(`${selector} cannot be reached`);
}

await pageTest("a secret is sent and opened with the keyboard alone", async (visit) => {
  const { page } = visit;
  const { keyboard } = page;
  await visit.to("/");
  await visit.reads("Share a secret");
  await tabTo(visit, ".skip");
  await keyboard.press("Enter");
  await tabTo(visit, ".segments input");
  await tabTo(visit, "textarea");
  await keyboard.type("typed");
  await tabTo(visit, "input[value=link]");
  await keyboard.press("ArrowDown");
  await tabTo(visit, "button.primary");
  await keyboard.press("Enter");
  await visit.reads("The link is ready");
  assert.equal(await page.evaluate("document.activeElement.tagName"), "H1");
  const [link, code] = [await visit.value("Link"), await visit.value("Code")];
  await tabTo(visit, "button.primary");
  await keyboard.press("Space");
  await page.getByRole("button", { name: "Copy: Link" }).getByText("Copied").waitFor();
  assert.equal(await page.evaluate("navigator.clipboard.readText()"), link);
  assert.equal(await page.getByRole("status").textContent(), "Copied");
  await visit.to(link);
  await visit.reads("A secret for you");
  await tabTo(visit, "main form input");
  await keyboard.press("Enter");
  await page.getByRole("alert").getByText("Type the code").waitFor();
  const field = page.getByLabel("Code or passphrase");
  assert.equal(await field.getAttribute("aria-invalid"), "true");
  assert.ok(await field.evaluate((field) => field.matches(":focus")));
  await keyboard.type(code);
  await keyboard.press("Enter");
  await visit.reads("The secret");
  await tabTo(visit, "pre");
  assert.equal(await page.locator("pre").textContent(), "typed");
});

await pageTest("another language keeps what was typed and what is shown", async (visit) => {
  const { page } = visit;
  await visit.to("/");
  await page.getByLabel("Your text").fill("bleibt");
  await page.getByLabel("Language").selectOption("Deutsch");
  await visit.reads("Ein Geheimnis teilen");
  assert.equal(await visit.value("Ihr Text"), "bleibt");
  assert.equal(await page.title(), "Ein Geheimnis teilen · crypto share");
  await visit.press("Link erzeugen");
  await visit.reads("Der Link ist fertig");
  const link = await visit.value("Link");
  await page.getByLabel("Sprache").selectOption("English");
  await visit.reads("The link is ready");
  assert.equal(await visit.value("Link"), link);
  assert.equal(await page.evaluate("document.documentElement.lang"), "en");
});

await pageTest("whoever reads neither language gets English", async (visit) => {
  await visit.to("/");
  await visit.reads("Share a secret");
}, { locale: "ja-JP" });

await pageTest("where little motion is wanted there is none", async (visit) => {
  await visit.to("/");
  await visit.reads("Share a secret");
  const moving = await visit.page.evaluate(
    "document.getAnimations().length + [...document.querySelectorAll('*')].filter((one) => " +
      "getComputedStyle(one).transitionDuration !== '0s').length",
  );
  assert.equal(moving, 0);
}, { reducedMotion: "reduce" });

await pageTest("while a passphrase is stretched the page goes on", async (visit) => {
  const { page } = visit;
  await visit.to("/");
  await page.getByLabel("Your text").fill("slow");
  await page.getByLabel("The link and a code of four words").check();
  await page.evaluate(`{
    window.ticks = 0;
    setInterval(() => document.querySelector(".busy") && ticks++, 10);
  }`);
  await visit.submit();
  const ticks = Number(await page.evaluate("ticks"));
  assert.ok(ticks >= 5, `${ticks} ticks`);
});

await pageTest("without script the page says what it needs", async (visit) => {
  await visit.to("/");
  await visit.page.getByText("This page decrypts in your browser").waitFor();
  assert.ok(visit.asked.every(({ url }) => url.startsWith(server.url)));
}, { javaScriptEnabled: false });
