/** Runs on a machine: the attack suite on the address that is given, over TLS. */
import { ATTACKS } from "../../share/attack/attacks.ts";

/** Not HTTP/2: nginx ends a connection after a thousand requests, and there others are under way. */
const client = Deno.createHttpClient({ http2: false });
const { fetch } = globalThis;
globalThis.fetch = (input, init) => {
  const options: RequestInit & { client: Deno.HttpClient } = { ...init, client };
  return fetch(input, options);
};

const [url = ""] = Deno.args;
for (const { name, run } of ATTACKS) {
  await run({ urls: [url], rounds: 3, attempts: 200 }).catch((cause) => {
    throw new Error(name, { cause });
  });
}
console.log(`${ATTACKS.length} attacks failed`);
