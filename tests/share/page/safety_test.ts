/** What the share page does with what it should not trust, and what it never lets out. */
import assert from "node:assert/strict";
import { toBase64Url } from "../../../core/base64.ts";
import { fromUtf8, utf8 } from "../../../core/bytes.ts";
import { deriveLinkProof } from "../../../core/share/keys.ts";
import { formatLink, parseLink } from "../../../core/share/link.ts";
import { ShareApi } from "../../../share/client/api.ts";
import { type Content, partsContent, textContent } from "../../../share/client/content.ts";
import { lookAt } from "../../../share/client/open.ts";
import { sendSecret } from "../../../share/client/send.ts";
import { endsWithTests, pageTest, server, type Visit } from "./support.ts";

endsWithTests();

const api = new ShareApi(server.url);
const MOST_REQUESTS = 5;

/** Shares what a sender of their own making could. */
async function share(content: Content, passphrase?: string): Promise<string> {
  const terms = { ttl: 3_600, views: 1 };
  const { secret } = await sendSecret(api, content, { terms, passphrase });
  return formatLink(server.url, secret);
}

function file(name: string, type: string, text: string) {
  const read = async function* () {
    yield utf8(text);
  };
  return { name, type, size: utf8(text).length, read };
}

const SCRIPT =
  "<script>document.title = 'run'</script><img src=x onerror=\"document.title='run'\">";

await pageTest("whatever a text looks like, it is shown as text", async (visit) => {
  const hostile = [
    `${SCRIPT}<svg onload="document.title='run'"/>`,
    "javascript:alert(document.cookie)",
    "\u001b]0;title\u0007\u001b[2J",
    "abc\u202egpj.exe\u2066",
    "{{constructor.constructor('alert(1)')()}} ${alert(1)} &lt;b&gt;",
  ];
  for (const text of hostile) {
    await visit.to(await share(textContent(utf8(text))));
    await visit.press("Open it");
    await visit.reads("The secret");
    const shown = visit.page.locator("pre");
    assert.equal(await shown.textContent(), text);
    assert.equal(await shown.locator("*").count(), 0);
    assert.equal(await visit.page.locator("main a").count(), 0);
    await visit.press("Copy: The secret");
    await visit.page.getByRole("button", { name: "Copy: The secret" }).getByText("Copied")
      .waitFor();
    assert.equal(await visit.page.evaluate("navigator.clipboard.readText()"), text);
    const odd = await visit.page.getByText("Some of its characters are not visible").count();
    // deno-lint-ignore no-control-regex
    assert.equal(odd, /[\u001b\u202e]/.test(text) ? 1 : 0);
    assert.equal(await visit.page.title(), "The secret · crypto share");
  }
});

await pageTest(
  "whatever a file is called and says it is, it is only ever saved, as bytes",
  async (visit) => {
    const { page } = visit;
    const names: [given: string, shown: string, saved: string][] = [
      ["../../etc/passwd", "passwd", "passwd"],
      ["C:\\windows\\evil.html", "evil.html", "evil.html"],
      ["photo\u202egpj.svg", "photogpj.svg", "photogpj.svg"],
      [
        `<img src=x onerror=alert(1)>.htm`,
        "_img src=x onerror=alert(1)_.htm",
        "_img src=x onerror=alert(1)_.htm",
      ],
      ["a\r\nb\u0000.xhtml", "ab.xhtml", "ab.xhtml"],
      ["ab.xhtml", "ab (2).xhtml", "ab (2).xhtml"],
    ];
    const parts = names.map(([name]) => file(name, "text/html", SCRIPT));
    await visit.to(await share(partsContent(parts)));
    await visit.press("Open it");
    await visit.reads("The files");
    assert.deepEqual(
      await page.locator(".files .name").allTextContents(),
      names.map(([, shown]) => shown),
    );
    const here = page.url();
    for (const [, shown, saved] of names) {
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        visit.press(`Save ${shown}`),
      ]);
      assert.equal(download.suggestedFilename(), saved);
      assert.equal(await Deno.readTextFile(await download.path()), SCRIPT);
    }
    assert.equal(page.url(), here);
    assert.equal(visit.context.pages().length, 1);
  },
);

await pageTest("bytes that are no text are offered as a file", async (visit) => {
  const bytes = new Uint8Array([0xff, 0xfe, 0, 1]);
  await visit.to(await share(textContent(bytes)));
  await visit.press("Open it");
  const [download] = await Promise.all([
    visit.page.waitForEvent("download"),
    visit.press("Save text.txt"),
  ]);
  assert.deepEqual(await Deno.readFile(await download.path()), bytes);
});

await pageTest(
  "who loads the page and clicks everything opens nothing, where there is a code",
  async (visit) => {
    const { page } = visit;
    const link = await share(textContent(utf8("guarded")), "acid-acorn-acre-acts");
    for (let round = 0; round < 3; round++) {
      await visit.to(link);
      await page.getByRole("button", { name: "Open it" }).waitFor();
      const inside = page.locator(
        "main button, main summary, main input, main select, main label, main a",
      );
      for (let i = 0; i < await inside.count(); i++) await inside.nth(i).click();
      await page.keyboard.press("Enter");
    }
    const seen = await lookAt(api, await deriveLinkProof(parseLink(link).secret));
    assert.deepEqual([seen.attemptsLeft, seen.views], [10, 1]);
    assert.ok(!visit.asked.some(({ url }) => url.endsWith("/api/take")));
  },
);

await pageTest("loading, going back, and reloading take nothing", async (visit) => {
  const link = await share(textContent(utf8("waits")));
  for (let round = 0; round < 3; round++) {
    await visit.to(link);
    await visit.page.getByText("Looking at this page opens nothing").waitFor();
    await visit.page.reload();
    await visit.page.getByText("Looking at this page opens nothing").waitFor();
    await visit.to("/");
    await visit.page.goBack();
    await visit.page.getByText("Looking at this page opens nothing").waitFor();
  }
  assert.ok(!visit.asked.some(({ url }) => url.endsWith("/api/take")));
});

/** Everything that a page could have left somewhere in its browser. */
const LEFT = `(async () => JSON.stringify({
  local: { ...localStorage },
  session: { ...sessionStorage },
  databases: await indexedDB.databases(),
  caches: await caches.keys(),
  workers: (await navigator.serviceWorker.getRegistrations()).length,
  cookies: document.cookie,
  state: history.state,
  named: window.name,
}))()`;
const NOTHING = JSON.stringify({
  local: {},
  session: {},
  databases: [],
  caches: [],
  workers: 0,
  cookies: "",
  state: null,
  named: "",
});

async function leftNothing(visit: Visit, secrets: readonly string[]): Promise<void> {
  assert.equal(await visit.page.evaluate(LEFT), NOTHING);
  const title = await visit.page.title();
  for (const secret of secrets) assert.ok(!title.includes(secret));
}

await pageTest("nothing secret is in a request, an address, a title, or kept", async (visit) => {
  const { page } = visit;
  const plain = "very-secret-plaintext";
  const { link, code, receipt } = await visit.send(plain, "The link and a code of four words");
  assert.equal(page.url(), `${server.url}/`, "a new link is not an address of the page");
  const secret = link.split("#")[1]!;
  const secrets = [plain, secret, code, receipt];
  await leftNothing(visit, secrets);
  await visit.press("See whether it was opened");
  await page.getByText("Not opened yet").waitFor();
  assert.equal(page.url(), `${server.url}/`);
  await visit.to(link);
  await page.getByLabel("Code or passphrase").fill(code);
  await visit.press("Open it");
  await page.locator("pre", { hasText: plain }).waitFor();
  await leftNothing(visit, secrets);
  assert.equal(page.url(), link, "a refresh needs it: what can it tell then");
  assert.ok(visit.asked.length >= 8);
  for (const { url, headers, body } of visit.asked) {
    for (const told of [url.split("#")[0]!, headers, body]) {
      for (const hidden of secrets) assert.ok(!told.includes(hidden), `${url}: ${told}`);
    }
  }
  const { id } = await deriveLinkProof(parseLink(link).secret);
  const addresses = visit.asked.map(({ url, headers }) => url + headers).join();
  assert.ok(!addresses.includes(toBase64Url(id)), "not even the id");
});

await pageTest("what a request's own link gives stays in the browser, too", async (visit) => {
  await visit.to("/#request");
  await visit.press("Make the links");
  await visit.reads("The links are ready");
  const links = [
    await visit.value("Link to give away"),
    await visit.value("Your own link: keep it"),
  ];
  const secrets = links.map((link) => link.split(".").at(-1)!);
  await leftNothing(visit, secrets);
  await visit.to(links[1]!);
  await visit.reads("Nobody has answered yet");
  for (const { url, headers, body } of visit.asked) {
    for (const told of [url.split("#")[0]!, headers, body]) {
      for (const hidden of secrets) assert.ok(!told.includes(hidden), url);
    }
  }
});

// How many bytes they have, ../page_test.ts counts.
await pageTest("the whole page comes in at most 5 requests", async (visit) => {
  const { page } = visit;
  // The icon is asked for by browsers with a window alone.
  const asked = new Set([`${server.url}/icon.svg`]);
  page.context().on("requestfinished", (request) => asked.add(request.url()));
  await visit.to("/");
  await visit.reads("Share a secret");
  await page.waitForLoadState("networkidle");
  assert.equal(asked.size, MOST_REQUESTS, [...asked].join());
});

await pageTest("an injected script or style is stopped by the page's policy", async (visit) => {
  await visit.to("/");
  await visit.reads("Share a secret");
  const stopped = await visit.page.evaluate(`(async () => {
    const violations = [];
    addEventListener("securitypolicyviolation", ({ effectiveDirective }) => {
      violations.push(effectiveDirective);
    });
    const script = document.createElement("script");
    script.append("document.title = 'run'");
    document.body.append(script);
    const style = document.createElement("style");
    style.append("body { display: none }");
    document.body.append(style);
    const image = document.createElement("img");
    image.src = "https://example.org/x.png";
    document.body.append(image);
    try { document.body.innerHTML = "<b>x</b>"; } catch (error) { violations.push(error.name); }
    await fetch("https://example.org/").catch(() => {});
    await new Promise((resolve) => setTimeout(resolve));
    return violations.sort().join();
  })()`);
  for (
    const what of [
      "TypeError",
      "require-trusted-types-for",
      "style-src-elem",
      "img-src",
      "connect-src",
    ]
  ) {
    assert.ok(String(stopped).includes(what), `${what}: ${stopped}`);
  }
  assert.equal(await visit.page.title(), "Share a secret · crypto share");
  // What it complained of is what this test did, and what it asked others was stopped.
  visit.faults.length = 0;
  visit.asked.length = 0;
});

Deno.test("what is served holds no source map, no comment of ours, and no path of a machine", async () => {
  for (const path of ["/", "/page.js", "/worker.js", "/page.css", "/icon.svg"]) {
    const text = fromUtf8(await (await fetch(server.url + path)).bytes());
    assert.doesNotMatch(text, /sourceMappingURL|file:\/\/|node_modules|\/tmp\//, path);
  }
});
