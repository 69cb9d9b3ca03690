/** What the doctor makes of AWS's answers, most of which no emulator gives: in the API's shapes. */
import assert from "node:assert/strict";
import { judgeCors, judgePolicy, judgePublicAccess } from "../../share/doctor/access.ts";
import {
  judgeEncryption,
  judgeLock,
  judgeRegion,
  judgeReplication,
  judgeVersioning,
} from "../../share/doctor/bucket.ts";
import { examine, tryExcessive, tryNeeded } from "../../share/doctor/check.ts";
import { judgeClock, skewOf } from "../../share/doctor/clock.ts";
import type { Problem } from "../../share/doctor/finding.ts";
import { judgeLifecycle } from "../../share/doctor/lifecycle.ts";
import {
  judgeBackups,
  judgeBilling,
  judgeCopies,
  judgeKey,
  judgeRecovery,
  judgeTtl,
} from "../../share/doctor/table.ts";

const DAY = 86_400;
const PAGE = "https://share.example.org";

/** That a shell reads a command as one, with all of its JSON. */
function requirePasteable(remedy: string): void {
  if (!remedy.startsWith("aws ")) return;
  const print = `aws() { printf '%s\\0' "$@"; }; ${remedy}`;
  const { success, stdout } = new Deno.Command("bash", { args: ["-c", print] }).outputSync();
  assert.ok(success, remedy);
  const words = new TextDecoder().decode(stdout).split("\0");
  assert.ok(words.every((word) => !/[()\s]/.test(word) || /^[[{]/.test(word)), remedy);
  for (const word of words.filter((word) => /^[[{]/.test(word))) JSON.parse(word);
}

function severities(problems: readonly Problem[]): string {
  for (const { what, remedy } of problems) {
    assert.ok(what.length > 0 && remedy.length > 0);
    requirePasteable(remedy);
  }
  return problems.map(({ severity }) => severity).join();
}

/** DescribeTable, of a sound table. */
const TABLE = {
  TableName: "share",
  TableStatus: "ACTIVE" as const,
  AttributeDefinitions: [{ AttributeName: "id", AttributeType: "S" as const }],
  KeySchema: [{ AttributeName: "id", KeyType: "HASH" as const }],
  BillingModeSummary: { BillingMode: "PAY_PER_REQUEST" as const },
};

Deno.test("a table is sound with the one key, on demand, in one place", () => {
  for (const judge of [judgeKey, judgeBilling, judgeCopies]) assert.deepEqual(judge(TABLE), []);
  assert.deepEqual(judgeKey({ ...TABLE, TableStatus: "UPDATING" }), []);
  assert.equal(severities(judgeKey({ ...TABLE, TableStatus: "CREATING" })), "wrong");
  const sorted = [...TABLE.KeySchema, { AttributeName: "at", KeyType: "RANGE" as const }];
  assert.equal(severities(judgeKey({ ...TABLE, KeySchema: sorted })), "wrong");
  const binary = [{ AttributeName: "id", AttributeType: "B" as const }];
  assert.equal(severities(judgeKey({ ...TABLE, AttributeDefinitions: binary })), "wrong");
  const { BillingModeSummary: _, ...provisioned } = TABLE;
  assert.equal(severities(judgeBilling(provisioned)), "warning");
  const stream = { StreamEnabled: true, StreamViewType: "NEW_AND_OLD_IMAGES" as const };
  const Replicas = [{ RegionName: "eu-west-1" }, { RegionName: "us-west-2" }];
  const copied = { ...TABLE, StreamSpecification: stream, Replicas };
  assert.equal(severities(judgeCopies(copied)), "wrong,wrong,wrong");
});

Deno.test("TTL is on, and by the attribute that items have", () => {
  const ttl = (TimeToLiveStatus: "ENABLED" | "ENABLING" | "DISABLED" | "DISABLING", by?: string) =>
    severities(judgeTtl("share", { TimeToLiveStatus, ...by ? { AttributeName: by } : {} }));
  assert.equal(ttl("ENABLED", "deleteAt"), "");
  assert.equal(ttl("ENABLING", "deleteAt"), "");
  assert.equal(ttl("ENABLED", "ttl"), "wrong");
  assert.equal(ttl("DISABLING", "deleteAt"), "wrong");
  assert.equal(ttl("DISABLED"), "wrong");
  assert.equal(severities(judgeTtl("share", undefined)), "wrong");
});

Deno.test("backups of every kind keep what was erased", () => {
  const recovery = (PointInTimeRecoveryStatus: "ENABLED" | "DISABLED") =>
    severities(judgeRecovery("share", {
      ContinuousBackupsStatus: "ENABLED",
      PointInTimeRecoveryDescription: { PointInTimeRecoveryStatus },
    }));
  assert.deepEqual([recovery("DISABLED"), recovery("ENABLED")], ["", "wrong"]);
  const BackupArn = "arn:aws:dynamodb:eu-central-1:123456789012:table/share/backup/01489602797149";
  const [found] = judgeBackups([{ BackupArn, BackupName: "nightly", BackupType: "AWS_BACKUP" }]);
  assert.ok(found?.remedy.includes(BackupArn));
  assert.deepEqual(judgeBackups([]), []);
});

Deno.test("a bucket is where requests go to, as AWS says it for its oldest regions, too", () => {
  assert.deepEqual(judgeRegion(undefined, "us-east-1"), []);
  assert.deepEqual(judgeRegion("EU", "eu-west-1"), []);
  assert.equal(severities(judgeRegion("eu-central-1", "us-east-1")), "wrong");
});

Deno.test("each of the four public access blocks is missed", () => {
  const all = {
    BlockPublicAcls: true,
    IgnorePublicAcls: true,
    BlockPublicPolicy: true,
    RestrictPublicBuckets: true,
  };
  assert.deepEqual(judgePublicAccess("share", all), []);
  for (const name of Object.keys(all)) {
    const [problem] = judgePublicAccess("share", { ...all, [name]: false });
    assert.ok(problem?.severity === "wrong" && problem.what.includes(name), name);
  }
  assert.equal(severities(judgePublicAccess("share", undefined)), "wrong");
});

const ONLY_TLS = {
  Effect: "Deny",
  Principal: "*",
  Action: "s3:*",
  Resource: ["arn:aws:s3:::share", "arn:aws:s3:::share/*"],
  Condition: { Bool: { "aws:SecureTransport": "false" } },
};

Deno.test("a policy refuses plain requests, of everybody and to all objects, and lets nobody in", () => {
  const judged = (...Statement: object[]) =>
    severities(judgePolicy("share", JSON.stringify({ Version: "2012-10-17", Statement })));
  assert.equal(judged(ONLY_TLS), "");
  assert.equal(judged({ ...ONLY_TLS, Principal: { AWS: "*" }, Action: ["s3:*"] }), "");
  assert.equal(severities(judgePolicy("share", JSON.stringify({ Statement: ONLY_TLS }))), "");
  const china = { ...ONLY_TLS, Resource: "arn:aws-cn:s3:::share/*" };
  assert.equal(judged(china), "");
  const other = { ...ONLY_TLS, Sid: "other", Resource: "arn:aws:s3:::other/*" };
  const [missing] = judgePolicy("share", JSON.stringify({ Statement: other }));
  assert.ok(missing?.remedy.includes(JSON.stringify(other)), "what is there stays there");
  const weaker = [
    { Sid: "It's", Effect: "Allow" },
    { Effect: "Allow" },
    { Action: "s3:GetObject" },
    { Resource: "arn:aws:s3:::share" },
    { Resource: "arn:aws:s3:::other/*" },
    { Principal: { AWS: "arn:aws:iam::123456789012:root" } },
    { Condition: { Bool: { "aws:SecureTransport": "true" } } },
    { Condition: { ...ONLY_TLS.Condition, IpAddress: { "aws:SourceIp": "192.0.2.0/24" } } },
  ];
  for (const change of weaker) {
    assert.match(judged({ ...ONLY_TLS, ...change }), /wrong$/, JSON.stringify(change));
  }
  assert.equal(severities(judgePolicy("share", undefined)), "wrong");
  const open = { Effect: "Allow", Principal: "*", Action: "s3:GetObject" };
  assert.equal(judged(ONLY_TLS, open), "wrong");
});

Deno.test("whom a policy lets in is said, unless it is the server that was named, with its rights", () => {
  const role = "arn:aws:iam::123456789012:role/share";
  const Resource = ["arn:aws:s3:::share/share/*"];
  const servers = { Effect: "Allow", Principal: { AWS: role }, Action: ["s3:GetObject"], Resource };
  const judged = (statement: object, principal?: string) => {
    const policy = JSON.stringify({ Version: "2012-10-17", Statement: [ONLY_TLS, statement] });
    const problems = judgePolicy("share", policy, principal);
    for (const { what } of problems) assert.ok(what.includes(JSON.stringify(statement)), what);
    return severities(problems);
  };
  assert.equal(judged(servers, role), "");
  assert.equal(judged(servers), "warning");
  const { Principal: _, ...others } = servers;
  const wider: readonly [object, string][] = [
    [{ ...servers, Action: "s3:*" }, "warning"],
    [{ ...servers, Action: ["s3:GetObject", "s3:PutBucketPolicy"] }, "warning"],
    [{ ...others, Principal: { AWS: role }, Action: undefined, NotAction: "s3:Get" }, "warning"],
    [{ ...servers, Resource: "arn:aws:s3:::share/*" }, "warning"],
    [{ ...servers, Principal: { AWS: [role, "arn:aws:iam::123456789012:user/eve"] } }, "warning"],
    [{ ...servers, Principal: { AWS: "210987654321" } }, "warning"],
    [{ ...servers, Principal: { AWS: role, Service: "logging.s3.amazonaws.com" } }, "warning"],
    [
      { ...servers, Principal: "*", Condition: { StringLike: { "aws:UserAgent": "*" } } },
      "warning",
    ],
    [{ ...servers, Principal: { AWS: "*" } }, "wrong"],
    [{ ...others, NotPrincipal: { AWS: role } }, "wrong"],
  ];
  for (const [statement, severity] of wider) assert.equal(judged(statement, role), severity);
});

Deno.test("CORS is for the page's origin, both methods and both headers", () => {
  const rule = {
    AllowedOrigins: [PAGE],
    AllowedMethods: ["GET", "PUT"],
    AllowedHeaders: ["If-None-Match", "Range"],
  };
  const judged = (...rules: (typeof rule)[]) => severities(judgeCors("share", rules, PAGE));
  assert.equal(judged(rule), "");
  assert.equal(judged({ ...rule, AllowedOrigins: ["https://*.example.org"] }), "");
  const [get, put] = ["GET", "PUT"].map((method) => ({ ...rule, AllowedMethods: [method] }));
  assert.equal(judged(get!, put!), "");
  assert.equal(judged(get!), "wrong");
  assert.equal(judged({ ...rule, AllowedOrigins: ["https://share.example"] }), "wrong");
  assert.equal(judged({ ...rule, AllowedHeaders: ["content-type"] }), "wrong");
  assert.equal(judged({ ...rule, AllowedHeaders: ["*"] }), "");
  assert.equal(judged(), "wrong");
  assert.equal(severities(judgeCors("share", [rule], undefined)), "");
  assert.equal(severities(judgeCors("share", [], undefined)), "warning");
});

Deno.test("a lifecycle removes all objects and uploads, none too early and none much too late", () => {
  const on = { Status: "Enabled" as const, Filter: { Prefix: "share/" } };
  const expiry = (Days: number) => ({ ...on, ID: "remove", Expiration: { Days } });
  const abort = { ...on, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } };
  const judged = (rules: Parameters<typeof judgeLifecycle>[1], days?: number) =>
    severities(judgeLifecycle("share", rules, days && days * DAY));
  assert.equal(judged([expiry(6), abort], 5), "");
  assert.equal(judged([{ ...expiry(6), ...abort }], 5), "");
  assert.equal(judged([expiry(5), abort], 5), "wrong");
  // A day more, for the day that an upload may take.
  assert.equal(judged([expiry(7), abort], 5), "");
  assert.equal(judged([expiry(8), abort], 5), "warning");
  assert.equal(judged([expiry(31), abort]), "");
  assert.equal(judged([expiry(33), abort]), "warning");
  assert.equal(judged([expiry(6)], 5), "wrong");
  assert.equal(judged([abort], 5), "wrong");
  assert.equal(judged([], 5), "wrong,wrong");
  const slow = { ...on, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 30 } };
  assert.equal(judged([expiry(6), slow], 5), "warning");
  assert.equal(judged([{ ...expiry(6), Status: "Disabled" as const }, abort], 5), "wrong");
  assert.equal(judged([{ ...expiry(6), Filter: { Prefix: "share/a" } }, abort], 5), "wrong");
  assert.equal(judged([{ ...expiry(6), Filter: { Prefix: "" } }, abort], 5), "");
  const slower = { ...on, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 } };
  assert.equal(judged([expiry(6), slower], 5), "warning");
  assert.equal(judged([expiry(12), slower], 5), "");
  const tagged = { Tag: { Key: "old", Value: "yes" } };
  assert.equal(judged([{ ...expiry(6), Filter: tagged }, abort], 5), "wrong");
  const older = { Status: "Enabled" as const, Prefix: "", Expiration: { Days: 6 } };
  assert.equal(judged([older, abort], 5), "");
});

Deno.test("a rule beside the others destroys and moves nothing that is still to be read", () => {
  const on = { Status: "Enabled" as const, Filter: { Prefix: "share/" } };
  const sound = [
    { ...on, Expiration: { Days: 6 } },
    { ...on, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } },
  ];
  type Rule = Parameters<typeof judgeLifecycle>[1][number];
  const judged = (rule: Partial<Rule>, days: number | undefined = 5) =>
    severities(judgeLifecycle("share", [...sound, { ...on, ...rule }], days && days * DAY));
  assert.equal(judged({ Filter: { Prefix: "share/a" }, Expiration: { Days: 1 } }), "wrong");
  const large = { And: { Prefix: "share/", ObjectSizeGreaterThan: 1_000_000 } };
  assert.equal(judged({ Filter: large, Expiration: { Days: 1 } }), "wrong");
  assert.equal(judged({ Filter: { ObjectSizeGreaterThan: 9 }, Expiration: { Days: 1 } }), "wrong");
  assert.equal(judged({ Filter: { Prefix: "other/" }, Expiration: { Days: 1 } }), "");
  assert.equal(judged({ Filter: large, Expiration: { Days: 9 } }), "");
  const part = { ...on, Filter: large, Expiration: { Days: 1 } };
  assert.equal(severities(judgeLifecycle("share", [...sound, part], undefined)), "warning");
  assert.equal(judged({ Expiration: { Date: new Date("2020-01-01") } }), "wrong");
  const moved = (StorageClass: "DEEP_ARCHIVE" | "GLACIER" | "STANDARD_IA", Days: number) =>
    judged({ Transitions: [{ Days, StorageClass }] });
  assert.deepEqual(["DEEP_ARCHIVE", "GLACIER"].map((to) => moved(to as "GLACIER", 0)), [
    "wrong",
    "wrong",
  ]);
  assert.equal(moved("STANDARD_IA", 0), "warning");
  assert.equal(moved("GLACIER", 30), "");
  assert.equal(judged({ Status: "Disabled", Expiration: { Date: new Date(0) } }), "");
});

Deno.test("what keeps objects that were erased is found: versions, locks, replicas", () => {
  const versions = ["Enabled", "Suspended", undefined].map((status) => {
    return severities(judgeVersioning("share", status));
  });
  assert.deepEqual(versions, ["wrong", "warning", ""]);
  assert.deepEqual(["Enabled", undefined].map((on) => severities(judgeLock(on))), ["wrong", ""]);
  const rule = (Status: "Enabled" | "Disabled") => {
    return { Status, Destination: { Bucket: "arn:aws:s3:::copy" } };
  };
  assert.equal(severities(judgeReplication("share", [rule("Enabled"), rule("Disabled")])), "wrong");
});

Deno.test("encryption by another key than AWS's own takes rights that a server has not", () => {
  const by = (SSEAlgorithm: "AES256" | "aws:kms") => {
    const rule = { ApplyServerSideEncryptionByDefault: { SSEAlgorithm }, BucketKeyEnabled: false };
    return severities(judgeEncryption("share", [rule]));
  };
  assert.deepEqual([by("AES256"), by("aws:kms")], ["", "warning"]);
  assert.equal(severities(judgeEncryption("share", [])), "warning");
});

Deno.test("a clock is judged by what it is off at least, whatever the answer took", () => {
  const told = 1_000_000;
  const skew = (asked: number, answered: number) => skewOf({ told, asked, answered });
  assert.equal(skew(told - 20, told + 500), 0);
  assert.equal(skew(told + 900, told + 4_000), 0);
  assert.equal(skew(told - 60_000, told + 60_000), 0);
  assert.equal(skew(told + 11_000, told + 12_000), 10_000);
  assert.equal(skew(told - 12_000, told - 10_000), -10_000);
  const judged = [2_000, 11_000, 90_000, -90_000].map((off) => {
    return severities(judgeClock({ told, asked: told + off, answered: told + off + 100 }));
  });
  assert.deepEqual(judged, ["", "warning", "wrong", "wrong"]);
});

/** What AWS's SDK throws. */
function failing(name: string) {
  const answer = { name, $metadata: { httpStatusCode: 400 } };
  return () => Promise.reject(Object.assign(new Error("with what was asked"), answer));
}

async function found(findings: AsyncIterable<{ severity: string; remedy?: string }>) {
  return (await Array.fromAsync(findings)).map(({ severity }) => severity).join();
}

Deno.test("what cannot be looked at is never good, and what is not there ends the rest", async () => {
  const check = (look: () => Promise<Problem[]>) => {
    return { name: "bucket: policy", fine: "fine", right: "s3:GetBucketPolicy", look };
  };
  const good = check(() => Promise.resolve([]));
  const seen = (...names: string[]) =>
    found(examine([...names.map((name) => check(failing(name))), good]));
  assert.equal(await seen("AccessDenied", "AccessDeniedException"), "unknown,unknown,ok");
  assert.equal(await seen("NotImplemented", "ThrottlingException"), "unknown,unknown,ok");
  assert.equal(await seen("NoSuchBucket", "AccessDenied"), "wrong");
  assert.equal(await seen("InvalidAccessKeyId", "InvalidAccessKeyId"), "unknown");
  const unreached = () => Promise.reject(Object.assign(new Error(""), { code: "ECONNREFUSED" }));
  assert.equal(await found(examine([check(unreached), good])), "unknown");
  const [denied] = await Array.fromAsync(examine([check(failing("AccessDenied"))]));
  assert.ok(denied?.remedy?.includes("s3:GetBucketPolicy"));
});

Deno.test("a right that is needed is to be there, one that is not is to be refused", async () => {
  const uses = [() => Promise.resolve(), failing("AccessDenied"), failing("ThrottlingException")];
  const trials = uses.map((use) => ({ right: "s3:PutObject", use }));
  assert.equal(await found(tryNeeded(trials)), "ok,wrong,unknown");
  assert.equal(await found(tryExcessive(trials)), "warning,ok,unknown");
});
