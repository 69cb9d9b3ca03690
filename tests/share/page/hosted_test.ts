/** The page that `crypto share-lambda` writes, in a browser, hosted apart from the API. */
import assert from "node:assert/strict";
import { browserTest } from "../../support/browser.ts";
import { hostApart } from "./hosted.ts";
import { endsWithTests, server, Visit } from "./support.ts";

endsWithTests();

await browserTest("a page hosted elsewhere sends and opens, and asks the API alone", async () => {
  await using hosted = await hostApart(server.url);
  const visit = await Visit.start({});
  try {
    await visit.page.goto(hosted.page);
    await visit.page.getByLabel("Your text").fill("from elsewhere");
    await visit.page.getByLabel("The link alone", { exact: true }).check();
    const { link } = await visit.submit();
    assert.ok(link.startsWith(`${hosted.page}/s#`), link);
    await visit.page.goto("about:blank");
    await visit.page.goto(link);
    await visit.press("Open it");
    await visit.reads("The secret");
    assert.equal(await visit.page.locator("pre").textContent(), "from elsewhere");
    const asked = new Set(
      visit.asked.filter(({ url }) => url.startsWith("http"))
        .map(({ url }) => `${new URL(url).origin}${/\/api\//.test(url) ? "/api/" : ""}`),
    );
    assert.deepEqual(asked, new Set([hosted.page, `${hosted.api}/api/`]));
    assert.deepEqual(visit.faults, []);
  } finally {
    await visit.context.close();
  }
});
