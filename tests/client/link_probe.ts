/**
 * A program that reaches a server by a worker, as the commands do where there is no OpenSSL, and
 * asks it when it has given up every permission. Arguments: server, directory of the identity,
 * host of another server. Prints JSON.
 */
import { over } from "../../client/connection.ts";
import { readIdentity } from "../../client/identity.ts";
import { KeyService } from "../../client/keyservice.ts";
import { startLink } from "../../client/link.ts";
import { readServer } from "../../client/network.ts";
import { Session } from "../../client/session.ts";
import { asCryptoError } from "../../core/errors.ts";
import { dropAllPermissions } from "../../platform/permissions.ts";

const [server = "", directory = ""] = Deno.args;
const script = new URL("../../main.ts", import.meta.url).href;
const dial = await startLink(script, readServer(server), readIdentity(directory));
dropAllPermissions();

async function ask(): Promise<string> {
  try {
    const service = new KeyService(await Session.open(over(dial)));
    const value = await service.decryptText(await service.encrypt("by a worker"));
    service.close();
    return value;
  } catch (error) {
    return asCryptoError(error).code;
  }
}

console.log(JSON.stringify([await ask(), await ask()]));
Deno.exit(0);
