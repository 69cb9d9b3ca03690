/** `crypto share doctor`, on tables and buckets that are sound, and with each fault they can have here. */
import assert from "node:assert/strict";
import { UpdateTableCommand, UpdateTimeToLiveCommand } from "@aws-sdk/client-dynamodb";
import {
  CreateBucketCommand,
  GetBucketPolicyCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketCorsCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
} from "@aws-sdk/client-s3";
import { ERRORS } from "../../../core/errors.ts";
import { awsClients } from "../../../share/aws/clients.ts";
import type { Finding } from "../../../share/doctor/finding.ts";
import { crypto, failedWith, fails, text } from "../../cli/support.ts";
import type { AwsServices } from "../../support/aws.ts";
import { plainEnvironment } from "../../support/process.ts";
import { makeTable, OnAws, placeOf, RIGHTS } from "./support.ts";

const ORIGIN = "https://share.example.org";
/** What neither DynamoDB Local nor versitygw has. */
const NOT_HERE = [
  "table: point-in-time recovery",
  "table: backups",
  "bucket: public access",
  "bucket: lifecycle",
  "bucket: replication",
  "bucket: encryption",
];
/** What the owner of both may do. */
const EXCESSIVE = [
  "no right: dynamodb:Scan",
  "no right: dynamodb:GetItem on other tables",
  "no right: dynamodb:DeleteTable on other tables",
  "no right: s3:ListBucket",
  "no right: s3:PutBucketPolicy",
  "no right: s3:PutObject outside share/",
  "no right: s3:DeleteObject outside share/",
  "no right: s3:GetObject outside share/",
  "no right: s3:AbortMultipartUpload outside share/",
  "no right: others",
];

function policy(Bucket: string, ...Statement: object[]): PutBucketPolicyCommand {
  const Policy = JSON.stringify({ Version: "2012-10-17", Statement });
  return new PutBucketPolicyCommand({ Bucket, Policy });
}

function tlsOnly(bucket: string): object {
  const Resource = [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`];
  const Condition = { Bool: { "aws:SecureTransport": "false" } };
  return { Effect: "Deny", Principal: "*", Action: "s3:*", Resource, Condition };
}

function cors(bucket: string): PutBucketCorsCommand {
  const rule = {
    AllowedOrigins: [ORIGIN],
    AllowedMethods: ["GET", "PUT"],
    AllowedHeaders: ["if-none-match", "range"],
  };
  return new PutBucketCorsCommand({ Bucket: bucket, CORSConfiguration: { CORSRules: [rule] } });
}

function ttl(TableName: string, AttributeName: string): UpdateTimeToLiveCommand {
  const TimeToLiveSpecification = { AttributeName, Enabled: true };
  return new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification });
}

async function sound(services: AwsServices): Promise<OnAws> {
  const subject = await OnAws.open(services);
  const { name, clients: { dynamodb, s3 } } = subject;
  await dynamodb.send(ttl(name, "deleteAt"));
  await s3.send(policy(name, tlsOnly(name)));
  await s3.send(cors(name));
  return subject;
}

async function examined(address: string, services: Readonly<Record<string, string>>) {
  const args = ["share", "doctor", "--json", "--origin", ORIGIN, address];
  const run = await crypto(args, { env: { ...plainEnvironment(), ...services } });
  const findings: Finding[] = JSON.parse(text(run.stdout));
  const named = (severity: Finding["severity"]) => {
    return findings.filter((one) => one.severity === severity).map(({ check }) => check);
  };
  for (const { severity, what, remedy = "" } of findings) {
    assert.ok(what.length > 0);
    assert.equal(remedy.length > 0, severity !== "ok", what);
  }
  return { run, findings, named };
}

/** Registers them. */
export function doctorTests(services: AwsServices): void {
  Deno.test("doctor: on a sound deployment nothing is wrong, and what can't be seen is said", async () => {
    await using subject = await sound(services);
    const { run, findings, named } = await examined(subject.address, services.env);
    assert.deepEqual(named("wrong"), []);
    assert.deepEqual(named("unknown"), NOT_HERE);
    assert.deepEqual(named("warning"), EXCESSIVE);
    assert.equal(findings.length, 36);
    failedWith("share_unchecked", run);
    const { s3 } = subject.clients;
    assert.deepEqual(await subject.items(), []);
    const left = await s3.send(new ListObjectsV2Command({ Bucket: subject.name }));
    assert.equal(left.KeyCount, 0);
  });

  Deno.test("doctor: for people each finding is a line, and its remedy another", async () => {
    await using subject = await sound(services);
    const env = { ...plainEnvironment(), ...services.env };
    const run = await crypto(["share", "doctor", subject.address], { env });
    failedWith("share_unchecked", run);
    const lines = text(run.stdout).trimEnd().split("\n");
    for (const line of lines) {
      assert.match(line, /^((ok|wrong|warning|unknown) +[\w ]+: .+| {9}→ .+)$/);
    }
    assert.equal(lines.filter((line) => line.startsWith("ok")).length, 20);
  });

  type Break = (subject: OnAws) => Promise<unknown>;
  const faults: Readonly<Record<string, Break>> = {
    "table: TTL": async ({ name, clients: { dynamodb } }) => {
      await dynamodb.send(
        new UpdateTimeToLiveCommand({
          TableName: name,
          TimeToLiveSpecification: { AttributeName: "deleteAt", Enabled: false },
        }),
      );
    },
    "table: copies": ({ name, clients: { dynamodb } }) => {
      const StreamSpecification = { StreamEnabled: true, StreamViewType: "OLD_IMAGE" as const };
      return dynamodb.send(new UpdateTableCommand({ TableName: name, StreamSpecification }));
    },
    "bucket: policy": ({ name, clients: { s3 } }) => {
      const Resource = [`arn:aws:s3:::${name}/*`];
      const open = { Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource };
      return s3.send(policy(name, tlsOnly(name), open));
    },
    "bucket: CORS": ({ name, clients: { s3 } }) => {
      const rule = {
        AllowedOrigins: ["https://elsewhere.example"],
        AllowedMethods: ["GET", "PUT"],
      };
      const CORSConfiguration = { CORSRules: [{ ...rule, AllowedHeaders: ["*"] }] };
      return s3.send(new PutBucketCorsCommand({ Bucket: name, CORSConfiguration }));
    },
    "bucket: versioning": ({ name, clients: { s3 } }) => {
      const VersioningConfiguration = { Status: "Enabled" as const };
      return s3.send(new PutBucketVersioningCommand({ Bucket: name, VersioningConfiguration }));
    },
  };
  for (const [check, breakIt] of Object.entries(faults)) {
    Deno.test(`doctor: a fault is found, and nothing else: ${check}`, async () => {
      await using subject = await sound(services);
      await breakIt(subject);
      const { run, named } = await examined(subject.address, services.env);
      assert.deepEqual(named("wrong"), [check]);
      failedWith("share_unsound", run);
    });
  }

  Deno.test("doctor: in a bucket that keeps versions nothing of it stays", async () => {
    await using subject = await sound(services);
    const { name, address, clients: { s3 } } = subject;
    await s3.send(
      new PutBucketVersioningCommand({
        Bucket: name,
        VersioningConfiguration: { Status: "Enabled" },
      }),
    );
    await examined(address, services.env);
    const { Versions = [], DeleteMarkers = [] } = await s3.send(
      new ListObjectVersionsCommand({ Bucket: name }),
    );
    assert.deepEqual([Versions.length, DeleteMarkers.length], [0, 0]);
  });

  Deno.test("doctor: a bucket that can keep objects from being erased is found", async () => {
    await using subject = await sound(services);
    const { name, address, clients: { s3 } } = subject;
    const Bucket = `locked-${name}`;
    await s3.send(new CreateBucketCommand({ Bucket, ObjectLockEnabledForBucket: true }));
    const { named } = await examined(
      address.replace(/bucket=.*/, `bucket=${Bucket}`),
      services.env,
    );
    const locked = ["bucket: policy", "bucket: CORS", "bucket: versioning", "bucket: object lock"];
    assert.deepEqual(named("wrong"), locked);
  });

  Deno.test("doctor: what is not there is one finding, and where it isn't looks at the rest", async () => {
    await using subject = await sound(services);
    const { named } = await examined("dynamodb://nowhere?bucket=nowhere", services.env);
    assert.deepEqual(named("wrong"), ["table: key", "bucket: region"]);
    assert.ok(named("unknown").includes("right: dynamodb:PutItem"));
    const region = { ...services.env, AWS_REGION: "eu-central-1" };
    const elsewhere = await examined(subject.address, region);
    assert.ok(elsewhere.named("wrong").includes("table: key"));
  });

  Deno.test("doctor: with no more rights than a server's it is told so, and nothing is taken for good", async () => {
    await using subject = await sound(services);
    const { name, address, clients: { s3 } } = subject;
    const own = awsClients(placeOf({ env: services.limited }, name));
    await makeTable(own.dynamodb, name);
    await own.dynamodb.send(ttl(name, "deleteAt"));
    const Principal = { AWS: ["limited"] };
    const Resource = [`arn:aws:s3:::${name}/share/*`];
    const allow = (Action: string[]) => ({ Effect: "Allow", Principal, Action, Resource });
    // There is no TLS here.
    await s3.send(policy(name, allow(RIGHTS)));
    const enough = await examined(address, services.limited);
    const hidden = enough.findings.filter(({ check }) => check.startsWith("bucket: "));
    assert.deepEqual([...new Set(hidden.map(({ severity }) => severity))], ["unknown"]);
    assert.deepEqual(enough.named("wrong"), []);
    // DynamoDB Local knows no rights.
    const [scan, get, remove] = EXCESSIVE;
    assert.deepEqual(enough.named("warning"), [scan, get, remove, "no right: others"]);
    assert.equal(enough.run.code, ERRORS.share_unchecked.exit);
    const few = ["s3:GetObject", "s3:ListMultipartUploadParts", "s3:AbortMultipartUpload"];
    await s3.send(policy(name, allow(few)));
    const missing = await examined(address, services.limited);
    assert.deepEqual(missing.named("wrong"), ["right: s3:PutObject", "right: s3:DeleteObject"]);
    const all = { ...allow([...RIGHTS, "s3:PutBucketPolicy"]), Resource: [] as string[] };
    all.Resource = [`arn:aws:s3:::${name}`, `arn:aws:s3:::${name}/*`];
    await s3.send(policy(name, all));
    const wide = await examined(address, services.limited);
    const told = EXCESSIVE.filter((one) => !one.endsWith("ListBucket"));
    assert.deepEqual(wide.named("warning"), told);
    const policyNow = await s3.send(new GetBucketPolicyCommand({ Bucket: name }));
    assert.deepEqual(JSON.parse(policyNow.Policy ?? "").Statement, [all]);
    assert.deepEqual(await subject.items(), []);
    own.dynamodb.destroy();
    own.s3.destroy();
  });

  Deno.test("doctor: what is no store, and where nobody answers, is an error", async () => {
    const env = { ...plainEnvironment(), ...services.env };
    await fails("config", ["share", "doctor", "dynamodb://table"], { env });
    await fails("config", ["share", "doctor", "dynamodb://table?bucket=bucket"], {
      env: plainEnvironment(),
    });
  });

  Deno.test("doctor: what can be looked at is told, also where one service does not answer", async () => {
    await using subject = await sound(services);
    for (const [variable, other] of [["DYNAMODB", "bucket: "], ["S3", "table: "]] as const) {
      const env = { ...services.env, [`AWS_ENDPOINT_URL_${variable}`]: "http://127.0.0.1:9" };
      const { run, findings, named } = await examined(subject.address, env);
      assert.deepEqual(named("unknown").filter((one) => one.startsWith("clock: ")), [
        "clock: 127.0.0.1:9",
      ]);
      assert.ok(findings.some(({ check }) => check.startsWith(other)));
      failedWith("share_unchecked", run);
    }
  });

  Deno.test("doctor: credentials that are not accepted are one finding for each series", async () => {
    await using subject = await sound(services);
    const env = { ...services.env, AWS_SECRET_ACCESS_KEY: "another" };
    const { findings, named } = await examined(subject.address, env);
    // DynamoDB Local takes any.
    const ofBucket = named("unknown").filter((one) => /bucket|s3:/.test(one));
    assert.deepEqual(ofBucket, [
      "bucket: region",
      "right: s3:PutObject",
      "no right: s3:ListBucket",
    ]);
    const remedies = findings.filter(({ check }) => ofBucket.includes(check));
    for (const { remedy } of remedies) assert.match(remedy ?? "", /export-credentials/);
  });
}
