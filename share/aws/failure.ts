/** What a service of AWS did not do, in words that hold nothing of what it was asked. */
import { CryptoError } from "../../core/errors.ts";

/** The services by which a store keeps secrets. */
export type Service = "DynamoDB" | "S3";

/** The SDK's names, and the system's: its texts may quote what was asked. */
const NAME = /^\w{1,64}$/;
/** Names that say nothing. */
const EMPTY = ["Error", "UnknownError", "Unknown"];

/** Why something was not done. */
export interface Reason {
  /** The name of the service's error, or of why there was no answer: `AccessDenied`, `ECONNREFUSED`. */
  readonly reason: string;
  readonly isAnswer: boolean;
}

/** A failure that lasted through the SDK's repetitions. It may pass: clients ask again. */
export class ServiceFailure extends CryptoError implements Reason {
  readonly reason: string;
  readonly isAnswer: boolean;

  /** @param right what it was needed for, if that is known: `s3:GetObject` */
  constructor(readonly service: Service, cause: unknown, readonly right?: string) {
    super("share_storage", { subject: service, cause });
    ({ reason: this.reason, isAnswer: this.isAnswer } = reasonOf(cause));
  }
}

/** Reads what the SDK has thrown. */
export function reasonOf(thrown: unknown): Reason {
  const { code, name, $metadata } = Object(thrown) as {
    code?: unknown;
    name?: unknown;
    $metadata?: { httpStatusCode?: number };
  };
  const status = $metadata?.httpStatusCode;
  const isAnswer = status !== undefined;
  const known = (isAnswer ? [name] : [code, name]).filter((text): text is string => {
    return typeof text === "string" && NAME.test(text) && !EMPTY.includes(text);
  });
  return { reason: known[0] ?? (isAnswer ? `HTTP ${status}` : "Error"), isAnswer };
}
