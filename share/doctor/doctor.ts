/** All of the examination, one thing after the other. */
import { awsClients } from "../aws/clients.ts";
import { type AwsPlace, originsOf } from "../aws/place.ts";
import { bucketChecks, type Wanted } from "./bucket.ts";
import { examine, tryExcessive, tryNeeded } from "./check.ts";
import { examineClock } from "./clock.ts";
import type { Finding } from "./finding.ts";
import { excessTrials, untried } from "./excess.ts";
import { bucketTrials, tableTrials } from "./rights.ts";
import { tableChecks } from "./table.ts";

/**
 * Examines a table and a bucket with the rights of whoever asks.
 * @throws {CryptoError} `share_unreachable` if a service does not answer at all
 */
export async function* diagnose(place: AwsPlace, wanted: Wanted): AsyncGenerator<Finding> {
  const clients = awsClients(place);
  const { dynamodb, s3 } = clients;
  for (const origin of originsOf(place)) yield* examineClock(origin);
  yield* examine(tableChecks(dynamodb, place.table));
  yield* examine(bucketChecks(s3, place, wanted));
  yield* tryNeeded([...tableTrials(dynamodb, place.table), ...bucketTrials(s3, place.bucket)]);
  yield* tryExcessive(excessTrials(clients, place));
  yield untried(place, wanted.principal);
}
