/** What a service of AWS did not do, in words that hold nothing of what it was asked. */
import { CryptoError } from "../../core/errors.ts";

/** The services by which a store keeps secrets. */
export type Service = "DynamoDB" | "S3";

/** The SDK's names, and the system's: its texts may quote what was asked. */
const NAME = /^\w{1,64}$/;
/** Names that say nothing. */
const EMPTY = ["Error", "UnknownError", "Unknown"];

/** A failure that lasted through the SDK's repetitions. It may pass: clients ask again. */
export class ServiceFailure extends CryptoError {
  /** The name of the service's error, or of why there was none: `AccessDenied`, `ECONNREFUSED`. */
  readonly reason: string;
  readonly isAnswer: boolean;

  /** @param right what it was needed for, if that is known: `s3:GetObject` */
  constructor(readonly service: Service, cause: unknown, readonly right?: string) {
    super("share_storage", { subject: service, cause });
    const status = statusOf(cause);
    this.isAnswer = status !== undefined;
    this.reason = reasonOf(cause, status);
  }
}

function statusOf(cause: unknown): number | undefined {
  const { $metadata } = Object(cause) as { $metadata?: { httpStatusCode?: number } };
  return $metadata?.httpStatusCode;
}

function reasonOf(cause: unknown, status: number | undefined): string {
  const { code, name } = Object(cause) as { code?: unknown; name?: unknown };
  const names = (status === undefined ? [code, name] : [name]).filter((text): text is string => {
    return typeof text === "string" && NAME.test(text) && !EMPTY.includes(text);
  });
  return names[0] ?? (status === undefined ? "Error" : `HTTP ${status}`);
}
