/** What a bucket removes by itself. */
import type { LifecycleRule } from "@aws-sdk/client-s3";
import { TTL_RANGE } from "../../core/share/terms.ts";
import { PREFIX } from "../aws/objects.ts";
import { type Problem, warning, wrong } from "./finding.ts";

const DAY = 86_400;
/** Days after which an object is removed, where nothing is said of lifetimes. */
const LONGEST = TTL_RANGE.most / DAY + 1;
/** Days that an upload may be left for. */
const LONGEST_UPLOAD = 7;

/**
 * That objects and uploads which nobody removes go by themselves, and none before its time.
 * @param maxTtl the longest lifetime that the server allows, in seconds, if it is known
 */
export function judgeLifecycle(
  bucket: string,
  rules: readonly LifecycleRule[],
  maxTtl: number | undefined,
): Problem[] {
  const covering = rules.filter((rule) => rule.Status === "Enabled" && covers(rule));
  const least = maxTtl === undefined ? undefined : Math.ceil(maxTtl / DAY) + 1;
  const remedy = remedyOf(bucket, least ?? LONGEST);
  const expiry = shortest(covering.map(({ Expiration }) => Expiration?.Days));
  const abort = shortest(
    covering.map((rule) => rule.AbortIncompleteMultipartUpload?.DaysAfterInitiation),
  );
  return [
    ...judgeExpiry(expiry, least, remedy),
    ...abort === Infinity
      ? [wrong("uploads that were given up stay", remedy)]
      : abort > LONGEST_UPLOAD
      ? [warning(`uploads that were given up stay for ${abort} days`, remedy)]
      : [],
  ];
}

function judgeExpiry(days: number, least: number | undefined, remedy: string): Problem[] {
  if (days === Infinity) return [wrong("objects that nobody erases stay", remedy)];
  if (least !== undefined && days < least) {
    return [wrong(`objects go after ${days} days, before a lifetime may be over`, remedy)];
  }
  if (days <= (least ?? LONGEST)) return [];
  return [warning(`objects that nobody erases stay for ${days} days`, remedy)];
}

/** Whether a rule is for all objects of ours: for a prefix of theirs, and on no other condition. */
function covers({ Filter, Prefix }: LifecycleRule): boolean {
  const { Prefix: prefix = Prefix ?? "", ...others } = Filter ?? {};
  const isAll = Object.values(others).every((condition) => condition === undefined);
  return isAll && PREFIX.startsWith(prefix);
}

function shortest(days: readonly (number | undefined)[]): number {
  return Math.min(...days.map((count) => count ?? Infinity));
}

function remedyOf(bucket: string, days: number): string {
  const rule = { Status: "Enabled", Filter: { Prefix: PREFIX } };
  const rules = [
    { ID: "remove", ...rule, Expiration: { Days: days } },
    { ID: "abort", ...rule, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } },
  ];
  return `aws s3api put-bucket-lifecycle-configuration --bucket ${bucket} ` +
    `--lifecycle-configuration '${JSON.stringify({ Rules: rules })}' (in place of all rules)`;
}
