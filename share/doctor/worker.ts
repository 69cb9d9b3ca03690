/** The doctor, in a worker that may reach the two services and nothing else. */
import { runRole } from "../../platform/worker.ts";
import type { AwsPlace } from "../aws/place.ts";
import type { Wanted } from "./bucket.ts";
import { diagnose } from "./doctor.ts";
import type { Finding } from "./finding.ts";

/** What the worker is asked. */
export interface Question {
  readonly place: AwsPlace;
  readonly wanted: Wanted;
}

/** Runs in the worker. It tells each finding as it comes. */
export function runDoctorRole(): void {
  runRole<Question, void, Finding>(async ({ place, wanted }, tell) => {
    for await (const finding of diagnose(place, wanted)) tell(finding);
  });
}
