/**
 * What whoever has a server's credentials is not to be able to do, tried so that nothing changes:
 * on what is not there, or with what AWS refuses to anybody once it has looked at the rights.
 */
import {
  DeleteTableCommand,
  type DynamoDBClient,
  GetItemCommand,
  ScanCommand,
} from "@aws-sdk/client-dynamodb";
import {
  AbortMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutBucketPolicyCommand,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { newName } from "../aws/items.ts";
import { PREFIX } from "../aws/objects.ts";
import { orNone, type Trial } from "./check.ts";
import { removeVersions } from "./rights.ts";
import { type Finding, warning } from "./finding.ts";

interface Place {
  readonly table: string;
  readonly bucket: string;
}

/** A sum of no body that is sent: S3 refuses what is not what it should be. */
const WRONG_SUM = "AAAAAAAAAAAAAAAAAAAAAA==";
/** What no server takes for a policy. */
const NO_POLICY = "none";

/** Of a table. Each is allowed where it does not fail, or only as it does for who may do it. */
export function tableExcess(client: DynamoDBClient, TableName: string): Trial[] {
  const other = { TableName: `doctor.${newName()}` };
  const absent = ["ResourceNotFoundException"];
  return [
    {
      right: "dynamodb:Scan",
      use: () => client.send(new ScanCommand({ TableName, Limit: 1, Select: "COUNT" })),
    },
    {
      right: "dynamodb:GetItem on other tables",
      use: () =>
        orNone(absent, client.send(new GetItemCommand({ ...other, Key: { id: { S: "none" } } }))),
    },
    {
      right: "dynamodb:DeleteTable on other tables",
      use: () => orNone(absent, client.send(new DeleteTableCommand(other))),
    },
  ];
}

/** The same of a bucket. */
export function bucketExcess(s3: S3Client, Bucket: string): Trial[] {
  return [
    {
      right: "s3:ListBucket",
      use: () => s3.send(new ListObjectsV2Command({ Bucket, Prefix: PREFIX, MaxKeys: 1 })),
    },
    {
      right: "s3:PutBucketPolicy",
      use: () =>
        orNone(
          ["MalformedPolicy"],
          s3.send(new PutBucketPolicyCommand({ Bucket, Policy: NO_POLICY })),
        ),
    },
    ...outside(s3, Bucket),
  ];
}

function outside(s3: S3Client, Bucket: string): Trial[] {
  const elsewhere = { Bucket, Key: `doctor.${newName()}` };
  const put = { ...elsewhere, Body: new Uint8Array(1), ContentMD5: WRONG_SUM };
  const abort = { ...elsewhere, UploadId: "none" };
  return [
    {
      right: `s3:PutObject outside ${PREFIX}`,
      use: () => orNone(["BadDigest"], s3.send(new PutObjectCommand(put))),
    },
    {
      right: `s3:DeleteObject outside ${PREFIX}`,
      async use() {
        const { VersionId } = await s3.send(new DeleteObjectCommand(elsewhere));
        await removeVersions(s3, elsewhere, [VersionId]);
      },
    },
    {
      right: `s3:GetObject outside ${PREFIX}`,
      use: () => orNone(["NoSuchKey"], s3.send(new GetObjectCommand(elsewhere))),
      refused: "what is not there is refused, which AWS does to all who may not list, too",
    },
    {
      right: `s3:AbortMultipartUpload outside ${PREFIX}`,
      use: () => orNone(["NoSuchUpload"], s3.send(new AbortMultipartUploadCommand(abort))),
    },
  ];
}

/**
 * What cannot be tried, which is said, since it would do harm or tells nothing.
 * @param principal whose rights they are, by its ARN, if it was named
 */
export function untried({ table, bucket }: Place, principal: string | undefined): Finding {
  const what = "not tried, as that would do harm: deleting this table and this bucket, changing " +
    `their settings, reading an object outside ${PREFIX} that is there`;
  const names =
    "dynamodb:DeleteTable dynamodb:UpdateTable s3:DeleteBucket s3:PutBucketVersioning " +
    "s3:PutLifecycleConfiguration s3:GetObject";
  const remedy = principal === undefined
    ? "name the server's role with --principal, and this is a command that asks AWS"
    : `aws iam simulate-principal-policy --policy-source-arn '${principal}' --action-names ${names} ` +
      `--resource-arns 'arn:aws:s3:::${bucket}' 'arn:aws:s3:::${bucket}/other' ` +
      `"arn:aws:dynamodb:$AWS_REGION:$(aws sts get-caller-identity --query Account --output text)` +
      `:table/${table}"`;
  return { check: "no right: others", ...warning(what, remedy) };
}
