/**
 * The SDK's clients, with everything said that they would otherwise look for in files and the
 * environment: of both they read nothing but what a module of theirs wants as it is loaded.
 */
import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { S3Client } from "@aws-sdk/client-s3";
import type { AwsPlace } from "./place.ts";

/** How long a request may take, in milliseconds. Waiting for one of the sockets is connecting. */
export interface Patience {
  readonly connectionTimeout: number;
  readonly requestTimeout: number;
}

/** How often a request is sent at most. */
export const ATTEMPTS = 3;
/**
 * All together end before whoever waits gives up, so that what hangs once can be repeated: a
 * function on Lambda after 29 seconds, clients of a server, where many requests share sockets,
 * after 60.
 */
export const PATIENCE = {
  function: { connectionTimeout: 3_000, requestTimeout: 5_000 },
  server: { connectionTimeout: 5_000, requestTimeout: 12_000 },
} as const satisfies Record<string, Patience>;
const HANDLER = {
  throwOnRequestTimeout: true,
  httpAgent: { maxSockets: 500 },
  httpsAgent: { maxSockets: 500 },
};

/** Clients of both services. */
export function awsClients(
  { region, credentials, dynamodbOrigin, s3Origin, pathStyle }: Omit<AwsPlace, "table" | "bucket">,
  patience: Patience = PATIENCE.server,
) {
  const common = {
    region,
    credentials,
    maxAttempts: ATTEMPTS,
    retryMode: "standard",
    requestHandler: { ...HANDLER, ...patience },
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
