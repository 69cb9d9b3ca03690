/** The share server's worker: it alone may read and write the data, and listen. */
import { runRole } from "../platform/worker.ts";
import type { ServerOptions } from "./prepare.ts";
import { type Failure, ShareServer } from "./server.ts";

/** What the worker is asked. */
export type Question =
  | { readonly type: "start"; readonly options: ServerOptions }
  | { readonly type: "stop" };

/** Where it serves. */
export interface Serving {
  readonly origin: string;
  readonly listening: string;
  /** The second listener, if there is one. */
  readonly metrics?: string | undefined;
}

/** Runs in the worker. It tells what failed. */
export function runShareRole(): void {
  let server: ShareServer | undefined;
  runRole<Question, Serving | undefined, Failure>(async (question, tell) => {
    if (question.type === "stop") return await server?.stop() as undefined;
    server = await ShareServer.start(question.options, tell);
    const { origin, listening, metrics } = server;
    return { origin, listening, metrics };
  });
}
