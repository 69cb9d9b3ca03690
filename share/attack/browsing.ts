/** What browsers, previews and scanners send, and what they may be told. */
import { type Attack, expect, type Target } from "./attack.ts";
import { call, madeUp, stillReads, UNAVAILABLE, Victim } from "./victim.ts";

const AGENTS = [
  "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
  "WhatsApp/2.23.20.0",
  "facebookexternalhit/1.1",
  "TelegramBot (like TwitterBot)",
  "Mozilla/5.0 (compatible; Discordbot/2.0)",
  "Mozilla/5.0 (Windows NT 6.1) SkypeUriPreview Preview/0.5",
  "Mozilla/5.0 (compatible; Googlebot/2.1)",
  "Mozilla/4.0 (compatible; ms-office; MSOffice 16)",
  "curl/8",
];
const METHODS = ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"];

async function previews({ urls: [url] }: Target): Promise<void> {
  const victim = await new Victim().create(url);
  const { linkProof, id } = victim.link;
  const mangled = ["%23", "%2523", "%252523", "/"].map((hash) => `/s${hash}${linkProof}`);
  const query = `?${new URLSearchParams(victim.claim())}`;
  const calls = ["take", "acknowledge", "revoke", "body"].map((name) => `/api/${name}`);
  for (const path of ["/", "/s", ...mangled, ...calls, `/api/take${query}`, `/api/${id}`, "/x"]) {
    for (const method of METHODS) await browse(url, path, method);
  }
  for (const agent of AGENTS) await browse(url, `/s%23${linkProof}`, "GET", agent);
  await stillReads(url, victim);
}

/** One request, whose answer must be fit for a browser. */
async function browse(url: string, path: string, method: string, agent = "-"): Promise<void> {
  const headers = {
    "user-agent": agent,
    "sec-purpose": "prefetch;prerender",
    "purpose": "prefetch",
  };
  const response = await fetch(url + path, { method, headers });
  await response.body?.cancel();
  const what = `${method} ${path.slice(0, 20)}`;
  const { status, headers: answered } = response;
  expect(status < 500, `${what}: ${status}`);
  expect(method !== "PUT" || status >= 400, `${what}: ${status}`);
  for (const [name, fits] of Object.entries(STRICT)) {
    const value = answered.get(name) ?? "";
    expect(fits(value), `${what}: ${name} is "${value}"`);
  }
}

/** Headers of every answer. */
const STRICT: Readonly<Record<string, (value: string) => boolean>> = {
  "cache-control": (value) => value === "no-store",
  "referrer-policy": (value) => value === "no-referrer",
  "x-content-type-options": (value) => value === "nosniff",
  "content-security-policy": (value) => value.startsWith("default-src 'none'"),
  "access-control-allow-origin": (value) => value === "",
  "set-cookie": (value) => value === "",
};

/** Every spelling of a link's path shows the same page, which is the same for everybody. */
async function onePage({ urls: [url] }: Target): Promise<void> {
  const pages = await Promise.all(
    ["/s", "/s%23", "/s%2523x", `/s%23${madeUp()}`].map(async (path) => {
      const response = await fetch(url + path, { headers: { "x-forwarded-host": MARKER } });
      expect(response.status === 200, `${path.slice(0, 8)}: ${response.status}`);
      return await response.text();
    }),
  );
  expect(new Set(pages).size === 1, "the page depends on the address");
}

/** What a request claims to be asked of. A name that leads nowhere. */
const MARKER = "attacker.example";

/** Nothing of a request may say where links lead to. */
async function spoofedHost({ urls: [url] }: Target): Promise<void> {
  const victim = await new Victim().create(url);
  const headers = {
    "x-forwarded-host": MARKER,
    "x-forwarded-proto": "http",
    "x-original-url": `/${MARKER}`,
    "x-rewrite-url": `/${MARKER}`,
    "forwarded": `host=${MARKER};proto=http`,
    "origin": `https://${MARKER}`,
    "referer": `https://${MARKER}/`,
  };
  const asked = [
    await call(url, "create", await new Victim().creation(), { headers }),
    await call(url, "look", victim.link, { headers }),
    await call(url, "status", victim.held, { headers }),
    await call(url, "look", {}, { headers }),
  ];
  for (const { text, headers } of asked) requireNoMarker(text + JSON.stringify([...headers]));
  for (const path of ["/", "/s", "/x"]) {
    const address = new URL(url);
    requireNoMarker(await rawRequest(address, `GET ${path} HTTP/1.1\r\nhost: ${MARKER}\r\n`));
    requireNoMarker(
      await rawRequest(address, `GET http://${MARKER}${path} HTTP/1.1\r\nhost: x\r\n`),
    );
  }
  await stillReads(url, victim);
}

function requireNoMarker(answer: string): void {
  expect(!answer.includes(MARKER), "an answer repeats the host that the request named");
}

/** What a server says to a request that `fetch` would not send, without its last line. */
async function rawRequest({ protocol, hostname, port }: URL, head: string): Promise<string> {
  const at = { hostname: hostname.replace(/^\[|\]$/g, ""), port: Number(port) };
  using connection = protocol === "https:"
    ? await Deno.connectTls({ ...at, port: at.port || 443 })
    : await Deno.connect({ ...at, port: at.port || 80 });
  await connection.write(new TextEncoder().encode(`${head}connection: close\r\n\r\n`));
  return await new Response(connection.readable).text();
}

/** Where something comes from in the source, as engines and bundlers write it. */
const SOURCES = /sourceMappingURL|\n\s+at .+:\d+|file:\/\/|\.ts:\d|node_modules/;

async function noSources({ urls: [url] }: Target): Promise<void> {
  const page = await (await fetch(`${url}/s`)).text();
  const parts = [...page.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path!);
  for (const path of parts) {
    const text = await (await fetch(url + path)).text();
    expect(!SOURCES.test(text), `${path} tells of its source`);
  }
  for (const path of [...parts, "/main.js", "/index.mjs"].map((path) => `${path}.map`)) {
    const response = await fetch(url + path);
    await response.body?.cancel();
    expect(response.status === UNAVAILABLE, `${path}: ${response.status}`);
  }
  const failures = [
    await call(url, "take", undefined, { body: "{" }),
    await call(url, "upload", undefined, { body: "x", headers: { "crypto-share": "x" } }),
    await call(url, "__proto__", {}),
    await call(url, "constructor", {}),
    await call(url, "x".repeat(5_000), {}),
  ];
  for (const { status, text } of failures) {
    expect(status >= 400 && status < 500, `a wrong request got ${status}`);
    expect(!SOURCES.test(text), "an error tells of the source");
  }
}

/** Attacks by what is looked at. */
export const BROWSING: readonly Attack[] = [
  { name: "previews, prefetching and other methods consume nothing", run: previews },
  { name: "a link's page is the same whatever has become of its #", run: onePage },
  { name: "no answer says where links lead because a request did", run: spoofedHost },
  { name: "no source, map or stack is given away", run: noSources },
];
