/** What a bucket removes or moves by itself. */
import type { LifecycleRule, Transition } from "@aws-sdk/client-s3";
import { TTL_RANGE } from "../../core/share/terms.ts";
import { PREFIX } from "../aws/objects.ts";
import { type Problem, quoted, warning, wrong } from "./finding.ts";

const DAY = 86_400;
/** Days after which an object is removed, where nothing is said of lifetimes. */
const LONGEST = TTL_RANGE.most / DAY + 1;
/** Days that an upload may be left for. */
const LONGEST_UPLOAD = 7;
/** Classes from which an object has to be brought back before it can be read. */
const ARCHIVES: readonly (string | undefined)[] = ["GLACIER", "DEEP_ARCHIVE"];

/** What is asked of a bucket's rules. */
interface Needed {
  /** Days that objects stay at least, if it is known. */
  readonly least: number | undefined;
  /** Days after which they are to be gone. */
  readonly most: number;
  readonly remedy: string;
}

/**
 * That objects and uploads which nobody removes go by themselves, and none before its time. S3
 * counts an object's age from the beginning of its upload.
 * @param maxTtl the longest lifetime that the server allows, in seconds, if it is known
 */
export function judgeLifecycle(
  bucket: string,
  rules: readonly LifecycleRule[],
  maxTtl: number | undefined,
): Problem[] {
  const on = rules.filter((rule) => rule.Status === "Enabled" && touches(rule));
  const covering = on.filter(covers);
  const expiry = shortest(covering.map(({ Expiration }) => Expiration?.Days));
  const abort = shortest(
    covering.map((rule) => rule.AbortIncompleteMultipartUpload?.DaysAfterInitiation),
  );
  const least = maxTtl === undefined ? undefined : Math.ceil(maxTtl / DAY) + 1;
  const most = (least ?? LONGEST) + (abort <= LONGEST_UPLOAD ? abort : 0);
  const others = rules.filter((rule) => !touches(rule));
  const needed = { least, most, remedy: remedyOf(bucket, others, least ?? LONGEST) };
  return [
    ...judgeExpiry(expiry, needed),
    ...judgeUploads(abort, expiry, needed),
    ...on.filter((rule) => !covers(rule)).flatMap((rule) => judgePart(rule, expiry, needed)),
    ...on.flatMap((rule) => judgeMoves(rule, needed)),
  ];
}

function judgeExpiry(days: number, { least, most, remedy }: Needed): Problem[] {
  if (days === Infinity) return [wrong("objects that nobody erases stay", remedy)];
  if (least !== undefined && days < least) {
    return [wrong(`objects go after ${days} days, before a lifetime may be over`, remedy)];
  }
  if (days <= most) return [];
  return [warning(`objects that nobody erases stay for ${days} days`, remedy)];
}

/** Uploads that are given up go, and one that may go on for long leaves its object time to live. */
function judgeUploads(abort: number, expiry: number, { least, remedy }: Needed): Problem[] {
  if (abort === Infinity) return [wrong("uploads that were given up stay", remedy)];
  if (abort > LONGEST_UPLOAD) {
    return [warning(`uploads that were given up stay for ${abort} days`, remedy)];
  }
  if (least === undefined || expiry < least || expiry >= least + abort - 1) return [];
  const what =
    `an upload may take ${abort} days, and its object goes ${expiry} days after it began`;
  return [warning(`${what}: maybe before its lifetime is over`, remedy)];
}

/** A rule for some of the objects removes none of them before its time, either. */
function judgePart(rule: LifecycleRule, expiry: number, { least, remedy }: Needed): Problem[] {
  const days = rule.Expiration?.Days ?? Infinity;
  const what = `${nameOf(rule)} removes some objects after ${days} days`;
  if (least !== undefined && days < least) {
    return [wrong(`${what}, before a lifetime may be over`, remedy)];
  }
  return least === undefined && days < expiry
    ? [warning(`${what}, before the others go`, remedy)]
    : [];
}

/** What is to be read is where it can be, and does not go on some day. */
function judgeMoves(rule: LifecycleRule, { most, remedy }: Needed): Problem[] {
  const { Expiration, Transitions = [] } = rule;
  const date = Expiration?.Date;
  const moves = Transitions.filter(({ Days = 0, Date }) => Date !== undefined || Days < most);
  return [
    ...date === undefined
      ? []
      : [wrong(`${nameOf(rule)} removes what is there from ${dayOf(date)} on`, remedy)],
    ...moves.map((move) => judgeMove(rule, move, remedy)),
  ];
}

function judgeMove(rule: LifecycleRule, { StorageClass }: Transition, remedy: string): Problem {
  const what = `${nameOf(rule)} moves objects to ${StorageClass}`;
  return ARCHIVES.includes(StorageClass)
    ? wrong(`${what}, where they cannot be read`, remedy)
    : warning(`${what}, which charges for longer than they live`, remedy);
}

function nameOf({ ID }: LifecycleRule): string {
  return ID === undefined ? "a rule" : `the rule ${JSON.stringify(ID)}`;
}

function dayOf(date: Date): string {
  return Number.isNaN(date.getTime()) ? "some day" : date.toISOString().slice(0, 10);
}

function prefixOf({ Filter, Prefix }: LifecycleRule): string {
  return Filter?.Prefix ?? Filter?.And?.Prefix ?? Prefix ?? "";
}

/** Whether a rule is for any object of ours, as far as its prefix tells. */
function touches(rule: LifecycleRule): boolean {
  const prefix = prefixOf(rule);
  return prefix.startsWith(PREFIX) || PREFIX.startsWith(prefix);
}

/** Whether a rule is for all objects of ours: for a prefix of theirs, and on no other condition. */
function covers(rule: LifecycleRule): boolean {
  const { Prefix: _, ...others } = rule.Filter ?? {};
  const isAll = Object.values(others).every((condition) => condition === undefined);
  return isAll && PREFIX.startsWith(prefixOf(rule));
}

function shortest(days: readonly (number | undefined)[]): number {
  return Math.min(...days.map((count) => count ?? Infinity));
}

/** In place of all rules for our objects. */
function remedyOf(bucket: string, others: readonly LifecycleRule[], days: number): string {
  const rule = { Status: "Enabled", Filter: { Prefix: PREFIX } };
  const Rules = [
    ...others,
    { ID: "remove", ...rule, Expiration: { Days: days } },
    { ID: "abort", ...rule, AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } },
  ];
  return `aws s3api put-bucket-lifecycle-configuration --bucket ${bucket} ` +
    `--lifecycle-configuration ${quoted(JSON.stringify({ Rules }))}`;
}
