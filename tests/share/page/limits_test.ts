/** What the page lets somebody choose on a server that allows less than is usual. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Locator } from "playwright-core";
import { browserTest } from "../../support/browser.ts";
import { eventually } from "../../support/wait.ts";
import { startShare } from "../server_support.ts";
import { hostApart } from "./hosted.ts";
import { endsWithTests, Visit } from "./support.ts";

endsWithTests();

const LIMITS = ["--max-ttl", "432000", "--max-views", "3", "--max-bytes", "20000000"];
const small = await startShare(LIMITS);
Deno.test.afterAll(() => small[Symbol.asyncDispose]());

async function offered(select: Locator): Promise<readonly string[]> {
  return await select.locator("option").allTextContents();
}

/** Goes through the page, wherever it is hosted: this one says the limits, or asks for them. */
async function walk(visit: Visit, home: string): Promise<void> {
  const { page } = visit;
  await page.goto(`${home}/#request`);
  const ttl = page.getByLabel("It can be answered for");
  const size = page.getByLabel("Largest answer");
  // At once, as whoever changes nothing does.
  await visit.press("Make the links");
  await visit.reads("The links are ready");
  await visit.press("Ask for something else");
  await eventually("it offers what is allowed", async () => (await offered(ttl)).length === 4);
  assert.deepEqual(await offered(ttl), ["1 hour", "1 day", "3 days", "5 days"]);
  assert.equal(await ttl.inputValue(), "432000");
  assert.deepEqual(await offered(size), ["1 MB", "10 MB", "19.9 MB"]);

  await page.goto(`${home}/#send`);
  const lifetime = page.getByLabel("It can be opened for");
  await eventually("it offers what is allowed", async () => (await offered(lifetime)).length === 4);
  assert.equal(await lifetime.inputValue(), "86400");
  const views = page.getByLabel("Times it can be opened");
  assert.equal(await views.getAttribute("max"), "3");
  await page.getByLabel("Your text").fill("short");
  await page.getByLabel("The link alone", { exact: true }).check();
  await views.fill("4");
  await visit.press("Make the link");
  await page.getByText("Give a number from 1 to 3.").waitFor();
  await views.fill("3");
  await page.getByLabel("Files", { exact: true }).check();
  const [name, mimeType] = ["large", "application/octet-stream"];
  const buffer = Buffer.alloc(20_000_001);
  await page.getByLabel("Choose files").setInputFiles({ name, mimeType, buffer });
  await visit.press("Make the link");
  await page.getByText("This is more than the 20 MB that the server takes.").waitFor();
  await page.getByLabel("Text", { exact: true }).check();
  await lifetime.selectOption("432000");
  await visit.submit();
  assert.deepEqual(visit.faults, []);
}

async function visited(act: (visit: Visit) => Promise<void>): Promise<void> {
  const visit = await Visit.start({});
  try {
    await act(visit);
  } finally {
    await visit.context.close();
  }
}

await browserTest("the page offers what its server allows, no more and no less", async () => {
  await visited((visit) => walk(visit, small.url));
});

await browserTest("a page hosted elsewhere asks what the API allows, and offers that", async () => {
  await using hosted = await hostApart(small.url);
  await visited((visit) => walk(visit, hosted.page));
});
