/** The page that `crypto share-lambda` writes, hosted apart from the API, as its README says. */
import assert from "node:assert/strict";
import { HSTS_HEADER, SECURITY_HEADERS } from "../../../core/share/headers.ts";
import { Folder, prints } from "../../cli/support.ts";

const TYPES: Readonly<Record<string, string>> = {
  html: "text/html",
  js: "text/javascript",
  css: "text/css",
  svg: "image/svg+xml",
};
const LOCAL = { hostname: "127.0.0.1", port: 0, onListen: () => {} } as const;

/** Two origins: one has the page, the other the API. */
export interface Hosted extends AsyncDisposable {
  readonly page: string;
  readonly api: string;
}

/**
 * Hosts it.
 * @param server a running share server, which is asked by way of the API's origin
 * @param instead headers that this host sends in place of what the README says
 */
export async function hostApart(
  server: string,
  instead: Readonly<Record<string, string>> = {},
): Promise<Hosted> {
  const folder = new Folder();
  const api = startApi(server, () => urlOf(host));
  await prints(["share-lambda", "--output", folder.at("out"), "--origin", urlOf(api)]);
  const host = startHost(folder.at("out"), instead);
  return {
    page: urlOf(host),
    api: urlOf(api),
    async [Symbol.asyncDispose]() {
      await Promise.all([host.shutdown(), api.shutdown()]);
      folder[Symbol.dispose]();
    },
  };
}

/** Where the page is not: the API behind what the templates make, which lets that page ask it. */
function startApi(server: string, page: () => string) {
  return Deno.serve(LOCAL, async (request) => {
    const headers = new Headers({
      "access-control-allow-origin": page(),
      "access-control-allow-methods": "POST",
      "access-control-allow-headers": "content-type,crypto-share",
    });
    if (request.method === "OPTIONS") return new Response(null, { status: 204, headers });
    const { pathname } = new URL(request.url);
    const answer = await fetch(server + pathname, {
      method: request.method,
      headers: request.headers,
      body: request.method === "POST" ? await request.bytes() : null,
    });
    for (const [name, value] of answer.headers) headers.set(name, value);
    return new Response(answer.body, { status: answer.status, headers });
  });
}

/** A server of static files with the headers of the README. */
function startHost(directory: string, instead: Readonly<Record<string, string>>) {
  const told = toldHeaders(Deno.readTextFileSync(`${directory}/README.md`));
  return Deno.serve(LOCAL, ({ url }) => {
    const { pathname } = new URL(url);
    const name = /^\/(s.*)?$/.test(pathname) ? "index.html" : pathname.slice(1);
    const type = TYPES[name.split(".").at(-1)!];
    // Such as the icon that a browser looks for when it shows something else than the page.
    if (!type) return new Response(null, { status: 404 });
    const headers = { ...told, "content-type": type, ...instead };
    return new Response(Deno.readFileSync(`${directory}/page/${name}`), { headers });
  });
}

/** What the README says that such a server is to send, which is all that the share server sends. */
function toldHeaders(readme: string): Readonly<Record<string, string>> {
  const lines = Array.from(readme.matchAll(/^ {6}([a-z-]+): (.*)$/gm), ([, name, value]) => {
    return [name, value] as [string, string];
  });
  const told = Object.fromEntries(lines);
  const policy = told["content-security-policy"] ?? "";
  const sent = { ...SECURITY_HEADERS, ...HSTS_HEADER, "content-security-policy": policy };
  assert.deepEqual(told, sent);
  assert.ok(policy.startsWith("default-src 'none'; script-src 'self'; "), policy);
  return told;
}

function urlOf({ addr }: Deno.HttpServer<Deno.NetAddr>): string {
  return `http://127.0.0.1:${addr.port}`;
}
