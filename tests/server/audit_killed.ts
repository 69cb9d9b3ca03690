/**
 * Goes on with an audit log whose next line has to be in a new file, and dies at one of the changes
 * to the file system. Arguments: the log, and the death as JSON. Prints the heads that it publishes.
 * Ends with status 0 if it was not to die.
 */
import { utf8 } from "../../core/bytes.ts";
import { dieAt } from "../support/die.ts";
import { goOn } from "./support.ts";

const [path, death] = Deno.args as [string, string];
dieAt(JSON.parse(death));
// At once: a head that was published before the death is one that verify is told of.
await goOn(path, (line) => Deno.stdout.writeSync(utf8(`${line}\n`)));
