/**
 * What `index.mjs` of the Lambda bundle is made of. Node runs it: no Deno. A wrong configuration
 * ends it before it has answered anything.
 */
import process from "node:process";
import { asCryptoError } from "../../core/errors.ts";
import { lambdaConfig } from "./config.ts";
import { type Handler, openFunction } from "./function.ts";

/** One line of JSON on standard output, which goes to the log as it is. */
function log(line: Readonly<Record<string, string | undefined>>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

async function start(): Promise<Handler> {
  try {
    const config = lambdaConfig((name) => process.env[name]);
    return await openFunction(config, (failure) => log({ level: "error", ...failure }));
  } catch (thrown) {
    const { code, message, hint } = asCryptoError(thrown);
    log({ level: "fatal", code, message, hint });
    throw thrown;
  }
}

/** Lambda calls it with each event. */
export const handler: Handler = await start();
