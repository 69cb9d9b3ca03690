/**
 * Encrypts and decrypts files on two threads, of any length. Arguments: a socket, and a list of
 * {@link Order} as JSON. Prints what became of each: `done`, or the code of the error.
 */
import { connectBound } from "../../client/bound.ts";
import { openInput, openOutput } from "../../client/files.ts";
import { SecondLane } from "../../client/lanes.ts";
import { decryptFlow, encryptFlow } from "../../client/message.ts";
import { asCryptoError } from "../../core/errors.ts";
import { Pipes } from "../../platform/files.ts";
import { loadLibcrypto } from "../../platform/libcrypto.ts";

/** What is to be done. */
export interface Order {
  readonly operation: "encrypt" | "decrypt";
  readonly from: string;
  /** Written, and given its name, as far as it comes. */
  readonly to: string;
}

const [socket = "", orders = "[]"] = Deno.args;
const pipes = new Pipes();
const engine = loadLibcrypto();
if (!engine) throw new Error("there is no libcrypto");
const script = new URL("../../main.ts", import.meta.url).href;
const second = await SecondLane.start(script);
if (!second) throw new Error("there is one processor");
const service = await connectBound({ socket });

async function follow({ operation, from, to }: Order): Promise<string> {
  const input = openInput(from, pipes);
  const output = openOutput(to, { pipes, force: false, mode: 0o600 });
  try {
    const flow = operation === "encrypt"
      ? await encryptFlow(service, input, { engine })
      : await decryptFlow(() => Promise.resolve(service), input, { engine });
    await second!.pump(flow, { input, output }, { engine: engine!, pipes });
    return "done";
  } catch (error) {
    return asCryptoError(error).code;
  } finally {
    await output.publish();
  }
}

const outcomes: string[] = [];
for (const order of JSON.parse(orders)) outcomes.push(await follow(order));
console.log(JSON.stringify(outcomes));
Deno.exit(0);
