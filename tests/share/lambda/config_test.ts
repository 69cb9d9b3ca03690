/** What a function on Lambda makes of its environment. */
import assert from "node:assert/strict";
import { CryptoError, type ErrorCode } from "../../../core/errors.ts";
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
  refuses({ CRYPTO_SHARE_ORIGIN: "http://share.example" }, "usage", /address/);
  refuses({ S3_BUCKET: "a.bucket.with.dots" }, "config", /store/);
  refuses({ DYNAMODB_TABLE: "a table" }, "config", /store/);
});

Deno.test("managed mode is off unless it is switched on", () => {
  assert.equal(configOf().managed, false);
  assert.equal(configOf({ CRYPTO_SHARE_MANAGED: "true" }).managed, true);
  refuses({ CRYPTO_SHARE_MANAGED: "yes" }, "config", /managed/);
});

Deno.test("what means nothing to a function is refused, not ignored", () => {
  for (const name of ["LISTEN", "DATA", "STORE", "METRICS", "PROXIES", "DISK_BYTES", "MAX_TTL"]) {
    refuses({ [`CRYPTO_SHARE_${name}`]: "1" }, "config", new RegExp(name));
  }
});
