/** Who may reach a bucket, and how: its policy, its public access block, other origins' pages. */
import type { CORSRule, PublicAccessBlockConfiguration } from "@aws-sdk/client-s3";
import { type Problem, warning, wrong } from "./finding.ts";

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
  readonly Action?: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** That nobody comes without TLS, and nobody without a right of their own. */
export function judgePolicy(bucket: string, policy: string | undefined): Problem[] {
  const { Statement = [] } = JSON.parse(policy ?? "{}") as {
    Statement?: Statement | readonly Statement[];
  };
  const statements = list(Statement);
  const open = statements.some((one) => one.Effect === "Allow" && isForAll(one) && !one.Condition);
  return [
    ...open
      ? [wrong("it lets everybody in", "take the statement with Principal * out of its policy")]
      : [],
    ...statements.some((one) => refusesPlain(one, bucket))
      ? []
      : [wrong("it takes requests without TLS", tlsRemedy(bucket))],
  ];
}

function list<T>(of: T | readonly T[]): readonly T[] {
  return Array.isArray(of) ? of : [of as T];
}

function isForAll({ Principal }: Statement): boolean {
  const who = typeof Principal === "object" && Principal !== null && "AWS" in Principal
    ? Principal.AWS
    : Principal;
  return list(who).includes("*");
}

function refusesPlain(statement: Statement, bucket: string): boolean {
  const { Effect, Action = [], Resource = [], Condition = {} } = statement;
  const names = Object.keys(Condition);
  const isPlain = Object.entries(Condition.Bool ?? {}).map(([key, value]) => {
    return `${key.toLowerCase()} ${value}`;
  });
  const resources = list(Resource).map((arn) => arn.replace(/^arn:[\w-]+:s3:::/, ""));
  return Effect === "Deny" && isForAll(statement) &&
    list(Action).some((action) => action === "s3:*" || action === "*") &&
    resources.some((of) => of === `${bucket}/*` || of === "*") &&
    names.join() === "Bool" && isPlain.join() === "aws:securetransport false";
}

function tlsRemedy(bucket: string): string {
  const statement = {
    Sid: "OnlyTls",
    Effect: "Deny",
    Principal: "*",
    Action: "s3:*",
    Resource: [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`],
    Condition: { Bool: { "aws:SecureTransport": "false" } },
  };
  const policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
  return `aws s3api put-bucket-policy --bucket ${bucket} --policy '${policy}' ` +
    "(in place of what it has)";
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
  const cors = { CORSRules: [{ AllowedOrigins: [origin ?? "https://HOST"], ...ALLOWED }] };
  const remedy = `aws s3api put-bucket-cors --bucket ${bucket} ` +
    `--cors-configuration '${JSON.stringify(cors)}' (in place of all rules)`;
  if (refused.length === 0) return [];
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
