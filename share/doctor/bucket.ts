/** The bucket: what keeps bodies longer than it should, and asking for all of its settings. */
import {
  GetBucketCorsCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketLocationCommand,
  GetBucketPolicyCommand,
  GetBucketReplicationCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
  GetPublicAccessBlockCommand,
  type ReplicationRule,
  type S3Client,
  type ServerSideEncryptionRule,
} from "@aws-sdk/client-s3";
import { judgeCors, judgePolicy, judgePublicAccess } from "./access.ts";
import { type Check, orNone } from "./check.ts";
import { type Problem, warning, wrong } from "./finding.ts";
import { judgeLifecycle } from "./lifecycle.ts";

/** What is known of the server that uses it. */
export interface Wanted {
  /** Origin of the page. */
  readonly origin: string | undefined;
  /** Longest lifetime, in seconds. */
  readonly maxTtl: number | undefined;
  /** ARN of the server's role or user. */
  readonly principal: string | undefined;
}

/** That it is where requests go to. @param location as AWS says it: none for the oldest region */
export function judgeRegion(location: string | undefined, region: string): Problem[] {
  const actual = location === "EU" ? "eu-west-1" : location || "us-east-1";
  return actual === region ? [] : [wrong(`it is in ${actual}`, `export AWS_REGION=${actual}`)];
}

/** That what is erased is gone. */
export function judgeVersioning(bucket: string, status: string | undefined): Problem[] {
  if (status === "Enabled") {
    const remedy = `aws s3api put-bucket-versioning --bucket ${bucket} ` +
      "--versioning-configuration Status=Suspended";
    const what = "what was erased is kept as an older version, until each is deleted, too";
    return [wrong(what, remedy)];
  }
  if (status !== "Suspended") return [];
  const remedy = `aws s3api list-object-versions --bucket ${bucket}`;
  const what = "it was on: what was erased before may still be there, as versions to be deleted";
  return [warning(what, remedy)];
}

/** That it can be erased. */
export function judgeLock(state: string | undefined): Problem[] {
  if (state !== "Enabled") return [];
  return [
    wrong("objects can be kept from being erased", "use another bucket: it cannot be undone"),
  ];
}

/** That no other bucket has it. */
export function judgeReplication(bucket: string, rules: readonly ReplicationRule[]): Problem[] {
  const remedy = `aws s3api delete-bucket-replication --bucket ${bucket}`;
  return rules.filter(({ Status }) => Status === "Enabled").map(({ Destination }) => {
    return wrong(`what was erased stays in ${Destination?.Bucket}`, remedy);
  });
}

/** That the server needs no other key than AWS's own for the bucket. */
export function judgeEncryption(bucket: string, rules: readonly ServerSideEncryptionRule[]) {
  const algorithm = rules[0]?.ApplyServerSideEncryptionByDefault?.SSEAlgorithm;
  if (algorithm === "AES256") return [];
  const encryption = { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: "AES256" } };
  const remedy = `aws s3api put-bucket-encryption --bucket ${bucket} ` +
    `--server-side-encryption-configuration '${JSON.stringify({ Rules: [encryption] })}'`;
  const what = algorithm === undefined
    ? "off: AWS's own disks hold what clients encrypted, and nothing more is done"
    : `by ${algorithm}: the server needs kms:GenerateDataKey and kms:Decrypt on its key, too`;
  return [warning(what, remedy)];
}

interface Place {
  readonly bucket: string;
  readonly region: string;
}

/** What is looked at. */
export function bucketChecks(s3: S3Client, place: Place, wanted: Wanted): Check[] {
  return [...accessChecks(s3, place, wanted), ...keepingChecks(s3, place.bucket, wanted)];
}

function check(name: string, fine: string, right: string, look: Check["look"]): Check {
  return { name: `bucket: ${name}`, fine, right: `s3:${right}`, look };
}

/** Where it is, and who reaches it. */
function accessChecks(
  s3: S3Client,
  { bucket, region }: Place,
  { origin, principal }: Wanted,
): Check[] {
  const of = { Bucket: bucket };
  return [
    check("region", `it is in ${region}`, "GetBucketLocation", async () => {
      const { LocationConstraint } = await s3.send(new GetBucketLocationCommand(of));
      return judgeRegion(LocationConstraint, region);
    }),
    check("public access", "blocked", "GetBucketPublicAccessBlock", async () => {
      const none = ["NoSuchPublicAccessBlockConfiguration"];
      const answer = await orNone(none, s3.send(new GetPublicAccessBlockCommand(of)));
      return judgePublicAccess(bucket, answer?.PublicAccessBlockConfiguration);
    }),
    check("policy", "TLS only, and it lets nobody else in", "GetBucketPolicy", async () => {
      const answer = await orNone(["NoSuchBucketPolicy"], s3.send(new GetBucketPolicyCommand(of)));
      return judgePolicy(bucket, answer?.Policy, principal);
    }),
    check("CORS", "the page can send and get large bodies", "GetBucketCORS", async () => {
      const none = ["NoSuchCORSConfiguration"];
      const answer = await orNone(none, s3.send(new GetBucketCorsCommand(of)));
      return judgeCors(bucket, answer?.CORSRules ?? [], origin);
    }),
  ];
}

/** What it keeps, how long, and how. */
function keepingChecks(s3: S3Client, bucket: string, { maxTtl }: Wanted): Check[] {
  const of = { Bucket: bucket };
  return [
    check("lifecycle", "what nobody erases goes", "GetLifecycleConfiguration", async () => {
      const command = new GetBucketLifecycleConfigurationCommand(of);
      const answer = await orNone(["NoSuchLifecycleConfiguration"], s3.send(command));
      return judgeLifecycle(bucket, answer?.Rules ?? [], maxTtl);
    }),
    check("versioning", "off", "GetBucketVersioning", async () => {
      return judgeVersioning(bucket, (await s3.send(new GetBucketVersioningCommand(of))).Status);
    }),
    check("object lock", "off", "GetBucketObjectLockConfiguration", async () => {
      const none = ["ObjectLockConfigurationNotFoundError"];
      const answer = await orNone(none, s3.send(new GetObjectLockConfigurationCommand(of)));
      return judgeLock(answer?.ObjectLockConfiguration?.ObjectLockEnabled);
    }),
    check("replication", "off", "GetReplicationConfiguration", async () => {
      const none = ["ReplicationConfigurationNotFoundError"];
      const answer = await orNone(none, s3.send(new GetBucketReplicationCommand(of)));
      return judgeReplication(bucket, answer?.ReplicationConfiguration?.Rules ?? []);
    }),
    check("encryption", "on, with AWS's own key", "GetEncryptionConfiguration", async () => {
      const none = ["ServerSideEncryptionConfigurationNotFoundError"];
      const answer = await orNone(none, s3.send(new GetBucketEncryptionCommand(of)));
      return judgeEncryption(bucket, answer?.ServerSideEncryptionConfiguration?.Rules ?? []);
    }),
  ];
}
