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

/** A place in a template or a Terraform file. */
type Path = readonly (string | number)[];

/** What is the same thing in both: below a resource's properties, and below a Terraform block. */
export const SAME: readonly (readonly [cloudFormation: Path, terraform: Path])[] = [
  [["Table", "BillingMode"], ["aws_dynamodb_table", "table", "billing_mode"]],
  [["Table", "KeySchema", 0, "AttributeName"], ["aws_dynamodb_table", "table", "hash_key"]],
  ...below(["Table", "AttributeDefinitions", 0], ["aws_dynamodb_table", "table", "attribute", 0], {
    AttributeName: "name",
    AttributeType: "type",
  }),
  ...below(["Table", "TimeToLiveSpecification"], ["aws_dynamodb_table", "table", "ttl", 0], {
    AttributeName: "attribute_name",
    Enabled: "enabled",
  }),
  [
    ["Table", "PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"],
    ["aws_dynamodb_table", "table", "point_in_time_recovery", 0, "enabled"],
  ],
  ...below(
    ["Bucket", "PublicAccessBlockConfiguration"],
    ["aws_s3_bucket_public_access_block", "bucket"],
    {
      BlockPublicAcls: "block_public_acls",
      BlockPublicPolicy: "block_public_policy",
      IgnorePublicAcls: "ignore_public_acls",
      RestrictPublicBuckets: "restrict_public_buckets",
    },
  ),
  [
    ["Bucket", "OwnershipControls", "Rules", 0, "ObjectOwnership"],
    ["aws_s3_bucket_ownership_controls", "bucket", "rule", 0, "object_ownership"],
  ],
  ...[0, 1].flatMap((rule) => {
    const cloudFormation = ["Bucket", "LifecycleConfiguration", "Rules", rule];
    const terraform = ["aws_s3_bucket_lifecycle_configuration", "bucket", "rule", rule];
    return [
      ...below(cloudFormation, terraform, { Id: "id", Status: "status" }),
      [[...cloudFormation, "Prefix"], [...terraform, "filter", 0, "prefix"]] as const,
    ];
  }),
  [
    [
      ...["Bucket", "LifecycleConfiguration", "Rules", 1],
      ...["AbortIncompleteMultipartUpload", "DaysAfterInitiation"],
    ],
    [
      ...["aws_s3_bucket_lifecycle_configuration", "bucket", "rule", 1],
      ...["abort_incomplete_multipart_upload", 0, "days_after_initiation"],
    ],
  ],
  ...below(
    ["Bucket", "CorsConfiguration", "CorsRules", 0],
    ["aws_s3_bucket_cors_configuration", "bucket", "cors_rule", 0],
    {
      AllowedMethods: "allowed_methods",
      AllowedHeaders: "allowed_headers",
      MaxAge: "max_age_seconds",
    },
  ),
  [
    ["BucketPolicy", "PolicyDocument", "Statement", 0, "Effect"],
    ["aws_iam_policy_document", "bucket", "statement", 0, "effect"],
  ],
  [
    ["BucketPolicy", "PolicyDocument", "Statement", 0, "Action"],
    ["aws_iam_policy_document", "bucket", "statement", 0, "actions", 0],
  ],
  [
    [
      ...["BucketPolicy", "PolicyDocument", "Statement", 0],
      ...["Condition", "Bool", "aws:SecureTransport"],
    ],
    ["aws_iam_policy_document", "bucket", "statement", 0, "condition", 0, "values", 0],
  ],
  [
    ["Role", "AssumeRolePolicyDocument", "Statement", 0, "Principal", "Service"],
    ["aws_iam_policy_document", "lambda", "statement", 0, "principals", 0, "identifiers", 0],
  ],
  [["Log", "RetentionInDays"], ["aws_cloudwatch_log_group", "log", "retention_in_days"]],
  ...below(["Function"], ["aws_lambda_function", "function"], {
    Runtime: "runtime",
    Handler: "handler",
    MemorySize: "memory_size",
    Timeout: "timeout",
  }),
  [
    ["Function", "LoggingConfig", "LogFormat"],
    ["aws_lambda_function", "function", "logging_config", 0, "log_format"],
  ],
  [["Api", "ProtocolType"], ["aws_apigatewayv2_api", "api", "protocol_type"]],
  ...below(
    ["Api", "CorsConfiguration", "Fn::If", 1],
    ["aws_apigatewayv2_api", "api", "dynamic", 0, "cors_configuration", "content", 0],
    { AllowMethods: "allow_methods", AllowHeaders: "allow_headers", MaxAge: "max_age" },
  ),
  ...below(["Integration"], ["aws_apigatewayv2_integration", "integration"], {
    IntegrationType: "integration_type",
    PayloadFormatVersion: "payload_format_version",
  }),
  [["Route", "RouteKey"], ["aws_apigatewayv2_route", "route", "route_key"]],
  [["Stage", "StageName"], ["aws_apigatewayv2_stage", "stage", "name"]],
  ...below(
    ["Stage", "DefaultRouteSettings"],
    ["aws_apigatewayv2_stage", "stage", "default_route_settings", 0],
    {
      ThrottlingBurstLimit: "throttling_burst_limit",
      ThrottlingRateLimit: "throttling_rate_limit",
    },
  ),
  ...below(["Permission"], ["aws_lambda_permission", "api"], {
    Action: "action",
    Principal: "principal",
  }),
];

/** Several things below one place. */
function below(cloudFormation: Path, terraform: Path, names: Readonly<Record<string, string>>) {
  return Object.entries(names).map(([name, other]) => {
    return [[...cloudFormation, name], [...terraform, other]] as const;
  });
}

/** A CloudFormation parameter's name as Terraform has it. */
function snake(name: string): string {
  return name.replaceAll(/(?<!^)[A-Z]/g, (letter) => `_${letter}`).toLowerCase();
}

/** A CloudFormation template. */
export class Template {
  constructor(private readonly json: Json) {}

  /** Something of a resource's properties. */
  at([name = "", ...path]: Path): Json {
    return at(this.json, "Resources", name, "Properties", ...path);
  }

  /** Names and defaults, but of where the code is: Terraform takes it from its own folder. */
  get parameters(): [string, string][] {
    return Object.entries(at(this.json, "Parameters") as Readonly<Record<string, Json>>)
      .filter(([name]) => !name.startsWith("Code"))
      .map(([name, parameter]): [string, string] => {
        return [snake(name), String(at(parameter, "Default"))];
      });
  }

  /** Names, and what values may be. */
  get patterns(): [string, string][] {
    const parameters = at(this.json, "Parameters") as Readonly<Record<string, Json>>;
    return Object.entries(parameters).flatMap(([name, parameter]): [string, string][] => {
      const { AllowedPattern: pattern } = parameter as Readonly<Record<string, Json>>;
      // Numbers have a range of their own for Terraform.
      const isText = typeof pattern === "string" && pattern.startsWith("^(|");
      return isText ? [[snake(name), pattern]] : [];
    });
  }

  /** What the function is told by parameters that nobody sets. */
  get environment(): Readonly<Record<string, string>> {
    const variables = this.at(["Function", "Environment", "Variables"]);
    const told = Object.entries(variables as Readonly<Record<string, Json>>).flatMap(
      ([name, value]) => {
        const { Ref: parameter } = value as Readonly<Record<string, Json>>;
        if (typeof parameter !== "string") return [];
        return [[name, at(this.json, "Parameters", parameter, "Default") as string]];
      },
    );
    return Object.fromEntries(told);
  }

  get policy(): Statement[] {
    return policyStatements(this.at(["Role", "Policies", 0, "PolicyDocument"]));
  }

  get variables(): string[] {
    return Object.keys(this.at(["Function", "Environment", "Variables"]) as object);
  }

  /** Days that objects stay, by the longest lifetime: CloudFormation cannot add. */
  get lifetimes(): readonly (readonly [Json, Json])[] {
    const rule = this.at(["Bucket", "LifecycleConfiguration", "Rules", 0, "ExpirationInDays"]);
    const [map = "", parameter = null, name = ""] = at(rule, "Fn::FindInMap") as readonly Json[];
    const days = at(this.json, "Parameters", at(parameter, "Ref") as string, "AllowedValues");
    return (days as readonly string[]).map((day) => {
      return [day, at(this.json, "Mappings", map as string, day, name as string)];
    });
  }
}

/** A Terraform file. */
export class Terraform {
  readonly #blocks: readonly Json[];

  constructor(private readonly json: Json) {
    const kinds = [at(json, "resource"), at(json, "data")] as readonly (readonly Json[])[];
    this.#blocks = kinds.flat();
  }

  /** Something of a resource or of data: its type and its name come first. */
  at([type = "", name = "", ...path]: Path): Json {
    const found = this.#blocks.find((block) => {
      return Object.hasOwn((block as Readonly<Record<string, object>>)[type] ?? {}, name);
    });
    return at(found ?? null, type, name, ...path);
  }

  /** Names and defaults, but that of the function, which for CloudFormation is the stack's. */
  get parameters(): [string, string][] {
    const variables = at(this.json, "variable") as readonly Readonly<Record<string, Json>>[];
    return variables.flatMap((variable) => Object.entries(variable))
      .filter(([name]) => name !== "name")
      .map(([name, variable]): [string, string] => [name, String(at(variable, "default"))]);
  }

  get policy(): Statement[] {
    const statements = this.at(["aws_iam_policy_document", "share", "statement"]);
    return (statements as readonly Json[]).map((statement) => ({
      sid: at(statement, "sid"),
      effect: at(statement, "effect"),
      actions: at(statement, "actions"),
      resource: plain(at(statement, "resources", 0) as string),
    }));
  }

  get variables(): string[] {
    const path = ["aws_lambda_function", "function", "environment", 0, "variables"];
    return Object.keys(this.at(path) as object);
  }
}
