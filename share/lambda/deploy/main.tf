# crypto share: secrets that open once, on Lambda, DynamoDB and S3. The same as template.yaml.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0"
    }
  }
}

variable "name" {
  type        = string
  default     = "crypto-share"
  description = "Name of the function, its log and its API"
}

variable "origin" {
  type        = string
  default     = ""
  description = "Where people reach it, https://HOST, if you map a domain of yours to the API; empty - the API's own address"
  validation {
    condition     = can(regex("^(|https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?)$", var.origin))
    error_message = "It is to be https://HOST, or empty."
  }
}

variable "page_origin" {
  type        = string
  default     = ""
  description = "Where else the page is hosted, https://HOST; empty - nowhere"
  validation {
    condition     = can(regex("^(|https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]+)?)$", var.page_origin))
    error_message = "It is to be https://HOST, or empty."
  }
}

variable "ttl_days" {
  type        = number
  default     = 5
  description = "Days that a secret may be kept"
  validation {
    condition     = var.ttl_days >= 1 && var.ttl_days <= 30 && floor(var.ttl_days) == var.ttl_days
    error_message = "It is to be a whole number from 1 to 30."
  }
}

variable "table_name" {
  type        = string
  default     = ""
  description = "A table that is there already; empty - one is made"
  validation {
    condition     = can(regex("^(|[a-zA-Z0-9_.-]{3,255})$", var.table_name))
    error_message = "It is to be the name of a table, or empty."
  }
}

variable "bucket_name" {
  type        = string
  default     = ""
  description = "A bucket that is there already, without dots in its name; empty - one is made"
  validation {
    condition     = can(regex("^(|[a-z0-9][a-z0-9-]{1,61}[a-z0-9])$", var.bucket_name))
    error_message = "It is to be the name of a bucket, without dots, or empty."
  }
}

variable "max_bytes" {
  type        = number
  default     = 5242880000
  description = "Bytes of one secret, encrypted; at most 5242880000"
  validation {
    condition     = var.max_bytes >= 1 && var.max_bytes <= 5242880000 && floor(var.max_bytes) == var.max_bytes
    error_message = "It is to be a whole number from 1 to 5242880000."
  }
}

variable "max_views" {
  type        = number
  default     = 100
  description = "Readers that a secret may have; at most 100"
  validation {
    condition     = var.max_views >= 1 && var.max_views <= 100 && floor(var.max_views) == var.max_views
    error_message = "It is to be a whole number from 1 to 100."
  }
}

variable "client_bytes" {
  type        = number
  default     = 20000000000
  description = "Bytes that one client may bring in a day"
  validation {
    condition     = var.client_bytes >= 1 && var.client_bytes <= 1000000000000000 && floor(var.client_bytes) == var.client_bytes
    error_message = "It is to be a whole number from 1 to 1000000000000000."
  }
}

variable "requests_per_minute" {
  type        = number
  default     = 600
  description = "Calls of one client, in each instance of the function"
  validation {
    condition     = var.requests_per_minute >= 1 && var.requests_per_minute <= 10000000 && floor(var.requests_per_minute) == var.requests_per_minute
    error_message = "It is to be a whole number from 1 to 10000000."
  }
}

variable "creations_per_minute" {
  type        = number
  default     = 60
  description = "New secrets of one client, in each instance of the function"
  validation {
    condition     = var.creations_per_minute >= 1 && var.creations_per_minute <= 10000000 && floor(var.creations_per_minute) == var.creations_per_minute
    error_message = "It is to be a whole number from 1 to 10000000."
  }
}

variable "managed" {
  type        = bool
  default     = false
  description = "Whether to take secrets from curl at /managed, where the function sees what they say"
}

variable "architecture" {
  type        = string
  default     = "arm64"
  description = "The processor that the function runs on"
  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "It is to be arm64 or x86_64."
  }
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  region    = data.aws_region.current.region
  table     = var.table_name == "" ? aws_dynamodb_table.table[0].name : var.table_name
  bucket    = var.bucket_name == "" ? aws_s3_bucket.bucket[0].id : var.bucket_name
  origin    = var.origin == "" ? aws_apigatewayv2_api.api.api_endpoint : var.origin
}

resource "aws_dynamodb_table" "table" {
  count        = var.table_name == "" ? 1 : 0
  name         = var.name
  billing_mode = "PAY_PER_REQUEST"
  hash_key     = "id"

  attribute {
    name = "id"
    type = "S"
  }

  ttl {
    attribute_name = "deleteAt"
    enabled        = true
  }

  # A backup would keep what was burned.
  point_in_time_recovery {
    enabled = false
  }
}

resource "aws_s3_bucket" "bucket" {
  count         = var.bucket_name == "" ? 1 : 0
  bucket_prefix = "${var.name}-"
}

resource "aws_s3_bucket_public_access_block" "bucket" {
  count                   = var.bucket_name == "" ? 1 : 0
  bucket                  = aws_s3_bucket.bucket[0].id
  block_public_acls       = true
  block_public_policy     = true
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "bucket" {
  count  = var.bucket_name == "" ? 1 : 0
  bucket = aws_s3_bucket.bucket[0].id

  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

resource "aws_s3_bucket_lifecycle_configuration" "bucket" {
  count  = var.bucket_name == "" ? 1 : 0
  bucket = aws_s3_bucket.bucket[0].id

  rule {
    id     = "remove"
    status = "Enabled"

    filter {
      prefix = "share/"
    }

    expiration {
      days = var.ttl_days + 1
    }
  }

  rule {
    id     = "abort"
    status = "Enabled"

    filter {
      prefix = "share/"
    }

    abort_incomplete_multipart_upload {
      days_after_initiation = 1
    }
  }
}

resource "aws_s3_bucket_cors_configuration" "bucket" {
  count  = var.bucket_name == "" ? 1 : 0
  bucket = aws_s3_bucket.bucket[0].id

  cors_rule {
    allowed_origins = compact([local.origin, var.page_origin])
    allowed_methods = ["GET", "PUT"]
    allowed_headers = ["if-none-match", "range"]
    max_age_seconds = 3600
  }
}

resource "aws_s3_bucket_policy" "bucket" {
  count  = var.bucket_name == "" ? 1 : 0
  bucket = aws_s3_bucket.bucket[0].id

  policy = data.aws_iam_policy_document.bucket[0].json
}

data "aws_iam_policy_document" "bucket" {
  count = var.bucket_name == "" ? 1 : 0

  statement {
    sid       = "OnlyTls"
    effect    = "Deny"
    actions   = ["s3:*"]
    resources = [aws_s3_bucket.bucket[0].arn, "${aws_s3_bucket.bucket[0].arn}/*"]

    principals {
      type        = "*"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_cloudwatch_log_group" "log" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = 14
}

resource "aws_iam_role" "role" {
  name_prefix        = "${var.name}-"
  assume_role_policy = data.aws_iam_policy_document.lambda.json
}

data "aws_iam_policy_document" "lambda" {
  statement {
    effect  = "Allow"
    actions = ["sts:AssumeRole"]

    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy" "share" {
  name   = "share"
  role   = aws_iam_role.role.id
  policy = data.aws_iam_policy_document.share.json
}

data "aws_iam_policy_document" "share" {
  statement {
    sid    = "Records"
    effect = "Allow"
    actions = [
      "dynamodb:DeleteItem",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:UpdateItem",
    ]
    resources = ["arn:${local.partition}:dynamodb:${local.region}:${local.account}:table/${local.table}"]
  }

  statement {
    sid    = "Bodies"
    effect = "Allow"
    actions = [
      "s3:AbortMultipartUpload",
      "s3:DeleteObject",
      "s3:GetObject",
      "s3:ListMultipartUploadParts",
      "s3:PutObject",
    ]
    resources = ["arn:${local.partition}:s3:::${local.bucket}/share/*"]
  }

  statement {
    sid    = "Log"
    effect = "Allow"
    actions = [
      "logs:CreateLogStream",
      "logs:PutLogEvents",
    ]
    resources = ["arn:${local.partition}:logs:${local.region}:${local.account}:log-group:/aws/lambda/${var.name}:*"]
  }
}

resource "aws_lambda_function" "function" {
  function_name    = var.name
  description      = "crypto share"
  runtime          = "nodejs24.x"
  handler          = "index.handler"
  architectures    = [var.architecture]
  memory_size      = 512
  timeout          = 29
  role             = aws_iam_role.role.arn
  filename         = "${path.module}/share-lambda.zip"
  source_code_hash = filebase64sha256("${path.module}/share-lambda.zip")

  logging_config {
    log_group  = aws_cloudwatch_log_group.log.name
    log_format = "Text"
  }

  environment {
    variables = {
      TTL_DAYS                          = tostring(var.ttl_days)
      DYNAMODB_TABLE                    = local.table
      S3_BUCKET                         = local.bucket
      CRYPTO_SHARE_ORIGIN               = local.origin
      CRYPTO_SHARE_MAX_BYTES            = tostring(var.max_bytes)
      CRYPTO_SHARE_MAX_VIEWS            = tostring(var.max_views)
      CRYPTO_SHARE_CLIENT_BYTES         = tostring(var.client_bytes)
      CRYPTO_SHARE_REQUESTS_PER_MINUTE  = tostring(var.requests_per_minute)
      CRYPTO_SHARE_CREATIONS_PER_MINUTE = tostring(var.creations_per_minute)
      CRYPTO_SHARE_MANAGED              = tostring(var.managed)
    }
  }
}

resource "aws_apigatewayv2_api" "api" {
  name          = var.name
  protocol_type = "HTTP"

  dynamic "cors_configuration" {
    for_each = var.page_origin == "" ? [] : [var.page_origin]
    content {
      allow_origins = [cors_configuration.value]
      allow_methods = ["POST"]
      allow_headers = ["content-type", "crypto-share"]
      max_age       = 3600
    }
  }
}

resource "aws_apigatewayv2_integration" "integration" {
  api_id                 = aws_apigatewayv2_api.api.id
  integration_type       = "AWS_PROXY"
  integration_uri        = aws_lambda_function.function.arn
  payload_format_version = "2.0"
}

resource "aws_apigatewayv2_route" "route" {
  api_id    = aws_apigatewayv2_api.api.id
  route_key = "$default"
  target    = "integrations/${aws_apigatewayv2_integration.integration.id}"
}

# No access log: it would hold paths.
resource "aws_apigatewayv2_stage" "stage" {
  api_id      = aws_apigatewayv2_api.api.id
  name        = "$default"
  auto_deploy = true

  default_route_settings {
    throttling_burst_limit = 200
    throttling_rate_limit  = 100
  }
}

resource "aws_lambda_permission" "api" {
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.function.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "${aws_apigatewayv2_api.api.execution_arn}/*/$default"
}

output "origin" {
  value       = local.origin
  description = "Where it is reached"
}

output "api_id" {
  value       = aws_apigatewayv2_api.api.id
  description = "The API, for a domain of your own"
}

output "table" {
  value = local.table
}

output "bucket" {
  value = local.bucket
}
