/** The worker that opens the browser, which is all that it may do. */
import { startProgram } from "../../platform/programs.ts";
import { runRole } from "../../platform/worker.ts";

/** How long is waited for a failure, in milliseconds: some openers go on as long as the browser. */
const PATIENCE = 10_000;

/** Runs in the worker: is asked for a file, and tells whether something opens it. */
export function runBrowserRole(): void {
  runRole<string, boolean>(async (path) => {
    try {
      return (await startProgram("xdg-open", [path], PATIENCE) ?? 0) === 0;
    } catch {
      return false;
    }
  });
}
