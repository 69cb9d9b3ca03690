/** `crypto share doctor`: examines a deployment on AWS and says what is to be done. */
import { CryptoError } from "../../core/errors.ts";
import { awsSharePrivileges } from "../../core/privileges.ts";
import { SHARE_DOCTOR_WORKER } from "../../core/roles.ts";
import { requireOrigin } from "../../core/share/origin.ts";
import { RoleWorker } from "../../platform/worker.ts";
import { awsPlace, originsOf } from "../aws/place.ts";
import type { Finding, Severity } from "./finding.ts";
import type { Question } from "./worker.ts";

/** What the program hands to this command. */
export interface DoctorContext {
  readonly print: (text: string) => void;
  /** URL of the program's one script. */
  readonly script: string;
}

/** How it is told. */
export interface DoctorFlags {
  /** Where the page is. */
  readonly origin?: string | undefined;
  /** Longest lifetime that the server allows, in seconds. */
  readonly maxTtl?: number | undefined;
  /** ARN of the server's role or user. */
  readonly principal?: string | undefined;
  readonly json: boolean;
}

/**
 * @param store `dynamodb://TABLE?bucket=BUCKET`
 * @throws {CryptoError} `share_unsound`; `share_unchecked` if not all could be looked at
 */
export async function doctor(
  { print, script }: DoctorContext,
  { origin, maxTtl, principal, json }: DoctorFlags,
  store: string,
): Promise<void> {
  const place = awsPlace(store, (name) => Deno.env.get(name));
  const wanted = {
    origin: origin === undefined ? undefined : requireOrigin(origin),
    maxTtl,
    principal: principal === undefined ? undefined : requireArn(principal),
  };
  const findings: Finding[] = [];
  const role = await RoleWorker.start<Question, void, Finding>({
    script,
    name: SHARE_DOCTOR_WORKER,
    permissions: awsSharePrivileges(originsOf(place), []),
    onEvent(finding) {
      findings.push(finding);
      if (!json) print(describe(finding));
    },
  });
  try {
    await role.ask({ place, wanted });
  } finally {
    if (json) print(`${JSON.stringify(findings)}\n`);
  }
  requireSound(findings);
}

/** It comes into commands that people paste. */
function requireArn(text: string): string {
  if (/^arn:aws[a-z-]*:iam::\d{12}:(role|user)\/[\w+=,.@/-]{1,600}$/.test(text)) return text;
  const hint = "it is to be arn:aws:iam::123456789012:role/NAME, or a user's";
  throw new CryptoError("usage", { subject: "--principal", hint });
}

const INDENT = " ".repeat(9);

function describe({ check, severity, what, remedy }: Finding): string {
  const line = `${severity.padEnd(INDENT.length)}${check}: ${what}\n`;
  return remedy === undefined ? line : `${line}${INDENT}→ ${remedy}\n`;
}

function requireSound(findings: readonly Finding[]): void {
  const count = (wanted: Severity) => findings.filter((one) => one.severity === wanted).length;
  const subject = (wanted: Severity) => `${count(wanted)} of ${findings.length} checks`;
  if (count("wrong") > 0) throw new CryptoError("share_unsound", { subject: subject("wrong") });
  if (count("unknown") === 0) return;
  throw new CryptoError("share_unchecked", { subject: subject("unknown") });
}
