/**
 * What the caller may do, by doing it: to an item and an object of random names, which are removed
 * again. What cannot be removed is removed by TTL and lifecycle.
 */
import {
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  ListPartsCommand,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { newName } from "../aws/items.ts";
import { PREFIX } from "../aws/objects.ts";
import { NotTried, orNone, type Trial } from "./check.ts";

/** What is tried on: one item, one object. */
const name = () => `doctor.${newName()}`;

/** What a server does with a table. */
export function tableTrials(client: DynamoDBClient, TableName: string): Trial[] {
  const at = { TableName, Key: { id: { S: name() } } };
  // What is over, should it stay.
  const deleteAt = { N: "1" };
  return [
    {
      right: "dynamodb:PutItem",
      use: () => client.send(new PutItemCommand({ TableName, Item: { ...at.Key, deleteAt } })),
    },
    { right: "dynamodb:GetItem", use: () => client.send(new GetItemCommand(at)) },
    {
      right: "dynamodb:UpdateItem",
      use: () =>
        client.send(
          new UpdateItemCommand({
            ...at,
            UpdateExpression: "SET deleteAt = :deleteAt",
            ExpressionAttributeValues: { ":deleteAt": deleteAt },
          }),
        ),
    },
    { right: "dynamodb:DeleteItem", use: () => client.send(new DeleteItemCommand(at)) },
  ];
}

/** What a server does with a bucket. */
export function bucketTrials(s3: S3Client, Bucket: string): Trial[] {
  const at = { Bucket, Key: PREFIX + name() };
  // What is not there is answered like a missing right, unless one may list.
  let isThere = false;
  let UploadId = "none";
  const versions: (string | undefined)[] = [];
  return [
    {
      right: "s3:PutObject",
      async use() {
        const put = new PutObjectCommand({ ...at, Body: new Uint8Array(1), IfNoneMatch: "*" });
        versions.push((await s3.send(put)).VersionId);
        isThere = true;
        UploadId = (await s3.send(new CreateMultipartUploadCommand(at))).UploadId ?? UploadId;
      },
    },
    {
      right: "s3:GetObject",
      async use() {
        if (!isThere) throw new NotTried();
        const { Body } = await s3.send(new GetObjectCommand(at));
        await Body?.transformToByteArray();
      },
    },
    {
      right: "s3:DeleteObject",
      async use() {
        versions.push((await s3.send(new DeleteObjectCommand(at))).VersionId);
        await removeVersions(s3, at, versions);
      },
    },
    {
      right: "s3:ListMultipartUploadParts",
      use: () => known(s3.send(new ListPartsCommand({ ...at, UploadId }))),
    },
    {
      right: "s3:AbortMultipartUpload",
      use: () => known(s3.send(new AbortMultipartUploadCommand({ ...at, UploadId }))),
    },
  ];
}

/**
 * A bucket that keeps versions has kept what was put, and notes that it was removed: both go, if the
 * caller may do that. A server may not, and then they stay.
 */
export async function removeVersions(
  s3: S3Client,
  at: { readonly Bucket: string; readonly Key: string },
  versions: readonly (string | undefined)[],
): Promise<void> {
  for (const VersionId of versions.filter((id) => id !== undefined && id !== "null")) {
    await s3.send(new DeleteObjectCommand({ ...at, VersionId })).catch(() => {});
  }
}

/** That there is no such upload says who may ask. */
function known<A>(answer: Promise<A>): Promise<A | undefined> {
  return orNone(["NoSuchUpload"], answer);
}
