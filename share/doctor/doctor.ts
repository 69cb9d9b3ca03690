/** All of the examination, one thing after the other. */
import { awsClients } from "../aws/clients.ts";
import { type AwsPlace, originsOf } from "../aws/place.ts";
import { bucketChecks, type Wanted } from "./bucket.ts";
import { examine, tryExcessive, tryNeeded } from "./check.ts";
import { examineClock } from "./clock.ts";
import type { Finding } from "./finding.ts";
import { bucketExcess, tableExcess, untried } from "./excess.ts";
import { bucketTrials, tableTrials } from "./rights.ts";
import { tableChecks } from "./table.ts";

/** Examines a table and a bucket with the rights of whoever asks. */
export async function* diagnose(place: AwsPlace, wanted: Wanted): AsyncGenerator<Finding> {
  const { dynamodb, s3 } = awsClients(place);
  const { table, bucket } = place;
  const [tables, buckets] = originsOf(place) as [string, string];
  if (yield* examineClock(tables)) {
    yield* examine(tableChecks(dynamodb, table));
    yield* tryNeeded(tableTrials(dynamodb, table));
    yield* tryExcessive(tableExcess(dynamodb, table));
  }
  if (yield* examineClock(buckets)) {
    yield* examine(bucketChecks(s3, place, wanted));
    yield* tryNeeded(bucketTrials(s3, bucket));
    yield* tryExcessive(bucketExcess(s3, bucket));
  }
  yield untried(place, wanted.principal);
}
