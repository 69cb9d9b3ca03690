/**
 * Does a task of the certificate authority and dies at one of the changes to the file system.
 * Arguments: the directory, the task and the death as JSON, the passphrase. Ends with status 0 if it
 * was not to die.
 */
import { loadDurableExchange } from "../../platform/exchange.ts";
import { performPki, type PkiTask } from "../../server/pki/authority.ts";
import { dieAt } from "../support/die.ts";

const [directory, task, death, passphrase] = Deno.args as [string, string, string, string];
const exchange = loadDurableExchange();
dieAt(JSON.parse(death));
await performPki(directory, JSON.parse(task) as PkiTask, { passphrase, exchange });
