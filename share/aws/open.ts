/** Opens a store on AWS for a server that has only an address and the environment. */
import { CryptoError } from "../../core/errors.ts";
import { awsClients } from "./clients.ts";
import { ServiceFailure } from "./failure.ts";
import type { AwsPlace } from "./place.ts";
import { AwsStore } from "./store.ts";

/**
 * Opens it, and uses every right once.
 * @param clientBytes bytes that one client may bring in a day
 * @throws {CryptoError} `config` if one of them cannot be used like this
 */
export async function openAwsStore(place: AwsPlace, clientBytes: number): Promise<AwsStore> {
  const store = new AwsStore({ ...place, clientBytes, ...awsClients(place) });
  try {
    await store.check();
    return store;
  } catch (cause) {
    if (!(cause instanceof ServiceFailure)) throw cause;
    throw new CryptoError("config", { subject: "store", hint: hintOf(cause), cause });
  }
}

/** Which of the two said what. */
function hintOf({ service, reason, right, isAnswer }: ServiceFailure): string {
  if (!isAnswer) {
    return `${service} cannot be reached (${reason}): look at its region, endpoint and the network`;
  }
  const to = right === undefined ? "" : ` to ${right}`;
  return `${service} answers ${reason}${to}: look at its name, region, credentials and rights`;
}
