/** The page that `crypto share-lambda` writes, hosted apart from the API, as its README says. */
import assert from "node:assert/strict";
import { Folder, prints } from "../../cli/support.ts";
import { linuxTest } from "../../support/linux.ts";
import { endsWithTests, server, Visit } from "./support.ts";

endsWithTests();

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html",
  js: "text/javascript",
  css: "text/css",
  svg: "image/svg+xml",
};

/** Where the page is not: the API behind what the templates make, which lets that page ask it. */
function startApi(page: () => string) {
  const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
  return Deno.serve(options, async (request) => {
    const headers = new Headers({
      "access-control-allow-origin": page(),
      "access-control-allow-methods": "POST",
      "access-control-allow-headers": "content-type,crypto-share",
    });
    if (request.method === "OPTIONS") return new Response(null, { status: 204, headers });
    const { pathname } = new URL(request.url);
    const answer = await fetch(server.url + pathname, {
      method: request.method,
      headers: request.headers,
      body: request.method === "POST" ? await request.bytes() : null,
    });
    for (const [name, value] of answer.headers) headers.set(name, value);
    return new Response(answer.body, { status: answer.status, headers });
  });
}

/** A server of static files with the headers of the README. */
function startHost(directory: string) {
  const readme = Deno.readTextFileSync(`${directory}/README.md`);
  const lines = Array.from(readme.matchAll(/^ {6}([a-z-]+): (.*)$/gm), ([, name, value]) => {
    return [name, value] as [string, string];
  });
  assert.ok(lines.some(([name]) => name === "content-security-policy"));
  const options = { hostname: "127.0.0.1", port: 0, onListen: () => {} };
  return Deno.serve(options, ({ url }) => {
    const { pathname } = new URL(url);
    const name = /^\/(s.*)?$/.test(pathname) ? "index.html" : pathname.slice(1);
    const type = TYPES[name.split(".").at(-1)!] ?? "application/octet-stream";
    const headers = { ...Object.fromEntries(lines), "content-type": type };
    return new Response(Deno.readFileSync(`${directory}/page/${name}`), { headers });
  });
}

function urlOf({ addr }: Deno.HttpServer<Deno.NetAddr>): string {
  return `http://127.0.0.1:${addr.port}`;
}

await linuxTest("a page hosted elsewhere sends and opens, and asks the API alone", [
  "chromium",
], async () => {
  using folder = new Folder();
  await using api = startApi(() => urlOf(host));
  await prints(["share-lambda", "--output", folder.at("out"), "--origin", urlOf(api)]);
  await using host = startHost(folder.at("out"));
  const visit = await Visit.start({});
  try {
    await visit.page.goto(urlOf(host));
    await visit.page.getByLabel("Your text").fill("from elsewhere");
    await visit.page.getByLabel("The link alone", { exact: true }).check();
    const { link } = await visit.submit();
    assert.ok(link.startsWith(`${urlOf(host)}/s#`), link);
    await visit.page.goto("about:blank");
    await visit.page.goto(link);
    await visit.press("Open it");
    await visit.reads("The secret");
    assert.equal(await visit.page.locator("pre").textContent(), "from elsewhere");
    const asked = new Set(
      visit.asked.filter(({ url }) => url.startsWith("http"))
        .map(({ url }) => `${new URL(url).origin}${/\/api\//.test(url) ? "/api/" : ""}`),
    );
    assert.deepEqual(asked, new Set([urlOf(host), `${urlOf(api)}/api/`]));
    assert.deepEqual(visit.faults, []);
  } finally {
    await visit.context.close();
  }
}, { sanitizeOps: false, sanitizeResources: false });
