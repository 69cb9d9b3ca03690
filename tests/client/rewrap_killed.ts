/**
 * Rewraps as the worker of `crypto rewrap` does, and dies at one of the changes to the file system.
 * Arguments: the death and the task as JSON. Ends with status 0 if it was not to die.
 */
import { rewrapAll } from "../../client/rewrap/worker.ts";
import { loadLibcrypto } from "../../platform/libcrypto.ts";
import { RegularFiles } from "../../platform/regular.ts";
import { dieAt } from "../support/die.ts";

const [death, task] = Deno.args as [string, string];
const tools = { engine: loadLibcrypto(), files: new RegularFiles() };
dieAt(JSON.parse(death));
const { failed } = await rewrapAll(JSON.parse(task), tools, () => {});
Deno.exit(failed.length);
