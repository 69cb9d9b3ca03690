/** How the share page's files are served, by the compiled server. */
import assert from "node:assert/strict";
import { request } from "node:http";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { codingFor } from "../../share/page.ts";
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
    assert.equal(plain.status, 200, path);
    assert.equal(plain.headers["content-type"], type);
    assert.equal(plain.headers["content-encoding"], undefined);
    assert.equal(plain.headers["vary"], "accept-encoding");
    assert.match(
      String(plain.headers["content-security-policy"]),
      /^default-src 'none'; script-src 'self'/,
    );
    for (const [coding, unpack] of Object.entries({ br: brotliDecompressSync, gzip: gunzipSync })) {
      const packed = await raw(path, "GET", { "accept-encoding": coding });
      assert.deepEqual([packed.status, packed.headers["content-encoding"]], [200, coding], path);
      assert.deepEqual(new Uint8Array(unpack(packed.bytes)), plain.bytes, path);
    }
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

Deno.test("the whole page has at most 50 kB as browsers get it", async () => {
  const headers = { "accept-encoding": "gzip, deflate, br, zstd" };
  const paths = Object.keys(FILES).filter((path) => !path.startsWith("/s"));
  const answers = await Promise.all(paths.map((path) => raw(path, "GET", headers)));
  const sum = answers.reduce((sum, { bytes }) => sum + bytes.length, 0);
  assert.ok(answers.length === 5 && sum > 10_000 && sum <= 50_000, `${sum} bytes`);
});

Deno.test("a file is compressed as well as its reader takes it, and not for who refuses", () => {
  for (const header of ["br", "BR", "gzip;q=1, br;q=0.1", "*", "deflate, *;q=0.5"]) {
    assert.equal(codingFor(header), "br", header);
  }
  for (const header of ["gzip", "GZIP", "br;q=0, gzip;q=0.1", "*, br;q=0"]) {
    assert.equal(codingFor(header), "gzip", header);
  }
  for (const header of ["", "identity", "gzip;q=0", "gzip; q=0.00, br;q=0, *", "*;q=0", "x-gzip"]) {
    assert.equal(codingFor(header), undefined, header);
  }
});
