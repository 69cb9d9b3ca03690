/** Opens a store on AWS for a server that has only an address and the environment. */
import { CryptoError } from "../../core/errors.ts";
import { awsClients } from "./clients.ts";
import type { AwsPlace } from "./place.ts";
import { AwsStore } from "./store.ts";

/**
 * Opens it, and asks both services once.
 * @param clientBytes bytes that one client may bring in a day
 * @throws {CryptoError} `config` if one of them cannot be used like this
 */
export async function openAwsStore(place: AwsPlace, clientBytes: number): Promise<AwsStore> {
  const store = new AwsStore({ ...place, clientBytes, ...awsClients(place) });
  try {
    await store.check();
    return store;
  } catch (cause) {
    throw new CryptoError("config", { subject: "store", hint: reasonOf(cause), cause });
  }
}

/** Which of the two said what; the SDK's names of errors hold nothing secret. */
function reasonOf(thrown: unknown): string {
  const { subject, cause } = thrown instanceof CryptoError
    ? thrown
    : { subject: "", cause: thrown };
  const name = cause instanceof Error ? cause.name : "Error";
  return `${subject} answers ${name}: look at its name, region, credentials and rights`;
}
