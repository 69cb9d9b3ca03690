/** The application behind a Lambda function: one event at a time, each to its answer. */
import { type AppFailure, ShareApp } from "../app.ts";
import { awsClients, PATIENCE } from "../aws/clients.ts";
import { AwsStore } from "../aws/store.ts";
import type { LambdaConfig } from "./config.ts";
import { type Answer, answerOf, requestOf } from "./event.ts";

/** What Lambda calls with an event. It always answers. */
export type Handler = (event: unknown) => Promise<Answer>;

/**
 * Makes the application. Asks nobody: a table that is not there shows with the first request.
 * @param tell is told whatever fails here
 */
export async function openFunction(
  { place, clientBytes, ...config }: LambdaConfig,
  tell: (failure: AppFailure) => void,
): Promise<Handler> {
  const store = new AwsStore({ ...place, clientBytes, ...awsClients(place, PATIENCE.function) });
  const app = new ShareApp({
    ...config,
    store,
    storage: await store.storageOrigin(),
    clock: Date.now,
    proxies: new Set(),
    onFailure: tell,
  });
  return handlerOf(app, config.origin);
}

/** Events to an application and back. */
export function handlerOf(app: Pick<ShareApp, "handle" | "refuse">, origin: string): Handler {
  return async (event) => {
    try {
      const { request, peer } = requestOf(event, origin);
      return await answerOf(await app.handle(request, peer));
    } catch (error) {
      return await answerOf(app.refuse(error));
    }
  };
}
