import assert from "node:assert/strict";
import { toBase64Url } from "../../../core/base64.ts";
import {
  API,
  type Call,
  formatUploadPlace,
  parseUploadPlace,
  type Request,
} from "../../../core/share/wire.ts";
import { failsWith, pattern } from "../support.ts";

const CREATE: Request<"create"> = {
  id: pattern(16),
  linkProofHash: pattern(32),
  passphraseProofHash: undefined,
  receiptHash: pattern(32, 2),
  uploadTokenHash: undefined,
  kind: "secret",
  ttl: 3_600,
  views: 1,
  size: 3,
  body: pattern(3),
};

function written<C extends Call>(call: C, request: Request<C>): Record<string, unknown> {
  return JSON.parse(JSON.stringify(API[call].request.write(request as never)));
}

const withField = (name: string, value: unknown) => ({
  ...written("create", CREATE),
  [name]: value,
});

Deno.test("a request reads back as it was written", () => {
  assert.deepEqual(API.create.request.read(written("create", CREATE), ""), CREATE);
});

Deno.test("numbers are whole, safe and in their range, and of no other type", () => {
  const wrong = [0, -1, 1e18, 1.5, NaN, Infinity, "", "60", "1e9", null, true, [], [60], {}];
  for (const name of ["ttl", "views"]) {
    for (const value of wrong) {
      failsWith("invalid_params", () => API.create.request.read(withField(name, value), ""));
    }
  }
  for (const [name, value] of [["ttl", 59], ["ttl", 2_592_001], ["views", 101], ["size", -1]]) {
    failsWith("invalid_params", () => API.create.request.read(withField(String(name), value), ""));
  }
});

Deno.test("byte strings have their length and one spelling", () => {
  const wrong = [
    "",
    "A",
    "A".repeat(21),
    "A".repeat(23),
    "A".repeat(21) + "B",
    "A".repeat(21) + "=",
    "A".repeat(21) + " ",
    "A".repeat(1_000_000),
    null,
    0,
    [],
  ];
  for (const value of wrong) {
    failsWith("invalid_params", () => API.create.request.read(withField("id", value), ""));
  }
});

Deno.test("what is optional may be absent, and nothing else in its place", () => {
  for (const value of [null, "", toBase64Url(pattern(31))]) {
    const json = withField("passphraseProofHash", value);
    failsWith("invalid_params", () => API.create.request.read(json, ""));
  }
});

Deno.test("a body of more than 256 KiB does not travel in a request", () => {
  const json = withField("body", toBase64Url(new Uint8Array(262_145)));
  failsWith("invalid_params", () => API.create.request.read(json, ""));
});

Deno.test("unknown and missing fields are refused, inherited names too", () => {
  failsWith("invalid_params", () => API.create.request.read(withField("extra", 1), ""));
  for (const json of [null, [], "x", 1, {}, JSON.parse('{"__proto__":1}')]) {
    failsWith("invalid_params", () => API.create.request.read(json, ""));
    failsWith("invalid_params", () => API.look.request.read(json, ""));
  }
});

Deno.test("a look answers what there is, or why there is nothing", () => {
  const refused = { state: "used", since: 5 } as const;
  assert.deepEqual(API.look.answer.read(API.look.answer.write(refused), ""), refused);
  failsWith("invalid_params", () => API.look.answer.read({ state: "live", since: 5 }, ""));
});

Deno.test("the place of an upload reads back from its header", () => {
  const place = { id: pattern(16), uploadToken: pattern(32), offset: 2 ** 40 + 7 };
  assert.deepEqual(parseUploadPlace(formatUploadPlace(place)), place);
  const far = toBase64Url(new Uint8Array(56).fill(255));
  const others = [null, "", "A".repeat(74), far, `${formatUploadPlace(place)}=`];
  for (const other of others) failsWith("invalid_params", () => parseUploadPlace(other));
});
