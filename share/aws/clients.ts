/**
 * The SDK's clients, with everything said that they would otherwise look for in files and the
 * environment: of both they read nothing but what a module of theirs wants as it is loaded.
 */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { S3Client } from "@aws-sdk/client-s3";
import type { AwsPlace } from "./place.ts";

/** Times in milliseconds. Waiting for one of the sockets counts as connecting. */
const HANDLER = {
  connectionTimeout: 5_000,
  requestTimeout: 30_000,
  throwOnRequestTimeout: true,
  httpAgent: { maxSockets: 500 },
  httpsAgent: { maxSockets: 500 },
};

/** Clients of both services. Their requests are repeated, at most three in all. */
export function awsClients(
  { region, credentials, dynamodbOrigin, s3Origin, pathStyle }: Omit<AwsPlace, "table" | "bucket">,
) {
  const common = {
    region,
    credentials,
    maxAttempts: 3,
    retryMode: "standard",
    requestHandler: HANDLER,
    defaultsMode: "standard",
    profile: "default",
    authSchemePreference: [] as string[],
    disableClockSkewCorrection: false,
    useDualstackEndpoint: false,
    useFipsEndpoint: false,
    defaultUserAgentProvider: () => Promise.resolve([["crypto-share"]] as [string][]),
    userAgentAppId: "",
  } as const;
  const dynamodb = new DynamoDBClient({
    ...common,
    endpoint: dynamodbOrigin,
    accountIdEndpointMode: "disabled",
  });
  const s3 = new S3Client({
    ...common,
    endpoint: s3Origin,
    forcePathStyle: pathStyle,
    // The sender computes no checksum: what it sends authenticates itself.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    useArnRegion: false,
    disableMultiregionAccessPoints: true,
    disableS3ExpressSessionAuth: true,
    sigv4aSigningRegionSet: [] as string[],
  });
  return { dynamodb, s3 };
}
