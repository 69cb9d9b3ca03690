/** What a CloudFormation template and a Terraform file say about the same things, in one form. */

/** JSON as a parser gave it. */
export type Json = null | boolean | number | string | readonly Json[] | {
  readonly [name: string]: Json;
};

/** Something within, by names and numbers. Fails if nothing is there. */
export function at(value: Json, ...path: readonly (string | number)[]): Json {
  return path.reduce<Json>((inner, name) => {
    const found = (inner as Readonly<Record<string | number, Json>>)?.[name];
    if (found === undefined) throw new Error(`no ${path.join(".")}: stops at ${name}`);
    return found;
  }, value);
}

/** One permission. */
interface Statement {
  readonly sid: Json;
  readonly effect: Json;
  readonly actions: Json;
  readonly resource: string;
}

const PLACEHOLDERS: readonly (readonly [RegExp, string])[] = [
  [/\$\{(AWS::Partition|local\.partition)\}|(?<=^arn:)aws(?=:)/g, "PARTITION"],
  [/\$\{(AWS::Region|local\.region)\}/g, "REGION"],
  [/\$\{(AWS::AccountId|local\.account)\}/g, "ACCOUNT"],
  [/\$\{(AWS::StackName|var\.name)\}/g, "FUNCTION"],
  [/(?<=:table\/)\$\{(Name|local\.table)\}/g, "TABLE"],
  [/(?<=:s3:::)\$\{(Name|local\.bucket)\}/g, "BUCKET"],
];

/** A name of a resource with one word for each thing that differs from place to place. */
function plain(text: string): string {
  return PLACEHOLDERS.reduce((plain, [pattern, word]) => plain.replaceAll(pattern, word), text);
}

/** A policy as IAM has it. */
export function policyStatements(document: Json): Statement[] {
  return (at(document, "Statement") as readonly Json[]).map((statement) => {
    const resource = at(statement, "Resource");
    const text = typeof resource === "string" ? resource : substituted(resource);
    return {
      sid: at(statement, "Sid"),
      effect: at(statement, "Effect"),
      actions: at(statement, "Action"),
      resource: plain(text),
    };
  });
}

function substituted(value: Json): string {
  const inner = at(value, "Fn::Sub");
  return (typeof inner === "string" ? inner : at(inner, 0)) as string;
}

/** What a CloudFormation template says. */
export function cloudFormationFacts(template: Json) {
  const of = (name: string, ...path: (string | number)[]) => {
    return at(template, "Resources", name, "Properties", ...path);
  };
  const rule = of("Bucket", "CorsConfiguration", "CorsRules", 0);
  const cors = at(of("Api", "CorsConfiguration"), "Fn::If", 1);
  const stage = of("Stage", "DefaultRouteSettings");
  const deny = of("BucketPolicy", "PolicyDocument", "Statement", 0);
  return {
    parameters: parametersOf(template),
    policy: policyStatements(of("Role", "Policies", 0, "PolicyDocument")),
    assumedBy: of("Role", "AssumeRolePolicyDocument", "Statement", 0, "Principal", "Service"),
    table: [
      of("Table", "BillingMode"),
      of("Table", "KeySchema", 0, "AttributeName"),
      of("Table", "AttributeDefinitions", 0, "AttributeName"),
      of("Table", "AttributeDefinitions", 0, "AttributeType"),
      of("Table", "TimeToLiveSpecification", "AttributeName"),
      of("Table", "TimeToLiveSpecification", "Enabled"),
      of("Table", "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"),
    ],
    publicAccess: [
      of("Bucket", "PublicAccessBlockConfiguration", "BlockPublicAcls"),
      of("Bucket", "PublicAccessBlockConfiguration", "BlockPublicPolicy"),
      of("Bucket", "PublicAccessBlockConfiguration", "IgnorePublicAcls"),
      of("Bucket", "PublicAccessBlockConfiguration", "RestrictPublicBuckets"),
      of("Bucket", "OwnershipControls", "Rules", 0, "ObjectOwnership"),
    ],
    lifecycle: (of("Bucket", "LifecycleConfiguration", "Rules") as readonly Json[]).map((rule) => [
      at(rule, "Id"),
      at(rule, "Status"),
      at(rule, "Prefix"),
    ]),
    removal: lifetimesOf(template, of("Bucket", "LifecycleConfiguration", "Rules", 0)),
    abort: of(
      "Bucket",
      ...["LifecycleConfiguration", "Rules", 1],
      ...["AbortIncompleteMultipartUpload", "DaysAfterInitiation"],
    ),
    bucketCors: ["AllowedMethods", "AllowedHeaders", "MaxAge"].map((name) => at(rule, name)),
    onlyTls: [
      at(deny, "Effect"),
      at(deny, "Action"),
      at(deny, "Condition", "Bool", "aws:SecureTransport"),
    ],
    log: of("Log", "RetentionInDays"),
    function: ["Runtime", "Handler", "MemorySize", "Timeout"].map((name) => of("Function", name)),
    logFormat: of("Function", "LoggingConfig", "LogFormat"),
    variables: Object.keys(of("Function", "Environment", "Variables") as object),
    api: of("Api", "ProtocolType"),
    apiCors: ["AllowMethods", "AllowHeaders", "MaxAge"].map((name) => at(cors, name)),
    integration: [
      of("Integration", "IntegrationType"),
      of("Integration", "PayloadFormatVersion"),
    ],
    route: of("Route", "RouteKey"),
    stage: [
      of("Stage", "StageName"),
      at(stage, "ThrottlingBurstLimit"),
      at(stage, "ThrottlingRateLimit"),
    ],
    permission: [of("Permission", "Action"), of("Permission", "Principal")],
  };
}

/** Names and defaults, but of where the code is: Terraform takes it from its own folder. */
function parametersOf(template: Json): [string, string][] {
  return Object.entries(at(template, "Parameters") as Readonly<Record<string, Json>>)
    .filter(([name]) => !name.startsWith("Code"))
    .map(([name, parameter]): [string, string] => {
      const snake = name.replaceAll(/(?<!^)[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
      return [snake, String(at(parameter, "Default"))];
    });
}

/** CloudFormation cannot add: a table says how long objects stay for each longest lifetime. */
function lifetimesOf(template: Json, rule: Json): string {
  const found = at(rule, "ExpirationInDays", "Fn::FindInMap");
  const days = Object.entries(at(template, "Mappings", "Days") as Readonly<Record<string, Json>>);
  const isOneMore = days.every(([day, stay]) => at(stay, "Lifecycle") === Number(day) + 1);
  const known = at(template, "Parameters", "TtlDays", "AllowedValues") as readonly Json[];
  const covers = days.map(([day]) => day).join() === known.join();
  const fits = isOneMore && covers && JSON.stringify(found) ===
      JSON.stringify(["Days", { Ref: "TtlDays" }, "Lifecycle"]);
  return fits ? "one day more than ttl_days" : "something else";
}

/** What a Terraform file says. */
export function terraformFacts(file: Json) {
  const blocks = [
    ...at(file, "resource") as readonly Json[],
    ...at(file, "data") as readonly Json[],
  ];
  const of = (type: string, name: string, ...path: (string | number)[]) => {
    const found = blocks.find((block) => {
      return Object.hasOwn((block as Readonly<Record<string, object>>)[type] ?? {}, name);
    });
    return at(found ?? null, type, name, ...path);
  };
  const bucket = (type: string, ...path: (string | number)[]) => {
    return of(`aws_s3_bucket_${type}`, "bucket", ...path);
  };
  const rule = bucket("cors_configuration", "cors_rule", 0);
  const api = of("aws_apigatewayv2_api", "api");
  const cors = at(api, "dynamic", 0, "cors_configuration", "content", 0);
  const stage = of("aws_apigatewayv2_stage", "stage", "default_route_settings", 0);
  const table = (...path: (string | number)[]) => of("aws_dynamodb_table", "table", ...path);
  const lambda = (...path: (string | number)[]) => of("aws_lambda_function", "function", ...path);
  const document = (name: string, ...path: (string | number)[]) => {
    return of("aws_iam_policy_document", name, "statement", ...path);
  };
  return {
    parameters: (at(file, "variable") as readonly Json[]).flatMap((variable) => {
      return Object.entries(variable as Readonly<Record<string, Json>>);
    }).filter(([name]) => name !== "name").map(([name, variable]): [string, string] => {
      return [name, String(at(variable, "default"))];
    }),
    policy: (document("share") as readonly Json[]).map((statement): Statement => ({
      sid: at(statement, "sid"),
      effect: at(statement, "effect"),
      actions: at(statement, "actions"),
      resource: plain(at(statement, "resources", 0) as string),
    })),
    assumedBy: document("lambda", 0, "principals", 0, "identifiers", 0),
    table: [
      table("billing_mode"),
      table("hash_key"),
      table("attribute", 0, "name"),
      table("attribute", 0, "type"),
      table("ttl", 0, "attribute_name"),
      table("ttl", 0, "enabled"),
      table("point_in_time_recovery", 0, "enabled"),
    ],
    publicAccess: [
      bucket("public_access_block", "block_public_acls"),
      bucket("public_access_block", "block_public_policy"),
      bucket("public_access_block", "ignore_public_acls"),
      bucket("public_access_block", "restrict_public_buckets"),
      bucket("ownership_controls", "rule", 0, "object_ownership"),
    ],
    lifecycle: (bucket("lifecycle_configuration", "rule") as readonly Json[]).map((rule) => [
      at(rule, "id"),
      at(rule, "status"),
      at(rule, "filter", 0, "prefix"),
    ]),
    removal: bucket("lifecycle_configuration", "rule", 0, "expiration", 0, "days") ===
        "${var.ttl_days + 1}"
      ? "one day more than ttl_days"
      : "something else",
    abort: bucket(
      "lifecycle_configuration",
      ...["rule", 1],
      ...["abort_incomplete_multipart_upload", 0, "days_after_initiation"],
    ),
    bucketCors: ["allowed_methods", "allowed_headers", "max_age_seconds"].map((name) => {
      return at(rule, name);
    }),
    onlyTls: [
      document("bucket", 0, "effect"),
      document("bucket", 0, "actions", 0),
      document("bucket", 0, "condition", 0, "values", 0),
    ],
    log: of("aws_cloudwatch_log_group", "log", "retention_in_days"),
    function: ["runtime", "handler", "memory_size", "timeout"].map((name) => lambda(name)),
    logFormat: lambda("logging_config", 0, "log_format"),
    variables: Object.keys(lambda("environment", 0, "variables") as object),
    api: at(api, "protocol_type"),
    apiCors: ["allow_methods", "allow_headers", "max_age"].map((name) => at(cors, name)),
    integration: [
      of("aws_apigatewayv2_integration", "integration", "integration_type"),
      of("aws_apigatewayv2_integration", "integration", "payload_format_version"),
    ],
    route: of("aws_apigatewayv2_route", "route", "route_key"),
    stage: [
      of("aws_apigatewayv2_stage", "stage", "name"),
      at(stage, "throttling_burst_limit"),
      at(stage, "throttling_rate_limit"),
    ],
    permission: [
      of("aws_lambda_permission", "api", "action"),
      of("aws_lambda_permission", "api", "principal"),
    ],
  };
}
