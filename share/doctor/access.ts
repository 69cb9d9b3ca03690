/** Who may reach a bucket, and how: its policy, its public access block, other origins' pages. */
import type { CORSRule, PublicAccessBlockConfiguration } from "@aws-sdk/client-s3";
import { PREFIX } from "../aws/objects.ts";
import { type Problem, quoted, warning, wrong } from "./finding.ts";

/** What a server does with objects below its prefix. */
const SERVERS_ACTIONS: readonly string[] = [
  "s3:AbortMultipartUpload",
  "s3:DeleteObject",
  "s3:GetObject",
  "s3:ListMultipartUploadParts",
  "s3:PutObject",
];

const BLOCKS = [
  "BlockPublicAcls",
  "IgnorePublicAcls",
  "BlockPublicPolicy",
  "RestrictPublicBuckets",
] as const;

/** That no setting can make it public. */
export function judgePublicAccess(
  bucket: string,
  blocks: PublicAccessBlockConfiguration = {},
): Problem[] {
  const missing = BLOCKS.filter((name) => blocks[name] !== true);
  if (missing.length === 0) return [];
  const remedy = `aws s3api put-public-access-block --bucket ${bucket} ` +
    `--public-access-block-configuration ${BLOCKS.map((name) => `${name}=true`).join()}`;
  return [wrong(`it may be made public: ${missing.join(", ")} is not set`, remedy)];
}

interface Statement {
  readonly Effect?: string;
  readonly Principal?: unknown;
  readonly NotPrincipal?: unknown;
  readonly Action?: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/**
 * That nobody comes without TLS, and that it gives no rights but those of a server, and to nobody
 * but who was named. What a condition or an exception says is not judged: people are to.
 * @param principal the server's role or user, by its ARN, if it was named
 */
export function judgePolicy(
  bucket: string,
  policy: string | undefined,
  principal?: string,
): Problem[] {
  const { Statement = [] } = JSON.parse(policy ?? "{}") as {
    Statement?: Statement | readonly Statement[];
  };
  const statements = list(Statement);
  const allowing = statements.filter((one) => {
    return one.Effect !== "Deny" && !isServers(one, bucket, principal);
  });
  return [
    ...allowing.map((one) => {
      const isOpen = (isForAll(one) || one.NotPrincipal !== undefined) && !one.Condition;
      const what = isOpen ? "it lets everybody in" : "it lets somebody in, as far as can be told";
      return (isOpen ? wrong : warning)(`${what}: ${JSON.stringify(one)}`, policyRemedy(principal));
    }),
    ...statements.some((one) => refusesPlain(one, bucket))
      ? []
      : [wrong("it takes requests without TLS", tlsRemedy(bucket, statements))],
  ];
}

function list<T>(of: T | readonly T[]): readonly T[] {
  return Array.isArray(of) ? of : [of as T];
}

/** Whom it is about, if it says so by their AWS names alone. */
function whoOf({ Principal }: Statement): readonly unknown[] {
  const isAws = typeof Principal === "object" && Principal !== null &&
    Object.keys(Principal).join() === "AWS";
  return list(isAws ? (Principal as { AWS: unknown }).AWS : Principal);
}

function isForAll(statement: Statement): boolean {
  return whoOf(statement).includes("*");
}

/** Whether a statement gives the named principal what a server needs, and nothing more. */
function isServers(statement: Statement, bucket: string, principal: string | undefined): boolean {
  const { Action, Resource } = statement;
  const all = <T>(of: T | readonly T[] | undefined, fits: (one: T) => boolean) => {
    return of !== undefined && list(of).length > 0 && list(of).every(fits);
  };
  return principal !== undefined && statement.NotPrincipal === undefined &&
    all(whoOf(statement), (one) => one === principal) &&
    all(Action, (one) => SERVERS_ACTIONS.includes(one)) &&
    all(Resource, (arn) => bareArn(arn).startsWith(`${bucket}/${PREFIX}`));
}

function policyRemedy(principal: string | undefined): string {
  const named = principal === undefined ? " and is not told with --principal" : "";
  return `take the statement out of the bucket's policy, unless it is a server's${named}`;
}

function bareArn(arn: string): string {
  return arn.replace(/^arn:[\w-]+:s3:::/, "");
}

function refusesPlain(statement: Statement, bucket: string): boolean {
  const { Effect, Action = [], Resource = [], Condition = {} } = statement;
  const names = Object.keys(Condition);
  const isPlain = Object.entries(Condition.Bool ?? {}).map(([key, value]) => {
    return `${key.toLowerCase()} ${value}`;
  });
  const resources = list(Resource).map(bareArn);
  return Effect === "Deny" && isForAll(statement) &&
    list(Action).some((action) => action === "s3:*" || action === "*") &&
    resources.some((of) => of === `${bucket}/*` || of === "*") &&
    names.join() === "Bool" && isPlain.join() === "aws:securetransport false";
}

/** What it has, and that. */
function tlsRemedy(bucket: string, others: readonly Statement[]): string {
  const statement = {
    Sid: "OnlyTls",
    Effect: "Deny",
    Principal: "*",
    Action: "s3:*",
    Resource: [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`],
    Condition: { Bool: { "aws:SecureTransport": "false" } },
  };
  const policy = { Version: "2012-10-17", Statement: [...others, statement] };
  return `aws s3api put-bucket-policy --bucket ${bucket} --policy ` +
    quoted(JSON.stringify(policy));
}

/** What a page sends: each with the header that needs leave. */
const REQUESTS = [["PUT", "if-none-match"], ["GET", "range"]] as const;
const ALLOWED = { AllowedMethods: ["GET", "PUT"], AllowedHeaders: ["if-none-match", "range"] };

/**
 * That a page can send and get large bodies.
 * @param origin where the page is; unknown: any
 */
export function judgeCors(
  bucket: string,
  rules: readonly CORSRule[],
  origin: string | undefined,
): Problem[] {
  const refused = REQUESTS.filter((request) =>
    !rules.some((rule) => allows(rule, request, origin))
  );
  if (refused.length === 0) return [];
  const cors = { CORSRules: [...rules, { AllowedOrigins: [origin], ...ALLOWED }] };
  const remedy = origin === undefined
    ? "say where the page is with --origin: then this is a command"
    : `aws s3api put-bucket-cors --bucket ${bucket} --cors-configuration ` +
      quoted(JSON.stringify(cors));
  const methods = refused.map(([method]) => method).join(" and ");
  const what = `${methods} of more than 256 KiB fails for a page at ${origin ?? "any origin"}`;
  return [(origin === undefined ? warning : wrong)(what, remedy)];
}

function allows(
  { AllowedOrigins = [], AllowedMethods = [], AllowedHeaders = [] }: CORSRule,
  [method, header]: (typeof REQUESTS)[number],
  origin: string | undefined,
): boolean {
  return (origin === undefined || AllowedOrigins.some((pattern) => fits(pattern, origin))) &&
    AllowedMethods.includes(method) &&
    AllowedHeaders.some((pattern) => fits(pattern.toLowerCase(), header));
}

/** A pattern has at most one `*`. */
function fits(pattern: string, text: string): boolean {
  const [start = "", end] = pattern.split("*");
  if (end === undefined) return pattern === text;
  return text.length >= start.length + end.length && text.startsWith(start) && text.endsWith(end);
}
