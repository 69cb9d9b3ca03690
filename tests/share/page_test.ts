/** How the share page's files are served, by the compiled server. */
import assert from "node:assert/strict";
import { request } from "node:http";
import { acceptsGzip } from "../../share/page.ts";
import { startShare } from "./server_support.ts";

const server = await startShare();
Deno.test.afterAll(() => server[Symbol.asyncDispose]());

const FILES = {
  "/": "text/html; charset=utf-8",
  "/s": "text/html; charset=utf-8",
  "/s%23AAAA": "text/html; charset=utf-8",
  "/page.js": "text/javascript; charset=utf-8",
  "/worker.js": "text/javascript; charset=utf-8",
  "/page.css": "text/css; charset=utf-8",
  "/icon.svg": "image/svg+xml; charset=utf-8",
} as const;

/** An answer as it crosses: `fetch` would unpack it. */
async function raw(path: string, method: string, headers: Record<string, string> = {}, body = "") {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const asked = request(new URL(path, server.url), { method, headers }, (answer) => {
    const pieces: Uint8Array[] = [];
    answer.on("data", (piece) => pieces.push(piece));
    answer.on("end", async () => {
      const bytes = await new Blob(pieces as Uint8Array<ArrayBuffer>[]).bytes();
      resolve({ status: answer.statusCode, headers: answer.headers, bytes });
    });
  });
  asked.on("error", reject);
  asked.end(body);
  return await promise;
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly bytes: Uint8Array;
}

Deno.test("each file has its type, a policy, and is compressed for who takes that", async () => {
  for (const [path, type] of Object.entries(FILES)) {
    const plain = await raw(path, "GET");
    const packed = await raw(path, "GET", { "accept-encoding": "br, gzip;q=0.5" });
    assert.deepEqual([plain.status, packed.status], [200, 200], path);
    assert.equal(plain.headers["content-type"], type);
    assert.equal(plain.headers["content-encoding"], undefined);
    assert.equal(packed.headers["content-encoding"], "gzip");
    assert.equal(plain.headers["vary"], "accept-encoding");
    assert.match(
      String(plain.headers["content-security-policy"]),
      /^default-src 'none'; script-src 'self'/,
    );
    const unpacked = new Blob([packed.bytes as Uint8Array<ArrayBuffer>]).stream()
      .pipeThrough(new DecompressionStream("gzip"));
    assert.deepEqual(await new Response(unpacked).bytes(), plain.bytes, path);
    const head = await raw(path, "HEAD");
    assert.deepEqual([head.status, head.bytes.length], [200, 0]);
    assert.equal(head.headers["content-type"], type);
  }
});

Deno.test("a browser keeps nothing of the page, and of the rest what has not changed", async () => {
  for (const path of Object.keys(FILES)) {
    const { headers } = await raw(path, "GET");
    const isPage = path === "/" || path.startsWith("/s");
    assert.equal(headers["cache-control"], isPage ? "no-store" : "no-cache", path);
    assert.equal(headers["etag"] === undefined, isPage, path);
    if (isPage) continue;
    const again = await raw(path, "GET", { "if-none-match": String(headers["etag"]) });
    assert.deepEqual([again.status, again.bytes.length], [304, 0], path);
    assert.equal((await raw(path, "GET", { "if-none-match": 'W/"other"' })).status, 200);
  }
});

Deno.test("all cryptography is the worker's", async () => {
  const text = async (path: string) => new TextDecoder().decode((await raw(path, "GET")).bytes);
  const [page, worker] = [await text("/page.js"), await text("/worker.js")];
  for (const part of ["AES-GCM", "SHA-512", "crypto/v1/share", "/api/"]) {
    assert.ok(worker.includes(part) && !page.includes(part), part);
  }
});

Deno.test("links begin with what the configuration says, whatever a request calls this server", async () => {
  const headers = { host: "evil.example", "x-forwarded-host": "evil.example" };
  const text = new TextDecoder().decode((await raw("/", "GET", headers)).bytes);
  assert.ok(text.includes(`<meta name="share-origin" content="${server.url}">`));
  assert.ok(!text.includes("evil"));
});

Deno.test("what the API answers is never compressed, and nothing else is served", async () => {
  const headers = { "content-type": "application/json", "accept-encoding": "gzip, deflate, br" };
  const body = JSON.stringify({ id: "A".repeat(22), linkProof: "A".repeat(43) });
  const answer = await raw("/api/look", "POST", headers, body);
  assert.equal(answer.headers["content-encoding"], undefined);
  assert.equal(answer.headers["cache-control"], "no-store");
  assert.ok(JSON.parse(new TextDecoder().decode(answer.bytes)).error);
  for (
    const path of ["/x", "/page.js.map", "/page.ts", "/assets/page.js", "/favicon.ico", "/PAGE.JS"]
  ) {
    assert.equal((await raw(path, "GET")).status, 404, path);
  }
});

Deno.test("gzip is for who names it, or takes anything, and has not refused it", () => {
  for (const header of ["gzip", "GZIP", "br, gzip;q=0.1", "*", "deflate, *;q=0.5"]) {
    assert.ok(acceptsGzip(header), header);
  }
  for (const header of ["", "br", "identity", "gzip;q=0", "gzip; q=0.00, *", "*;q=0", "x-gzip"]) {
    assert.ok(!acceptsGzip(header), header);
  }
});
