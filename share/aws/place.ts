/** Which table and bucket, where, and with whose rights: from one address and the environment. */
import { CryptoError } from "../../core/errors.ts";
import type { AWS_VARIABLES } from "../../core/privileges.ts";
import { requireOrigin } from "../../core/share/origin.ts";

/** A table and a bucket, and all that is needed to reach them. */
export interface AwsPlace {
  readonly table: string;
  readonly bucket: string;
  readonly region: string;
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken?: string;
  };
  readonly dynamodbOrigin: string;
  readonly s3Origin: string;
  /** Whether the bucket's name is a part of paths, as other servers than AWS's have it. */
  readonly pathStyle: boolean;
}

type Read = (name: (typeof AWS_VARIABLES)[number]) => string | undefined;

// A region becomes a label of a host.
const REGION = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;
/** A table's name. */
export const TABLE = /^[\w.-]{3,255}$/;
/** A bucket's name. A dot in it would not fit the certificate of its host. */
export const BUCKET = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;
const ADDRESS = /^dynamodb:\/\/([^?]*)\?bucket=(.*)$/s;

/**
 * Reads `dynamodb://TABLE?bucket=BUCKET`, and the rest from the environment alone: no file, no
 * program and no other service is asked for credentials.
 * @throws {CryptoError} `config`, which quotes no credential
 */
export function awsPlace(address: string, read: Read): AwsPlace {
  const [, table = "", bucket = ""] = ADDRESS.exec(address) ?? [];
  if (!TABLE.test(table) || !BUCKET.test(bucket)) {
    throw wrong("store", "it is to be dynamodb://TABLE?bucket=BUCKET, the bucket without dots");
  }
  const region = read("AWS_REGION") || read("AWS_DEFAULT_REGION") || required(read, "AWS_REGION");
  if (!REGION.test(region)) throw wrong("AWS_REGION", "it is to be eu-central-1, say");
  const sessionToken = read("AWS_SESSION_TOKEN");
  const domain = region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com";
  const s3 = endpoint(read, "AWS_ENDPOINT_URL_S3");
  return {
    table,
    bucket,
    region,
    credentials: {
      accessKeyId: required(read, "AWS_ACCESS_KEY_ID"),
      secretAccessKey: required(read, "AWS_SECRET_ACCESS_KEY"),
      ...sessionToken ? { sessionToken } : {},
    },
    dynamodbOrigin: endpoint(read, "AWS_ENDPOINT_URL_DYNAMODB") ??
      `https://dynamodb.${region}.${domain}`,
    s3Origin: s3 ?? `https://s3.${region}.${domain}`,
    pathStyle: s3 !== undefined,
  };
}

/** The two origins that a server with such a store talks to. */
export function originsOf({ dynamodbOrigin, s3Origin, pathStyle, bucket }: AwsPlace): string[] {
  const ofBucket = pathStyle ? s3Origin : s3Origin.replace("https://", `https://${bucket}.`);
  return [dynamodbOrigin, ofBucket];
}

function endpoint(read: Read, name: "AWS_ENDPOINT_URL_DYNAMODB" | "AWS_ENDPOINT_URL_S3") {
  const text = read(name) || read("AWS_ENDPOINT_URL");
  try {
    return text ? requireOrigin(text) : undefined;
  } catch {
    throw wrong(name, "it is to be https://HOST[:PORT]; http is for this machine only");
  }
}

function required(read: Read, name: (typeof AWS_VARIABLES)[number]): string {
  const value = read(name);
  if (value) return value;
  throw wrong(name, "set it in the environment: see docs/operations.md");
}

function wrong(subject: string, hint: string): CryptoError {
  return new CryptoError("config", { subject, hint });
}
