/** Events of every documented kind, to requests and back. */
import assert from "node:assert/strict";
import { CryptoError } from "../../../core/errors.ts";
import { answerOf, EVENT_BYTES, requestOf } from "../../../share/lambda/event.ts";
import { handlerOf } from "../../../share/lambda/function.ts";
import { DOCUMENTED, KINDS } from "./support.ts";

const ORIGIN = "https://share.example";
const BYTES = Uint8Array.from({ length: 300 }, (_, i) => i % 256);
const BASE64 = btoa(String.fromCharCode(...BYTES));

Deno.test("the documented events are requests", async () => {
  const { functionUrl2, httpApi1, httpApi2, restApi1 } = DOCUMENTED;
  const { request, peer } = requestOf(httpApi2, ORIGIN);
  assert.equal(request.method, "POST");
  assert.equal(
    request.url,
    `${ORIGIN}/my/path?parameter1=value1&parameter1=value2&parameter2=value`,
  );
  assert.equal(request.headers.get("header2"), "value1,value2");
  assert.equal(await request.text(), "Hello from Lambda");
  assert.equal(peer, "192.0.2.1");
  const first = requestOf(httpApi1, ORIGIN).request;
  assert.equal(first.method, "GET");
  assert.equal(first.url, request.url);
  assert.equal(first.headers.get("header2"), "value1, value2");
  const rest = requestOf(restApi1, ORIGIN);
  assert.equal(
    rest.request.url,
    `${ORIGIN}/hello/world?name=me&multivalueName=you&multivalueName=me`,
  );
  assert.equal(rest.peer, "192.168.196.186");
  assert.equal(await rest.request.text(), '{\r\n\t"a": 1\r\n}');
  assert.equal(await requestOf(functionUrl2, ORIGIN).request.text(), "Hello from client!");
});

for (const [kind, { make, peer }] of Object.entries(KINDS)) {
  Deno.test(`${kind} event brings all of a request`, async () => {
    const headers = { "content-type": ["application/octet-stream"], "x-several": ["a", "b"] };
    const query = [["ttl", "1 d&x"], ["ttl", "2"]] as const;
    const event = make({ path: "/api/x", query, headers, body: BASE64, isBase64Encoded: true });
    const incoming = requestOf(event, ORIGIN);
    assert.deepEqual(await incoming.request.bytes(), BYTES);
    assert.deepEqual(new URL(incoming.request.url).searchParams.getAll("ttl"), ["1 d&x", "2"]);
    assert.equal(incoming.request.headers.get("x-several")?.replace(", ", ","), "a,b");
    assert.equal(incoming.request.headers.get("content-type"), "application/octet-stream");
    assert.equal(incoming.peer, peer);
  });

  Deno.test(`${kind} event's sender is who connected, whatever headers say`, () => {
    const headers = { "x-forwarded-for": ["203.0.113.9"], "forwarded": ["for=203.0.113.9"] };
    const event = make({ path: "/", headers, peer: "2001:db8::1" });
    assert.equal(requestOf(event, ORIGIN).peer, "2001:db8::1");
  });

  Deno.test(`${kind} event neither moves the origin nor brings cookies`, () => {
    const headers = { host: ["evil.example"], cookie: ["a=b"], "content-length": ["9"] };
    for (const path of ["//evil.example/x", "/s#key", "/s%23key", "/a?b", "\\\\evil.example"]) {
      const { request } = requestOf(make({ method: "GET", path, headers }), ORIGIN);
      const { origin, hash, search } = new URL(request.url);
      assert.deepEqual({ origin, hash, search }, { origin: ORIGIN, hash: "", search: "" });
      assert.equal(request.headers.get("cookie"), null);
      assert.equal(request.headers.get("content-length"), null);
    }
  });

  Deno.test(`${kind} event that is too large is refused before Lambda would`, () => {
    const body = "A".repeat(EVENT_BYTES + 1);
    assert.throws(() => requestOf(make({ path: "/", body }), ORIGIN), isCode("too_large"));
    assert.throws(
      () => requestOf(make({ path: "/", body, isBase64Encoded: true }), ORIGIN),
      isCode("too_large"),
    );
    assert.ok(requestOf(make({ path: "/", body: body.slice(1) }), ORIGIN));
  });
}

function isCode(code: string) {
  return (error: unknown) => error instanceof CryptoError && error.code === code;
}

Deno.test("what is no event of an HTTP request is refused", () => {
  const good = KINDS["an HTTP API's, format 2.0"].make({ path: "/" });
  const others = [null, undefined, 1, "x", [], {}, { version: "2.0" }, { ...good, rawPath: 1 }];
  const balancer = { httpMethod: "GET", path: "/", headers: {}, requestContext: { elb: {} } };
  const method = { ...DOCUMENTED.httpApi1, httpMethod: "TRACE" };
  const header = { ...DOCUMENTED.httpApi1, multiValueHeaders: { "a b": ["c"] } };
  for (const event of [...others, balancer, method, header]) {
    assert.throws(() => requestOf(event, ORIGIN), isCode("invalid_request"));
  }
});

Deno.test("text is answered as it is, everything else as base64", async () => {
  const answers = [
    new Response('{"a":"ü"}', { status: 201, headers: { "content-type": "application/json" } }),
    new Response(BYTES, { headers: { "content-type": "application/octet-stream" } }),
    new Response(BYTES, { headers: { "content-type": "text/css", "content-encoding": "gzip" } }),
    new Response(null, { status: 204 }),
  ];
  const [json, bytes, gzip, nothing] = await Promise.all(answers.map(answerOf));
  assert.deepEqual(json, {
    statusCode: 201,
    headers: { "content-type": "application/json" },
    body: '{"a":"ü"}',
    isBase64Encoded: false,
  });
  assert.deepEqual([bytes?.body, bytes?.isBase64Encoded], [BASE64, true]);
  assert.deepEqual([gzip?.body, gzip?.isBase64Encoded], [BASE64, true]);
  assert.deepEqual([nothing?.statusCode, nothing?.body], [204, ""]);
});

Deno.test("an answer that Lambda would not pass on is one of 413", async () => {
  const large = '"'.repeat(EVENT_BYTES / 2);
  await assert.rejects(answerOf(new Response(large)), isCode("too_large"));
  const refuse = (error: unknown) => new Response((error as CryptoError).code, { status: 413 });
  const handler = handlerOf({ handle: () => Promise.resolve(new Response(large)), refuse }, ORIGIN);
  const answer = await handler(DOCUMENTED.httpApi2);
  assert.deepEqual([answer.statusCode, answer.body], [413, "too_large"]);
});
