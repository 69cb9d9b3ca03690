/** The client and where a server says that bodies are: it goes nowhere else. */
import assert from "node:assert/strict";
import { API } from "../../core/share/wire.ts";
import { AWS_VARIABLES, awsSharePrivileges, shareClientPrivileges } from "../../core/privileges.ts";
import { awsPlace, originsOf } from "../../share/aws/place.ts";
import { requireStorage, ShareApi } from "../../share/client/api.ts";
import { failsWith, pattern, rejectsWith } from "../core/support.ts";

const STORAGE = "https://bucket.s3.eu-central-1.amazonaws.com";

Deno.test("a storage is https, or the same machine where the server is that itself", () => {
  assert.equal(requireStorage(STORAGE, "https://share.example"), STORAGE);
  assert.equal(requireStorage(STORAGE, "http://127.0.0.1:8787"), STORAGE);
  const local = "http://127.0.0.1:9000";
  assert.equal(requireStorage(local, "http://127.0.0.1:8787"), local);
  const odd = [
    local,
    "http://10.0.0.1",
    "http://[::1]",
    `${STORAGE}/`,
    `${STORAGE}/x`,
    "file:///",
    "",
    "https://*",
    "https://*.com",
    "https://*.s3.eu-central-1.amazonaws.com",
    "https://a;b",
    "https://host:443",
  ];
  for (const announced of [...odd, "https://user@host", "https://HOST", "ftp://host", "host"]) {
    failsWith("bad_answer", () => requireStorage(announced, "https://share.example"), announced);
  }
});

Deno.test("a worker may reach the server and its storage, and nobody else", () => {
  const { net } = shareClientPrivileges(["https://share.example", STORAGE], {}).working;
  assert.deepEqual(net, ["share.example:443", "bucket.s3.eu-central-1.amazonaws.com:443"]);
});

Deno.test("what a server says beyond url, two headers and a length is no answer", () => {
  const place = { url: `${STORAGE}/share/x`, headers: {} };
  const read = (next: object) => API["upload-state"].answer.read({ offset: 0, next }, "answer");
  assert.equal(read({ ...place, length: 1 }).next?.length, 1);
  read({ ...place, headers: { "if-none-match": "*", range: "bytes=0-" }, length: 1 });
  const wrong = [
    { ...place, length: 0 },
    { ...place, length: 67_108_865 },
    { ...place, headers: { authorization: "x" }, length: 1 },
    { ...place, headers: { "if-none-match": "x" }, length: 1 },
    { ...place, method: "DELETE", length: 1 },
    { ...place, url: "x".repeat(4_097), length: 1 },
  ];
  for (const next of wrong) failsWith("invalid_params", () => read(next), JSON.stringify(next));
});

/** A server that says whatever it is told to, and a count of what reaches it beside the API. */
function lying(answers: (origin: string) => Readonly<Record<string, unknown>>) {
  let strayed = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
    const call = new URL(request.url).pathname.slice("/api/".length);
    const known = answers(origin);
    if (call in known) return Response.json(known[call]);
    strayed++;
    return new Response("x".repeat(10), { status: 200 });
  });
  const origin = `http://127.0.0.1:${server.addr.port}`;
  return {
    origin,
    strayed: () => strayed,
    [Symbol.asyncDispose]: () => server.shutdown(),
  };
}

const UPLOAD = { id: pattern(16), uploadToken: pattern(32) };
const BODY = { id: pattern(16), claimToken: pattern(32), offset: 0 };

Deno.test("a place at another origin than the one announced is never asked", async () => {
  await using elsewhere = lying(() => ({}));
  await using server = lying(() => ({
    "upload-state": { offset: 0, next: { url: `${elsewhere.origin}/x`, headers: {}, length: 10 } },
    body: { url: `${elsewhere.origin}/x`, headers: {} },
  }));
  for (const storage of [undefined, server.origin, STORAGE]) {
    const api = new ShareApi(server.origin, { storage });
    const { next } = await api.call("upload-state", UPLOAD);
    await rejectsWith("bad_answer", api.put(next!, pattern(10)));
    await rejectsWith("bad_answer", Array.fromAsync(api.body(BODY)));
  }
  assert.equal(elsewhere.strayed(), 0);
});

Deno.test("a piece of another length than was asked for is not sent", async () => {
  await using server = lying((origin) => ({
    "upload-state": { offset: 0, next: { url: `${origin}/x`, headers: {}, length: 10 } },
  }));
  const api = new ShareApi(server.origin, { storage: server.origin });
  const { next } = await api.call("upload-state", UPLOAD);
  await rejectsWith("bad_answer", api.put(next!, pattern(9)));
  assert.equal(server.strayed(), 0);
  await api.put(next!, pattern(10));
  assert.equal(server.strayed(), 1);
});

Deno.test("a storage that gives all where a part was asked for is not believed", async () => {
  await using server = lying((origin) => ({
    body: { url: `${origin}/x`, headers: { range: "bytes=5-" } },
  }));
  const api = new ShareApi(server.origin, { storage: server.origin });
  await rejectsWith("share_storage", Array.fromAsync(api.body(BODY)));
});

Deno.test("where the storage alone does not answer it is named, not the server", async () => {
  const away = "http://127.0.0.1:9";
  await using server = lying(() => ({
    "upload-state": { offset: 0, next: { url: `${away}/x`, headers: {}, length: 10 } },
    body: { url: `${away}/x`, headers: { range: "bytes=5-" } },
  }));
  const api = new ShareApi(server.origin, { storage: away });
  const { next } = await api.call("upload-state", UPLOAD);
  const named = { code: "share_storage", subject: away };
  await assert.rejects(api.put(next!, pattern(10)), named);
  await assert.rejects(Array.fromAsync(api.body(BODY)), named);
});

const ENVIRONMENT: Readonly<Record<string, string>> = {
  AWS_ACCESS_KEY_ID: "id",
  AWS_SECRET_ACCESS_KEY: "very secret",
  AWS_REGION: "eu-central-1",
};

function placeIn(
  env: Readonly<Record<string, string>>,
  address = "dynamodb://Table_1?bucket=bucket",
) {
  return awsPlace(address, (name) => {
    assert.ok(AWS_VARIABLES.includes(name), name);
    return env[name];
  });
}

Deno.test("a store on AWS is its two origins, which are all that its worker may reach", () => {
  const place = placeIn(ENVIRONMENT);
  assert.equal(place.table, "Table_1");
  const origins = ["https://dynamodb.eu-central-1.amazonaws.com", STORAGE];
  assert.deepEqual(originsOf(place), origins);
  const { net, read, write, run, ffi } = awsSharePrivileges(origins, ["127.0.0.1:8787"]);
  assert.deepEqual(net, [
    "127.0.0.1:8787",
    "dynamodb.eu-central-1.amazonaws.com:443",
    "bucket.s3.eu-central-1.amazonaws.com:443",
  ]);
  assert.deepEqual([read, write, run, ffi], [[], [], undefined, undefined]);
  const socket = awsSharePrivileges(origins, ["unix:/run/s.sock"]);
  assert.deepEqual([socket.read, socket.write], [["/run/s.sock"], ["/run/s.sock"]]);
  const own = placeIn({ ...ENVIRONMENT, AWS_ENDPOINT_URL: "http://127.0.0.1:9000" });
  assert.deepEqual(originsOf(own), ["http://127.0.0.1:9000", "http://127.0.0.1:9000"]);
});

Deno.test("an address or an environment that is not enough is refused, without quoting a secret", () => {
  const addresses = [
    ...["", "dynamodb://", "dynamodb://t?bucket=bucket", "dynamodb://table", "s3://table?bucket=b"],
    ...[
      "dynamodb://table?bucket=a.b",
      "dynamodb://table?bucket=B",
      "dynamodb://table?bucket=b&x=y",
    ],
  ];
  for (const address of addresses) {
    failsWith("config", () => placeIn(ENVIRONMENT, address), address);
  }
  for (const name of Object.keys(ENVIRONMENT)) {
    failsWith("config", () => placeIn({ ...ENVIRONMENT, [name]: "" }), name);
  }
  const odd = [
    { AWS_REGION: "eu/central" },
    { AWS_REGION: "eu-" },
    { AWS_ENDPOINT_URL_S3: "http://10.0.0.1" },
  ];
  for (const more of odd) failsWith("config", () => placeIn({ ...ENVIRONMENT, ...more }));
});
