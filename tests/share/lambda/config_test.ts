/** What a function on Lambda makes of its environment. */
import assert from "node:assert/strict";
import { CryptoError, type ErrorCode } from "../../../core/errors.ts";
import { LARGEST_BODY } from "../../../share/aws/limits.ts";
import { lambdaConfig } from "../../../share/lambda/config.ts";

const COMPLETE = {
  AWS_ACCESS_KEY_ID: "AKIAEXAMPLE",
  AWS_SECRET_ACCESS_KEY: "secret",
  AWS_REGION: "eu-central-1",
  DYNAMODB_TABLE: "share",
  S3_BUCKET: "share-bodies",
  CRYPTO_SHARE_ORIGIN: "https://share.example",
};

function configOf(more: Readonly<Record<string, string | undefined>> = {}) {
  const env: Readonly<Record<string, string | undefined>> = { ...COMPLETE, ...more };
  return lambdaConfig((name) => env[name]);
}

function refuses(more: Record<string, string | undefined>, code: ErrorCode, subject: RegExp) {
  assert.throws(() => configOf(more), (error) => {
    return error instanceof CryptoError && error.code === code && subject.test(error.subject ?? "");
  }, JSON.stringify(more));
}

Deno.test("a function keeps secrets for five days, unless TTL_DAYS says otherwise", () => {
  assert.equal(configOf().allowed.ttl, 5 * 86_400);
  assert.equal(configOf({ TTL_DAYS: "30" }).allowed.ttl, 30 * 86_400);
  for (const days of ["0", "31", "-1", "1.5", "5d", " 5"]) {
    refuses({ TTL_DAYS: days }, "config", /^TTL_DAYS$/);
  }
});

Deno.test("a function needs a table, a bucket, an origin and credentials", () => {
  for (const name of Object.keys(COMPLETE)) {
    refuses({ [name]: undefined }, "config", new RegExp(`^${name}$`));
    refuses({ [name]: "" }, "config", new RegExp(`^${name}$`));
  }
});

Deno.test("whatever is wrong is told by its variable", () => {
  const wrong: Readonly<Record<string, string>> = {
    CRYPTO_SHARE_ORIGIN: "https://*",
    S3_BUCKET: "a.bucket.with.dots",
    DYNAMODB_TABLE: "a table",
    TTL_DAYS: "5d",
    AWS_REGION: "eu/central",
    CRYPTO_SHARE_MANAGED: "yes",
    CRYPTO_SHARE_MAX_VIEWS: "0",
    CRYPTO_SHARE_MAX_BYTES: "1e9",
    CRYPTO_SHARE_CLIENT_BYTES: "",
    CRYPTO_SHARE_REQUESTS_PER_MINUTE: "-1",
    CRYPTO_SHARE_CREATIONS_PER_MINUTE: "x",
  };
  for (const [name, value] of Object.entries(wrong)) {
    refuses({ [name]: value }, "config", new RegExp(`^${name}$`));
  }
});

Deno.test("no secret is taken that is larger than its parts can be", () => {
  const sizeOf = (bytes: number) => configOf({ CRYPTO_SHARE_MAX_BYTES: `${bytes}` }).allowed.size;
  assert.equal(sizeOf(LARGEST_BODY), LARGEST_BODY);
  assert.throws(() => sizeOf(LARGEST_BODY + 1), { code: "config" });
});

Deno.test("managed mode is off unless it is switched on", () => {
  assert.equal(configOf().managed, false);
  assert.equal(configOf({ CRYPTO_SHARE_MANAGED: "true" }).managed, true);
});

Deno.test("what means nothing to a function is refused, not ignored", () => {
  for (const name of ["LISTEN", "DATA", "STORE", "METRICS", "PROXIES", "DISK_BYTES", "MAX_TTL"]) {
    refuses({ [`CRYPTO_SHARE_${name}`]: "1" }, "config", new RegExp(name));
  }
});
